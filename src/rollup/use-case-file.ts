/**
 * The use case file: one reviewable YAML document with mapping, drivers and rules in their text form.
 * `readUseCaseFile` keeps the line of every value, so that a problem found later still names its line;
 * `printUseCaseFile` writes a stored use case so that reading it gives the same use case.
 *
 * Raises TIE-2301 (no YAML), TIE-2302 (not the format), all problems at once.
 */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, stringify } from 'yaml'
import type { z } from 'zod'
import { type Place, type Problem, problem, Refusal } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import { printFormula } from './language/formula.js'
import { printPredicate } from './language/predicate.js'
import { DEFAULT_SCENARIOS, type Rule, type UseCase } from './use-case.js'
import { type UseCaseDraft, useCaseDraftSchema } from './use-case-draft.js'

export type Path = readonly (string | number)[]
/** Where the value at a path stands; `offset` is a character within a text value. */
export type PlaceOf = (path: Path, offset?: number) => Place

export interface UseCaseFile {
  readonly draft: UseCaseDraft
  readonly placeOf: PlaceOf
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': [
    'use_case',
    'description',
    'structure',
    'source',
    'measures',
    'policy',
    'scenarios',
    'drivers',
    'rules',
  ],
  source: ['engine', 'table', 'path', 'date', 'scenario'],
  drivers: ['nodes', 'column', 'value'],
  rules: ['node', 'where', 'scope', 'measure_name', 'formula', 'into', 'note'],
}

export function readUseCaseFile(text: string, file: string): UseCaseFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  if (document.errors.length > 0) {
    throw new Refusal(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0])
        return problem('TIE-2301', { detail: error.message.split('\n')[0]! }, { file, line, column: col })
      }),
    )
  }
  const placeOf: PlaceOf = (path, offset) => placeIn(document.contents, lines, file, path, offset)
  const parsed = useCaseDraftSchema.safeParse(plainValue(document.contents as Node | null))
  if (!parsed.success)
    throw new Refusal(parsed.error.issues.flatMap((issue) => formatProblems(issue, placeOf)))
  return { draft: parsed.data, placeOf }
}

/** Scalars as the text they were written in, so that 1.10 stays 1.10 and a node id 007 keeps its zeros. */
function plainValue(node: Node | null): unknown {
  if (node === null) return null
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map(({ key, value }) => [String(plainValue(key as Node)), plainValue(value as Node | null)]),
    )
  }
  if (isSeq(node)) return node.items.map((item) => plainValue(item as Node))
  if (isScalar(node))
    return node.value === null || typeof node.value === 'string'
      ? node.value
      : (node.source ?? String(node.value))
  // Aliases would let a small file name a large one; nobody needs them here.
  return isAlias(node) ? { alias: node.source } : undefined
}

function placeIn(
  root: unknown,
  lines: LineCounter,
  file: string,
  path: Path,
  offset: number | undefined,
): Place {
  let node = root
  let found = root as Node | null
  for (const step of path) {
    if (isMap(node)) node = node.get(String(step), true)
    else if (isSeq(node)) node = node.get(Number(step), true)
    else break
    // A key without a value is placed at what contains it.
    if (node === undefined || node === null) break
    found = node as Node
  }
  if (found === null || found.range === undefined || found.range === null) return { file, line: 1 }
  const start = lines.linePos(found.range[0])
  if (offset === undefined || !isScalar(found)) return { file, line: start.line, column: start.col }
  const quote = found.type === 'QUOTE_DOUBLE' || found.type === 'QUOTE_SINGLE' ? 1 : 0
  return { file, line: start.line, column: start.col + quote + offset }
}

function formatProblems(issue: z.core.$ZodIssue, placeOf: PlaceOf): Problem[] {
  const path = issue.path as Path
  const where = path.length === 0 ? 'the file' : path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') {
    return [problem('TIE-2302', { detail: `${where}: ${issueText(issue)}` }, placeOf(path))]
  }
  const known = KEYS[String(path[0] ?? '')] ?? []
  return issue.keys.map((key) =>
    problem(
      'TIE-2302',
      {
        detail: `${where}: unknown key "${key}"; known are ${known.join(', ')}.`,
        suggestion: didYouMean(key, known),
      },
      placeOf([...path, key]),
    ),
  )
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined ? 'is missing.' : `expected ${issue.expected}.`
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}.`
  if (issue.code === 'invalid_union') return 'expected leaves, all or a list of node ids.'
  return `${issue.message}.`
}

export function printUseCaseFile(useCase: UseCase): string {
  const { source, scenarios, drivers } = useCase
  const said = source.scenario === null ? scenarios.slice(0, 1) : scenarios
  const isDefault = JSON.stringify(said) === JSON.stringify(DEFAULT_SCENARIOS.slice(0, said.length))
  return stringify(
    {
      use_case: useCase.name,
      ...(useCase.description === null ? {} : { description: useCase.description }),
      structure: useCase.structure,
      source: {
        ...(source.engine === 'duckdb' ? { engine: 'duckdb', path: source.path } : {}),
        ...(source.table === null ? {} : { table: source.table }),
        date: source.date,
        scenario: source.scenario,
      },
      measures: Object.fromEntries(useCase.measures.map(({ name, column }) => [name, column])),
      policy: useCase.policy,
      ...(isDefault ? {} : { scenarios: said }),
      ...(drivers === null ? {} : { drivers }),
      rules: useCase.rules.map(printRule),
    },
    { lineWidth: 0, collectionStyle: 'any' },
  )
}

function printRule(rule: Rule): Record<string, string> {
  const note: Record<string, string> = rule.note === null ? {} : { note: rule.note }
  if (rule.flavour === 'arithmetic') {
    const into: Record<string, string> = rule.into === null ? {} : { into: rule.into }
    return { node: rule.node, formula: printFormula(rule.formula), ...into, ...note }
  }
  const where: Record<string, string> = rule.where === null ? {} : { where: printPredicate(rule.where) }
  const scope: Record<string, string> = rule.scope === 'node' ? {} : { scope: rule.scope }
  if (rule.flavour === 'filter') return { node: rule.node, ...where, ...scope, ...note }
  return { node: rule.node, ...where, ...scope, measure_name: rule.measure_name, into: rule.into, ...note }
}
