/**
 * Which facts the rows of a version were computed of: up to a number of arrival, which is another for symbols that
 * failed since or were computed alone. Raises nothing.
 */

import type { Tx } from '../../books/books.js'
import type { LotFact } from '../compare.js'
import { readFacts } from './facts.js'

export interface SeenFacts {
  /** As trade_seq. */
  readonly through: bigint
  /** Symbols that have seen other facts than the rest. */
  readonly others: ReadonlyMap<string, bigint>
}

interface Logged {
  readonly through: bigint
  readonly symbol: string | null
  readonly failed: readonly { readonly symbol: string }[]
}

export async function seenFacts(tx: Tx, version: number): Promise<SeenFacts> {
  const log = await tx.rows<Logged>(
    `SELECT l.trades_through AS through, r.parameters ->> 'symbol' AS symbol, l.failed_symbols AS failed
       FROM fifo_computation_log AS l JOIN calculation_runs AS r ON r.tenant_id = l.tenant_id AND r.id = l.batch_id
      WHERE l.allocation_version = $1 AND l.status IN ('completed', 'partial')
      ORDER BY l.computation_no DESC`,
    [version],
  )
  let through: bigint | undefined
  const others = new Map<string, bigint>()
  let pending: string[] = []
  for (const { symbol, failed, ...one } of log) {
    if (symbol !== null) {
      const isOpen = through === undefined ? !others.has(symbol) : pending.includes(symbol)
      if (isOpen && failed.length === 0) others.set(symbol, one.through)
      pending = pending.filter((name) => name !== symbol)
      continue
    }
    const failing = failed.map((each) => each.symbol)
    if (through === undefined) {
      through = one.through
      pending = failing.filter((name) => !others.has(name))
    } else {
      for (const name of pending) if (!failing.includes(name)) others.set(name, one.through)
      pending = pending.filter((name) => failing.includes(name))
    }
    if (pending.length === 0) break
  }
  for (const name of pending) others.set(name, 0n)
  return { through: through ?? 0n, others }
}

/** Hands every fact that counts to `take`; of one symbol where one is given. */
export async function readSeenFacts(
  tx: Tx,
  { through, others }: SeenFacts,
  take: (fact: LotFact) => void,
  { symbol, onRows }: { readonly symbol?: string | undefined; readonly onRows?: (rows: number) => void } = {},
): Promise<void> {
  const only = (name: string) => [{ symbol: name, after: null }]
  if (symbol !== undefined) {
    await readFacts(tx, { through: others.get(symbol) ?? through, symbols: only(symbol) }, take, onRows)
    return
  }
  const rest = (fact: LotFact): void => {
    if (!others.has(fact.symbol)) take(fact)
  }
  await readFacts(tx, { through }, rest, onRows)
  for (const [name, seen] of others) await readFacts(tx, { through: seen, symbols: only(name) }, take)
}
