/**
 * JSON bodies: read up to a limit, examined before anything is built from them. A deep tree or a key that stands
 * twice is refused from the text alone, since a parser would run out of stack or silently take the last.
 * Raises TIE-1601 to TIE-1604.
 */

import { type Problem, problem, Refusal, refuse } from '../../base/errors.js'

export const MAX_DEPTH = 64
/** What is read and thrown away of a body that is too large, so that the client hears why. */
const DRAINED = 64 * 2 ** 20

type Chunks = AsyncIterable<Uint8Array>

/** The chunks, until there are more bytes than the limit. */
export async function* limited(chunks: Chunks, limit: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes <= limit) yield chunk
    else if (bytes > limit + DRAINED) break
  }
  if (bytes > limit) refuse('TIE-1602', { limit })
}

/** The object of a JSON body; an empty body is an empty object. */
export async function readJsonObject(
  chunks: Chunks,
  limit: number,
): Promise<Readonly<Record<string, unknown>>> {
  const parts: Uint8Array[] = []
  for await (const chunk of limited(chunks, limit)) parts.push(chunk)
  const text = decoded(Buffer.concat(parts))
  if (text.trim() === '') return {}
  const found = examineJson(text)
  if (found !== undefined) throw new Refusal([found])
  const value = parsed(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as never
  refuse('TIE-1601', { detail: 'an object is expected' }, { pointer: '' })
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    refuse('TIE-1601', { detail: 'it holds bytes that are not UTF-8' })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser's own words quote the body, which may be long.
    const detail = (error as Error).message.replace(/, "?[\s\S]*is not valid JSON$/, '').slice(0, 200)
    refuse('TIE-1601', { detail })
  }
}

interface Open {
  /** Keys seen so far; undefined for a list. */
  readonly keys: Set<string> | undefined
  key: string
  index: number
  atKey: boolean
}

/** What is wrong with the nesting or the keys. Text that is no JSON at all is left to the parser. */
export function examineJson(text: string): Problem | undefined {
  const open: Open[] = []
  for (let at = 0; at < text.length; at++) {
    const inner = open.at(-1)
    switch (text[at]) {
      case '{':
      case '[':
        if (open.length === MAX_DEPTH) return problem('TIE-1603', { limit: MAX_DEPTH })
        open.push(opened(text[at] === '{'))
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (inner !== undefined) {
          inner.atKey = inner.keys !== undefined
          inner.index++
        }
        break
      case '"': {
        const end = endOfText(text, at)
        if (inner?.atKey === true) {
          const twice = addKey(inner, text.slice(at, end + 1))
          if (twice !== undefined) return problem('TIE-1604', { key: twice }, { pointer: pointerTo(open) })
        }
        at = end
      }
    }
  }
  return undefined
}

const opened = (isObject: boolean): Open => ({
  keys: isObject ? new Set() : undefined,
  key: '',
  index: 0,
  atKey: isObject,
})

/** The place of the closing quote, or the end of the text. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}

/** The key when it was there already. */
function addKey(inner: Open, quoted: string): string | undefined {
  inner.atKey = false
  try {
    inner.key = JSON.parse(quoted) as string
  } catch {
    return undefined
  }
  if (inner.keys!.has(inner.key)) return inner.key
  inner.keys!.add(inner.key)
  return undefined
}

const pointerTo = (open: readonly Open[]): string =>
  open.map(({ keys, key, index }) => `/${keys === undefined ? index : escapedKey(key)}`).join('')

/** RFC 6901. */
const escapedKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${escapedKey(String(step))}`).join('')
