/**
 * What must hold of a mart once it is built, in one form for every tool: dbt's tests, a Great Expectations suite and
 * plain SQL are all written from it. Every check is also a query for the rows that break it. Raises nothing.
 */

import {
  column,
  compare,
  equal,
  every,
  filter,
  isNull,
  not,
  number,
  output,
  project,
  type Rel,
  ref,
  some,
  text,
} from '../../engines/plan/plan.js'
import type { Layer } from '../pipeline/pipeline.js'

export type Rule =
  | { readonly kind: 'not_null'; readonly column: string }
  | { readonly kind: 'unique'; readonly column: string }
  | { readonly kind: 'values'; readonly column: string; readonly values: readonly string[] }
  /** A query of its own for the rows that should not be there. */
  | { readonly kind: 'rows'; readonly plan: Rel }

export interface MartCheck {
  /** Lower case, digits and underscores: a file and a test are named so. */
  readonly name: string
  /** What holds, as a sentence. */
  readonly statement: string
  readonly layer: Layer
  readonly object: string
  readonly rule: Rule
}

/** The rows that break the check: none where it holds. */
export function brokenBy({ object, rule }: MartCheck): Rel {
  if (rule.kind === 'rows') return rule.plan
  const value = column(rule.column, 'r')
  const rows = ref(object, 'r')
  const shown = output(rule.column, value)
  if (rule.kind === 'not_null') return project(filter(rows, [isNull(value)]), [shown])
  if (rule.kind === 'unique')
    return {
      rel: 'aggregate',
      input: filter(rows, [not(isNull(value))]),
      keys: [shown],
      outputs: [output('ROW_COUNT', { op: 'count' })],
      having: compare({ op: 'count' }, '>', number(1)),
    }
  const known = some(rule.values.map((each) => equal(value, text(each))))
  return project(filter(rows, [every([not(isNull(value)), not(known)])]), [shown])
}
