/**
 * Cursors of keyset pages: the place after which the next page begins, bound to the tenant, the operation and the
 * filters it was made under. Opaque to clients; a cursor that was made elsewhere is as wrong as a broken one.
 * Raises TIE-1605.
 */

import { z } from 'zod'
import { type Canonical, digestOf } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import type { TenantId } from './books.js'

export interface CursorScope {
  readonly tenant: TenantId
  /** Name of the operation. */
  readonly operation: string
  readonly filters: Canonical
}

const LONGEST = 4000

export function makeCursor(scope: CursorScope, position: Canonical): string {
  return Buffer.from(JSON.stringify({ p: position, d: markOf(scope) })).toString('base64url')
}

/** The position of a cursor of that scope, of the form that the operation puts in. */
export function readCursor<T>(scope: CursorScope, cursor: string, position: z.ZodType<T>): T {
  const content = z
    .object({ p: position, d: z.literal(markOf(scope)) })
    .strict()
    .safeParse(contentOf(cursor))
  return content.success ? content.data.p : refuse('TIE-1605', {}, { parameter: 'cursor' })
}

/** Undefined for what is no cursor, also when it is one in another spelling. */
function contentOf(cursor: string): unknown {
  if (cursor.length > LONGEST || !/^[\w-]+$/.test(cursor)) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(cursor, 'base64url')))
  } catch {
    return undefined
  }
}

/** Not a secret: a position only says where to go on among what the tenant sees anyway. */
const markOf = ({ tenant, operation, filters }: CursorScope): string =>
  digestOf({ tenant, operation, filters }).slice('sha256:'.length, 'sha256:'.length + 16)

/** The inputs and outputs of an operation that gives pages. */
export const cursorInput = z
  .string()
  .optional()
  .describe('Where to go on: next_cursor of the page before, with the same filters.')
export const nextCursor = z
  .string()
  .nullable()
  .describe('Pass it as cursor for the next page; null when this was the last.')

/** One row more than a page was asked for tells whether there is another. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursorAfter: (last: Row) => string,
): { readonly rows: readonly Row[]; readonly next_cursor: string | null } {
  if (rows.length <= limit) return { rows, next_cursor: null }
  const shown = rows.slice(0, limit)
  return { rows: shown, next_cursor: cursorAfter(shown.at(-1)!) }
}
