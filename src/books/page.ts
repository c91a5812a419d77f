/**
 * Pages of a list by the place where they begin: what an operation that gives pages takes, gives and works out.
 * Raises TIE-1605 for a cursor that holds no position of this list's form.
 */

import { z } from 'zod'
import { refuse } from '../base/errors.js'
import { makeCursor, readCursor } from './cursor.js'

/** The input and the output of an operation that gives pages. */
export const cursorInput = z
  .string()
  .optional()
  .describe('Where to go on: next_cursor of the page before, with the same filters.')
export const nextCursor = z
  .string()
  .nullable()
  .describe('Pass it as cursor for the next page; null when this was the last.')

/** The position after which the page begins; undefined for the first page. */
export function positionOf<T>(
  scope: readonly string[],
  cursor: string | undefined,
  form: z.ZodType<T>,
): T | undefined {
  if (cursor === undefined) return undefined
  const position = form.safeParse(contentOf(readCursor(scope, cursor)))
  return position.success ? position.data : refuse('TIE-1605', {})
}

function contentOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One row more than a page was asked for tells whether there is another. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  scope: readonly string[],
  position: (last: Row) => unknown,
): { readonly rows: readonly Row[]; readonly next_cursor: string | null } {
  if (rows.length <= limit) return { rows, next_cursor: null }
  const shown = rows.slice(0, limit)
  return { rows: shown, next_cursor: makeCursor(scope, JSON.stringify(position(shown.at(-1)!))) }
}
