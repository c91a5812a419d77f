/** Symbols that facts are of. Raises TIE-3171 for one that none is. */

import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Tx } from '../../books/books.js'

export async function knownSymbol(tx: Tx, symbol: string): Promise<void> {
  const [found] = await tx.rows<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM trade_records WHERE symbol = $1) OR EXISTS (SELECT FROM lot_transfers WHERE symbol = $1)
       OR EXISTS (SELECT FROM lot_splits WHERE symbol = $1) AS some`,
    [symbol],
  )
  if (found!.some) return
  const known = await tx.rows<{ symbol: string }>(
    'SELECT DISTINCT symbol FROM trade_records WHERE symbol IS NOT NULL ORDER BY symbol LIMIT 10000',
  )
  const names = known.map((row) => row.symbol)
  refuse('TIE-3171', { symbol, suggestion: didYouMean(symbol, names) })
}
