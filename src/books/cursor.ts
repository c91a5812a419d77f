/**
 * Cursors of pages: where the next page begins, as text that only its own list accepts. A cursor carries a
 * digest of everything that made the list (tenant, operation, filters), so one of another tenant, run or
 * filter is refused instead of showing the wrong rows. It is no secret and grants nothing: what a page shows
 * is decided by the request, the cursor only says from where on.
 *
 * Raises TIE-1605 for a text that is no cursor of this list.
 */

import { digestOf } from '../base/digest.js'
import { refuse } from '../base/errors.js'

/** Hex digits of the scope's digest that a cursor carries: enough that two lists never share one by chance. */
const DIGITS = 32
/** A cursor is short; a long text is none. */
const MAX_LENGTH = 2_000

const scopeDigest = (scope: readonly string[]): string =>
  digestOf([...scope])
    .replace(/^sha256:/, '')
    .slice(0, DIGITS)

/** The cursor of a position in the list that `scope` describes. */
export function makeCursor(scope: readonly string[], position: string): string {
  return Buffer.from(scopeDigest(scope) + position, 'utf8').toString('base64url')
}

/** The position that the cursor holds. */
export function readCursor(scope: readonly string[], text: string): string {
  if (text.length <= MAX_LENGTH && /^[\w-]+$/.test(text)) {
    const content = Buffer.from(text, 'base64url').toString('utf8')
    const position = content.slice(DIGITS)
    // Made again, it must be the same text: half a character or a stray bit is no cursor.
    if (content.startsWith(scopeDigest(scope)) && makeCursor(scope, position) === text) return position
  }
  refuse('TIE-1605', {})
}
