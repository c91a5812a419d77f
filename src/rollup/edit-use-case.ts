/**
 * Edits of a use case: what a person changes in a screen or a trial, applied to the draft of the stored one.
 * The edited draft is then bound as a whole, so an edit is checked exactly as a file would be.
 *
 * Raises TIE-2314 for a rule that is not there.
 */

import { z } from 'zod'
import { type Place, type Problem, problem, refuseAll } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import { formulaSums, parseFormula } from '../language/formula.js'
import { type RuleDraft, ruleDraftSchema, type UseCaseDraft, useCaseDraftSchema } from './use-case-draft.js'
import type { Path, PlaceOf } from './use-case-file.js'

const { structure, source, measures, scenarios, drivers } = useCaseDraftSchema.shape

export const editsSchema = z.strictObject({
  description: z.string().max(2000).nullable().optional().describe('Null takes it away.'),
  structure: structure.optional(),
  source: source.optional(),
  measures: measures.optional(),
  policy: z.enum(['most_specific', 'top_down']).optional().describe('Precedence of rules.'),
  scenarios,
  drivers: drivers.nullable().describe("Null: the structure's own bindings."),
  rules: z.array(ruleDraftSchema).max(100_000).optional().describe('All rules, in place of those there are.'),
  set_rules: z
    .array(ruleDraftSchema)
    .max(10_000)
    .optional()
    .describe('Rules to add; one that sets the same measures of a node is replaced.'),
  remove_rules: z
    .array(z.strictObject({ node: z.string(), into: z.string().optional() }))
    .max(10_000)
    .optional()
    .describe('Rules to take away, by node (and by the measure they set).'),
})

export type Edits = z.output<typeof editsSchema>

export interface EditedDraft {
  readonly draft: UseCaseDraft
  /** Places are JSON pointers into the edits; what was not edited has none. */
  readonly placeOf: PlaceOf
}

export function editDraft(stored: UseCaseDraft, edits: Edits): EditedDraft {
  const { rules: all, set_rules = [], remove_rules = [], description, drivers: given, ...plain } = edits
  const columns = plain.measures ?? stored.measures
  const kept: PlacedRule[] =
    all === undefined
      ? stored.rules.map((rule) => ({ rule, at: undefined }))
      : all.map((rule, i) => ({ rule, at: ['rules', i] }))
  const left = removeRules(kept, remove_rules, columns)
  const placed = setRules(left, set_rules, columns)
  const { description: described, drivers: bound, ...rest } = stored
  const shown = description === undefined ? described : (description ?? undefined)
  const driven = given === undefined ? bound : (given ?? undefined)
  return {
    draft: {
      ...rest,
      ...definedOf(plain),
      ...(shown === undefined ? {} : { description: shown }),
      ...(driven === undefined ? {} : { drivers: driven }),
      rules: placed.map(({ rule }) => rule),
    },
    placeOf: (path) => placeIn(edits, placed, path),
  }
}

interface PlacedRule {
  readonly rule: RuleDraft
  /** Where in the edits it stands; undefined: it is as stored. */
  readonly at: Path | undefined
}

const definedOf = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never

type Measures = UseCaseDraft['measures']

/** The measure a rule sets; null: all of them. As binding will have it, see bind-use-case.ts. */
function measureSetBy({ formula, measure_name, into }: RuleDraft, measures: Measures): string | null {
  if (into !== undefined) return into
  const first = measures[0]?.name ?? null
  if (formula === undefined) return measure_name === undefined ? null : first
  const parsed = parseFormula(formula)
  return parsed.ok && formulaSums(parsed.formula).length > 0 ? first : null
}

function removeRules(
  rules: readonly PlacedRule[],
  removed: NonNullable<Edits['remove_rules']>,
  measures: Measures,
): readonly PlacedRule[] {
  const problems: Problem[] = []
  let left = rules
  removed.forEach(({ node, into }, i) => {
    const after = left.filter(
      ({ rule }) => rule.node !== node || (into !== undefined && measureSetBy(rule, measures) !== into),
    )
    if (after.length === left.length) {
      const ruled = rules.map(({ rule }) => rule.node)
      const what = into === undefined ? '' : ` for ${into}`
      const params = { node, what, suggestion: didYouMean(node, ruled) }
      problems.push(problem('TIE-2314', params, { pointer: `/remove_rules/${i}` }))
    }
    left = after
  })
  refuseAll(problems)
  return left
}

function setRules(
  rules: readonly PlacedRule[],
  set: readonly RuleDraft[],
  measures: Measures,
): readonly PlacedRule[] {
  const placed = [...rules]
  set.forEach((rule, i) => {
    const sets = measureSetBy(rule, measures)
    const at: Path = ['set_rules', i]
    const replaced = placed.findIndex(
      (known) => known.rule.node === rule.node && measureSetBy(known.rule, measures) === sets,
    )
    if (replaced < 0) placed.push({ rule, at })
    else placed[replaced] = { rule, at }
  })
  return placed
}

function placeIn(edits: Edits, rules: readonly PlacedRule[], path: Path): Place {
  const [first, second, ...rest] = path
  if (first === 'rules') {
    const at = typeof second === 'number' ? rules[second]?.at : undefined
    return at === undefined ? {} : { pointer: pointerOf([...at, ...rest]) }
  }
  return first !== undefined && first in edits ? { pointer: pointerOf(path) } : {}
}

/** RFC 6901. */
export const pointerOf = (path: Path): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
