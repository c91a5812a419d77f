/**
 * The use case file: one reviewable YAML document with mapping, drivers and rules in their text form.
 * `readUseCaseFile` keeps the line of every value, so that a problem found later still names its line;
 * `printUseCaseFile` writes a stored use case so that reading it gives the same use case.
 *
 * Raises TIE-2301 (no YAML), TIE-2302 (not the format), all problems at once.
 */

import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Range,
  stringify,
  visit,
} from 'yaml'
import type { z } from 'zod'
import { type Place, type Problem, problem, Refusal, refuse, refuseAll } from '../base/errors.js'
import { didYouMean, unstorable } from '../base/text.js'
import { DEFAULT_SCENARIOS, type UseCase } from './use-case.js'
import { ruleDraftOf, type UseCaseDraft, useCaseDraftSchema } from './use-case-draft.js'
import { isDeeperThan } from './yaml-depth.js'

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

/** A file with more syntax errors than this is no YAML at all. */
const MAX_SYNTAX_ERRORS = 10

/** No use case needs more than a handful. */
const MAX_DEPTH = 64

export function readUseCaseFile(text: string, file: string): UseCaseFile {
  if (isDeeperThan(text, MAX_DEPTH)) {
    refuse('TIE-2301', { detail: `it is nested deeper than ${MAX_DEPTH} levels.` }, { file, line: 1 })
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  if (document.errors.length > 0) {
    const shown = document.errors.slice(0, MAX_SYNTAX_ERRORS)
    throw new Refusal(
      shown.map(({ message, pos }) => problem('TIE-2301', { detail: message.split('\n')[0]! }, at(pos[0]))),
    )
  }
  refuseUnusable(document, at)
  const placeOf: PlaceOf = (path, offset) => placeIn(document.contents, lines, file, path, offset)
  const value = plainValue(document.contents as Node | null)
  const parsed = useCaseDraftSchema.safeParse(value, { reportInput: true })
  if (parsed.success) return { draft: parsed.data, placeOf }
  throw new Refusal(parsed.error.issues.flatMap((issue) => formatProblems(issue, placeOf)))
}

/** YAML or JSON as plain data, read as the file is: scalars stay the text they were written in. Throws an Error with where. */
export function plainYaml(text: string): unknown {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw error
  refuseUnusable(document, () => ({}))
  return plainValue(document.contents as Node | null)
}

/** Aliases, which would let a small file name a large one, and text that no database can hold. */
function refuseUnusable(document: Document, at: (offset: number) => Place): void {
  const problems: Problem[] = []
  const add = (detail: string, range: Range | null | undefined): void => {
    problems.push(problem('TIE-2302', { detail }, at(range?.[0] ?? 0)))
  }
  visit(document, {
    Alias(_, { source, range }) {
      add(`The alias *${source} is not taken: write the value out.`, range)
    },
    Scalar(_, { value, range }) {
      const what = typeof value === 'string' ? unstorable(value) : undefined
      if (what !== undefined) add(`The text holds ${what}, which cannot be stored.`, range)
    },
  })
  refuseAll(problems)
}

/**
 * Scalars as the text they were written in, so that 1.10 stays 1.10 and a node id 007 keeps its zeros. A value
 * left empty is missing: null is said, never implied. The measures become a list, which keeps their order
 * whatever their names are.
 */
function plainValue(node: Node | null, key = ''): unknown {
  if (isMap(node)) {
    const pairs = node.items.map((item) => {
      const name = String(plainValue(item.key as Node))
      return [name, plainValue(item.value as Node | null, name)] as const
    })
    return key === 'measures' ? pairs.map(([name, column]) => ({ name, column })) : Object.fromEntries(pairs)
  }
  if (isSeq(node)) return node.items.map((item) => plainValue(item as Node))
  if (!isScalar(node)) return undefined
  if (node.value === null) return node.source === undefined || node.source === '' ? undefined : null
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
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
    if (isMap(node)) node = typeof step === 'number' ? node.items[step]?.value : node.get(step, true)
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

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'keys with values',
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined
      ? 'is missing.'
      : `expected ${EXPECTED[issue.expected] ?? issue.expected}.`
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}.`
  if (issue.code === 'invalid_union') return 'expected leaves, all or a list of node ids.'
  return `${issue.message}.`
}

export function printUseCaseFile(useCase: UseCase): string {
  const { source, scenarios, drivers } = useCase
  const isDefault = JSON.stringify(scenarios) === JSON.stringify(DEFAULT_SCENARIOS)
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
      measures: new Map(useCase.measures.map(({ name, column }) => [name, column])),
      policy: useCase.policy,
      ...(isDefault ? {} : { scenarios }),
      ...(drivers === null ? {} : { drivers }),
      rules: useCase.rules.map(ruleDraftOf),
    },
    { lineWidth: 0, collectionStyle: 'any' },
  )
}
