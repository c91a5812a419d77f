/**
 * NDJSON files as records of text with their line numbers: an object of plain values a line. A number is taken as
 * the text it is written as, so that none passes through a float. Streams; keeps nothing but the batch at hand.
 *
 * Raises TIE-1005, TIE-2410; a line that is no such object is handed on as its problem (TIE-3151).
 */

import { createReadStream } from 'node:fs'
import { type Problem, problem, refuse } from '../base/errors.js'

/** Longer lines are no record of anything, and a file without line breaks must not fill the memory. */
export const MAX_LINE = 1 << 20

export interface NdjsonRecord {
  /** 1-based. */
  readonly line: number
  readonly text: string
  /** By name; null is the empty text, a list its members with spaces between. */
  readonly values: ReadonlyMap<string, string> | Problem
}

export interface TextLine {
  /** 1-based. */
  readonly line: number
  /** Without its end. */
  readonly text: string
  /** What is wrong with it already: it is too long, or was no row of a table. */
  readonly problems?: readonly Problem[]
}

export async function* readNdjson(
  file: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<readonly NdjsonRecord[]> {
  for await (const lines of readLines(file, onBytes)) {
    yield lines.map(({ line, text, problems: found }) => ({
      line,
      text,
      values: found?.[0] ?? valuesOf(text),
    }))
  }
}

/** The lines of the file that are not blank. */
export async function* readLines(
  file: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<readonly TextLine[]> {
  const input = createReadStream(file, { highWaterMark: 1 << 18, encoding: 'utf8' })
  let rest = ''
  let line = 0
  let empty = true
  const record = (text: string): TextLine | undefined => {
    line += 1
    const bare = text.replace(/\r$/, '').replace(/^\uFEFF/, line === 1 ? '' : '\uFEFF')
    if (bare.trim() === '') return undefined
    empty = false
    return bare.length > MAX_LINE
      ? { line, text: '', problems: [tooLong(bare.length)] }
      : { line, text: bare }
  }
  try {
    for await (const chunk of input as AsyncIterable<string>) {
      onBytes?.(input.bytesRead)
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop()!
      yield lines.flatMap((text) => record(text) ?? [])
      // The rest of the file may be this one line: it is not waited for.
      if (rest.length > MAX_LINE) {
        yield [{ line: line + 1, text: '', problems: [tooLong(rest.length)] }]
        return
      }
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    refuse('TIE-1005', { file, detail: message })
  } finally {
    input.destroy()
  }
  const last = record(rest)
  if (last !== undefined) yield [last]
  if (empty) refuse('TIE-2410', {}, { file, line: 1 })
}

const bad = (detail: string): Problem => problem('TIE-3151', { detail })
const tooLong = (length: number): Problem =>
  bad(`it has at least ${length} characters; the limit is ${MAX_LINE}`)

/** Text that ends a key, other text, a number that is no key. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\s*:)/g

/** JSON with its numbers as text, so that none passes through a float. */
export const numbersAsText = (json: string): string =>
  json.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`))

function valuesOf(text: string): ReadonlyMap<string, string> | Problem {
  const keys = text.match(TOKEN)?.filter((token) => token.endsWith(':')).length ?? 0
  const quoted = numbersAsText(text)
  let parsed: unknown
  try {
    parsed = JSON.parse(quoted)
  } catch {
    return bad('it cannot be read as JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return bad('it is no object')
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(parsed)) {
    const plain = plainText(value)
    if (plain === undefined)
      return bad(`"${name.slice(0, 60)}" is neither text, a number, null nor a list of those`)
    values.set(name, plain)
  }
  if (keys !== values.size) return bad('it names a column twice')
  return values
}

function plainText(value: unknown): string | undefined {
  if (value === null) return ''
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.join(' ') : undefined
}
