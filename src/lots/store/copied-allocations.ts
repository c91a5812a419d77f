/** The current rows of a version as a COPY delivers them: all of one moment, in bulk, never all at once. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { ALLOCATION_FIELDS } from '../allocation-rows.js'
import { instantOf } from './fact-rows.js'

const FIELDS = ALLOCATION_FIELDS.length
/** Where the instants are, and what of them is below the microsecond. */
const INSTANTS = [
  [ALLOCATION_FIELDS.indexOf('buy_executed_at'), FIELDS],
  [ALLOCATION_FIELDS.indexOf('sell_executed_at'), FIELDS + 1],
] as const

/** Rows of ALLOCATION_FIELDS, by symbol and in the order in which they arose; instants in nine digits of a second. */
export async function* copiedAllocations(
  tx: Tx,
  version: number,
): AsyncGenerator<readonly (readonly (string | null)[])[]> {
  const query = `SELECT ${ALLOCATION_FIELDS.join(', ')}, buy_executed_ns, sell_executed_ns FROM fifo_allocations
    WHERE allocation_version = ${version} ORDER BY symbol, allocation_no`
  for await (const rows of copiedRows(tx.copyOut(query))) {
    for (const fields of rows as (string | null)[][]) {
      for (const [at, ns] of INSTANTS) {
        const text = fields[at]!
        if (text !== null) fields[at] = instantOf(text, fields[ns]!)
      }
      fields.length = FIELDS
    }
    yield rows
  }
}
