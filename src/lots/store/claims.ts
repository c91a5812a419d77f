/** The rows of a version as claims to be proved. Raises nothing. */

import type { Tx } from '../../books/books.js'
import { Claims } from '../claims.js'
import { copiedAllocations } from './copied-allocations.js'

export async function readClaims(
  tx: Tx,
  version: number,
  onRows: (rows: number) => void = () => {},
): Promise<Claims> {
  const claims = new Claims()
  for await (const rows of copiedAllocations(tx, version)) {
    for (const fields of rows) claims.add(fields)
    onRows(claims.rows)
  }
  return claims
}
