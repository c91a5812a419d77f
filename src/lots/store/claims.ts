/** The rows of a version as claims to be proved, streamed by COPY. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { copiedRows } from '../../engines/copied-rows.js'
import { ALLOCATION_FIELDS } from '../allocation-rows.js'
import { Claims } from '../claims.js'

/** In nine digits of a second, as the proof compares them. */
const nano = (at: string, ns: string): string =>
  `to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || lpad(${ns}::text, 3, '0') || 'Z'`

const SELECTED = ALLOCATION_FIELDS.map((name) =>
  name === 'buy_executed_at' || name === 'sell_executed_at' ? nano(name, name.replace('_at', '_ns')) : name,
)

export async function readClaims(
  tx: Tx,
  version: number,
  onRows: (rows: number) => void = () => {},
): Promise<Claims> {
  const claims = new Claims()
  const query = `SELECT ${SELECTED.join(', ')} FROM fifo_allocations WHERE allocation_version = ${version}
    ORDER BY symbol, allocation_no`
  for await (const rows of copiedRows(tx.copyOut(query))) {
    for (const fields of rows) claims.add(fields)
    onRows(claims.rows)
  }
  return claims
}
