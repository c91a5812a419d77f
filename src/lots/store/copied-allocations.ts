/** The current rows of a version as a COPY delivers them: all of one moment, in bulk, never all at once. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { ALLOCATION_FIELDS } from '../allocation-rows.js'

/** In nine digits of a second, as facts are compared. */
const nano = (at: string, ns: string): string =>
  `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || lpad(${ns}::text, 3, '0') || 'Z'`

const SELECTED = ALLOCATION_FIELDS.map((name) =>
  name === 'buy_executed_at' || name === 'sell_executed_at' ? nano(name, name.replace('_at', '_ns')) : name,
)

/** Rows of ALLOCATION_FIELDS, by symbol and in the order in which they arose. */
export const copiedAllocations = (
  tx: Tx,
  version: number,
): AsyncGenerator<readonly (readonly (string | null)[])[]> =>
  copiedRows(
    tx.copyOut(
      `SELECT ${SELECTED.join(', ')} FROM fifo_allocations WHERE allocation_version = ${version}
       ORDER BY symbol, allocation_no`,
    ),
  )
