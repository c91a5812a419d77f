/**
 * YAML documents that people write: scalars as the text they were written in, the line and column of every
 * value, so that a problem found later still names its place. JSON is YAML, so programs may send that.
 *
 * Raises the two codes of the form it is given: no YAML, and not the format; all problems at once.
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
  visit,
} from 'yaml'
import type { z } from 'zod'
import { type Place, type Problem, problem, Refusal, refuse, refuseAll } from './errors.js'
import { didYouMean, unstorable } from './text.js'
import { isDeeperThan } from './yaml-depth.js'

export type Path = readonly (string | number)[]
/** Where the value at a path stands; `offset` is a character within a text value. */
export type PlaceOf = (path: Path, offset?: number) => Place

/** A kind of document. */
export interface YamlForm<T> {
  readonly schema: z.ZodType<T>
  readonly notYaml: 'TIE-2301' | 'TIE-2701' | 'TIE-5001'
  readonly notTheFormat: 'TIE-2302' | 'TIE-2702' | 'TIE-5002'
  /** The keys of each object, by its path without positions in lists: '', 'rules'. */
  readonly keys: Readonly<Record<string, readonly string[]>>
  /** Maps that are read as lists, by their key. */
  readonly lists?: Readonly<Record<string, (key: string, value: unknown) => unknown>>
  /** What stands where a value may have one of several shapes. */
  readonly union?: string
}

export interface YamlFile<T> {
  readonly value: T
  readonly placeOf: PlaceOf
}

/** A file with more syntax errors than this is no YAML at all. */
const MAX_SYNTAX_ERRORS = 10

/** No document that people write needs more than a handful. */
const MAX_DEPTH = 64

export function readYamlFile<T>(text: string, file: string, form: YamlForm<T>): YamlFile<T> {
  if (isDeeperThan(text, MAX_DEPTH)) {
    refuse(form.notYaml, { detail: `it is nested deeper than ${MAX_DEPTH} levels.` }, { file, line: 1 })
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
      shown.map(({ message, pos }) => problem(form.notYaml, { detail: message.split('\n')[0]! }, at(pos[0]))),
    )
  }
  refuseUnusable(document, at, form.notTheFormat)
  const placeOf: PlaceOf = (path, offset) => placeIn(document.contents, lines, file, path, offset)
  const value = plainValue(document.contents as Node | null, form.lists ?? {})
  const parsed = form.schema.safeParse(value, { reportInput: true })
  if (parsed.success) return { value: parsed.data, placeOf }
  throw new Refusal(parsed.error.issues.flatMap((issue) => formatProblems(issue, placeOf, form)))
}

/**
 * YAML or JSON without a form, as plain data: an input of the command line. Throws an Error with where in the
 * text it is no YAML.
 */
export function readYamlText(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH)) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`)
  const document = parseDocument(text)
  const [error] = document.errors
  if (error !== undefined) throw error
  refuseUnusable(document, () => ({}), 'TIE-2302')
  return plainValue(document.contents as Node | null, {})
}

/** Aliases, which would let a small file name a large one, and text that no database can hold. */
function refuseUnusable(
  document: Document,
  at: (offset: number) => Place,
  code: 'TIE-2302' | 'TIE-2702' | 'TIE-5002',
): void {
  const problems: Problem[] = []
  const add = (detail: string, range: Range | null | undefined): void => {
    problems.push(problem(code, { detail }, at(range?.[0] ?? 0)))
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

type Lists = NonNullable<YamlForm<unknown>['lists']>

/**
 * Scalars as the text they were written in, so that 1.10 stays 1.10 and a node id 007 keeps its zeros. A value
 * left empty is missing: null is said, never implied.
 */
function plainValue(node: Node | null, lists: Lists, key = ''): unknown {
  if (isMap(node)) {
    const pairs = node.items.map((item) => {
      const name = String(plainValue(item.key as Node, lists))
      return [name, plainValue(item.value as Node | null, lists, name)] as const
    })
    const entry = Object.hasOwn(lists, key) ? lists[key] : undefined
    return entry === undefined ? Object.fromEntries(pairs) : pairs.map(([name, value]) => entry(name, value))
  }
  if (isSeq(node)) return node.items.map((item) => plainValue(item as Node, lists))
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

function formatProblems<T>(issue: z.core.$ZodIssue, placeOf: PlaceOf, form: YamlForm<T>): Problem[] {
  const path = issue.path as Path
  const code = form.notTheFormat
  const where = path.length === 0 ? 'the file' : path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') {
    return [problem(code, { detail: `${where}: ${issueText(issue, form)}` }, placeOf(path))]
  }
  const known = form.keys[path.filter((step) => typeof step === 'string').join('.')] ?? []
  return issue.keys.map((key) =>
    problem(
      code,
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

function issueText<T>(issue: z.core.$ZodIssue, form: YamlForm<T>): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined
      ? 'is missing.'
      : `expected ${EXPECTED[issue.expected] ?? issue.expected}.`
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}.`
  if (issue.code === 'invalid_union' && form.union !== undefined) return form.union
  return `${issue.message}.`
}
