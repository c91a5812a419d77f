/**
 * The zod schema of predicates that arrive as JSON: strict, and under the same caps as the text, so that
 * every tree it accepts can be printed and parsed again. The depth is measured with a loop before zod
 * recurses. Raises nothing; zod reports issues with their path.
 */

import { z } from 'zod'
import { parseDate } from '../base/dates.js'
import { MAX_DEPTH, MAX_LIST, MAX_NUMBER, MAX_TEXT } from './language.js'
import type { Literal, Predicate } from './predicate.js'
import { printPredicate } from './print-predicate.js'

const column = z.string().min(1, 'a column has a name')

const literal: z.ZodType<Literal> = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({
    number: z
      .string()
      .max(MAX_NUMBER + 1)
      .regex(/^-?(?=.{1,100}$)(?:\d+(?:\.\d+)?|\.\d+)$/, 'plain decimal text such as "-1234.50"'),
  }),
  z.strictObject({
    date: z.string().refine((text) => parseDate(text) !== undefined, 'a date such as "2025-12-24"'),
  }),
  z.strictObject({ boolean: z.boolean() }),
])

const tree: z.ZodType<Predicate> = z.lazy(() =>
  z.discriminatedUnion('op', [
    z.strictObject({ op: z.enum(['and', 'or']), args: z.array(tree).min(2).max(MAX_LIST) }),
    z.strictObject({ op: z.literal('not'), arg: tree }),
    z.strictObject({ op: z.enum(['eq', 'ne', 'lt', 'lte', 'gt', 'gte']), column, value: literal }),
    z.strictObject({ op: z.enum(['in', 'not_in']), column, values: z.array(literal).min(1).max(MAX_LIST) }),
    z.strictObject({ op: z.literal('between'), column, low: literal, high: literal }),
    z.strictObject({ op: z.literal('like'), column, pattern: z.string() }),
    z.strictObject({ op: z.literal('is_null'), column }),
  ]),
)

export const predicateSchema: z.ZodType<Predicate> = z
  .unknown()
  .refine((value) => !isTooDeep(value), `nested deeper than ${MAX_DEPTH} levels`)
  .pipe(tree)
  .refine(
    (predicate) => printPredicate(predicate).length <= MAX_TEXT,
    `longer than ${MAX_TEXT} characters of text`,
  )

/** Follows only what the schema recurses into. */
function isTooDeep(root: unknown): boolean {
  const pending: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }]
  for (;;) {
    const next = pending.pop()
    if (next === undefined) return false
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > MAX_DEPTH) return true
    const { arg, args } = value as { readonly arg?: unknown; readonly args?: unknown }
    if (arg !== undefined) pending.push({ value: arg, depth: depth + 1 })
    if (Array.isArray(args)) for (const each of args) pending.push({ value: each, depth: depth + 1 })
  }
}
