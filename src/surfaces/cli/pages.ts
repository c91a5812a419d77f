/**
 * `--all` of operations whose output comes in pages: every row, page by page, as CSV or NDJSON. An operation
 * is paged when its input has a `cursor`; its output then has the `next_cursor`, null at the end.
 *
 * Raises TIE-1002 for a form that is one document.
 */

import { problem, Refusal } from '../../base/errors.js'
import type { Operation } from '../../books/operation.js'
import type { CommandContext } from './command-line.js'
import { PRESENTATIONS } from './present.js'
import { csv, csvLines, ndjson } from './table.js'

export const isPaged = ({ input }: Operation): boolean => 'cursor' in input.shape

/** Rows of a page when the user does not say: fewer pages are less work. */
const PAGE_ROWS = 10_000

export async function printAllPages(
  context: CommandContext,
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { json, format = 'csv' } = context.options
  if (json === true || format === 'json' || format === 'table') {
    const detail = '--all prints rows: use it with --format csv or --format ndjson.'
    throw new Refusal([problem('TIE-1002', { command: operation.name, detail })])
  }
  const rowsOf = PRESENTATIONS[operation.name]!.rows!
  await context.withSession(async ({ context: operationContext }) => {
    let cursor = input.cursor
    for (let page = 1; ; page++) {
      const limit = given.limit === undefined ? PAGE_ROWS : input.limit
      const output = operation.output.parse(
        await operation.run(operationContext, { ...input, limit, cursor } as never),
      ) as { readonly next_cursor: string | null }
      const table = rowsOf(output as never)
      context.print(format === 'ndjson' ? ndjson(table) : page === 1 ? csv(table) : csvLines(table))
      if (output.next_cursor === null) return
      cursor = output.next_cursor
    }
  })
  return 0
}
