/**
 * Opens the fact source of a use case for looking at its rows, for the time of one piece of work. Raises
 * TIE-1104, TIE-1005, TIE-2407, TIE-2419.
 */

import { refuse } from '../base/errors.js'
import type { Tx } from '../books/books.js'
import { factTable } from '../books/fact-tables.js'
import type { FactRows } from '../engines/fact-rows.js'
import { bookRows } from '../engines/fact-rows-books.js'
import type { SourceSpec } from './use-case.js'

export async function withFactRows<T>(
  tx: Tx,
  spec: SourceSpec,
  useCaseId: string,
  work: (rows: FactRows) => Promise<T>,
): Promise<T> {
  if (spec.engine === 'snowflake') refuse('TIE-2419', { source: spec.table! })
  if (spec.engine === 'books') return work(bookRows(tx, await factTable(tx, spec.table!), useCaseId))
  const { openDuckRows } = await import('../engines/fact-rows-duckdb.js')
  const rows = await openDuckRows({ path: spec.path!, ...(spec.table === null ? {} : { table: spec.table }) })
  try {
    return await work(rows)
  } finally {
    rows.close()
  }
}
