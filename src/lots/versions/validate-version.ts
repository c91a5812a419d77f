/**
 * The proof of a version: its rows read from the tables and shown right from the facts alone, by proof.ts, which
 * shares no matching with the engine; beside it the facts against their digests, and the computation made again.
 * Raises TIE-3176 for what has not been computed.
 */

import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { resultDigest } from '../compute.js'
import { type LotConfig, type LotConfigDraft, lotConfig } from '../config.js'
import { type ProofRule, proveLots, type Violation } from '../proof.js'
import { readClaims } from '../store/claims.js'
import { type Computation, engineOf, listComputations } from '../store/computation-log.js'
import { readCheckedFacts } from '../store/fact-contents.js'
import { sumFacts, sumsDigest } from '../store/facts.js'
import { loadStates, newestPoints, type Point } from '../store/inventory.js'
import { readSeenFacts, type SeenFacts, seenFacts } from '../store/seen-facts.js'
import { findVersion } from '../store/versions.js'
import { isEmpty, matchSymbols } from '../symbol-change.js'
import { FactTable, type SymbolFacts } from '../symbol-facts.js'
import { heard } from './computation.js'

export interface Validation {
  readonly computation_no: number
  readonly result_digest: string
  readonly rows: number
  readonly trades: number
  readonly symbols: number
  readonly open_lots: number
  readonly counts: Readonly<Record<ProofRule, number>>
  readonly violations: readonly Violation[]
}

export async function validateVersion(context: Context, tx: Tx, version: number): Promise<Validation> {
  const { config, newest } = await computedVersion(tx, version)
  const seen = await seenFacts(tx, version)
  const through = BigInt(newest.trades_through!)
  const table = new FactTable(config)
  const changed = await readCheckedFacts(
    tx,
    { seen, through },
    (fact) => table.add(fact),
    (rows) => step(context, 'checking facts', rows),
  )
  const facts = table.bySymbol
  const claims = await readClaims(tx, version, (rows) => step(context, 'reading allocations', rows))
  const points = await newestPoints(tx, version)
  const states = await loadStates(tx, version, points)
  const open = [...states.values()].flatMap(({ lots }) => lots)
  // Rows of an earlier engine are right where this one gives the same: only the digest of the whole names it.
  const engine = await engineOf(tx, newest.batch_id)
  const [again, sums] = await Promise.all([
    recompute(context, config, { facts, points, engine }),
    sumFacts(tx, { after: 0n, through }),
  ])
  context.progress.report('proving', claims.rows)
  const proof = proveLots({
    facts,
    config,
    claims,
    open,
    factsDigest: { kept: newest.facts_digest!, now: sumsDigest(sums) },
    resultDigest: { kept: newest.result_digest!, again: again.digest },
  })
  const violations: Violation[] = [
    ...changed.map(({ symbol, id }): Violation => {
      const message = `${id} has not the content it was imported with.`
      return { rule: 'FACTS_CHANGED', symbol, order_id: id, message }
    }),
    ...again.differing.map((symbol): Violation => {
      const message = `${symbol} computed again comes out otherwise.`
      return { rule: 'DETERMINISM', symbol, order_id: '', message }
    }),
    ...proof.violations,
  ]
  const counts = { ...proof.counts }
  counts.FACTS_CHANGED += changed.length
  counts.DETERMINISM += again.differing.length
  return {
    computation_no: newest.computation_no,
    result_digest: newest.result_digest!,
    rows: proof.rows,
    trades: proof.trades,
    symbols: facts.size,
    open_lots: open.length,
    counts,
    violations,
  }
}

/** A version with the computation its rows are of. Raises TIE-3176. */
export async function computedVersion(
  tx: Tx,
  version: number,
): Promise<{ readonly config: LotConfig; readonly newest: Computation }> {
  const found = await findVersion(tx, version)
  if (found === undefined) refuse('TIE-3176', { version, why: 'there is no such version' })
  const log = await listComputations(tx, { version, limit: 1000 })
  const newest = log.find(({ status }) => status === 'completed' || status === 'partial')
  if (newest === undefined) refuse('TIE-3176', { version, why: 'no computation of it has completed' })
  return { config: lotConfig(found.config as LotConfigDraft), newest }
}

/** The facts that the rows of a version were computed of, by symbol. */
export async function seenTable(
  context: Context,
  tx: Tx,
  config: LotConfig,
  seen: SeenFacts,
): Promise<ReadonlyMap<string, SymbolFacts>> {
  const table = new FactTable(config)
  const onRows = (rows: number): void => step(context, 'reading trades', rows)
  await readSeenFacts(tx, seen, (fact) => table.add(fact), { onRows })
  return table.bySymbol
}

function step(context: Context, stage: string, rows: number): void {
  context.signal.throwIfAborted()
  context.progress.report(stage, rows)
}

interface Again {
  readonly digest: string
  readonly differing: readonly string[]
}

async function recompute(
  context: Context,
  config: LotConfig,
  given: {
    readonly facts: ReadonlyMap<string, SymbolFacts>
    readonly points: readonly Point[]
    readonly engine: string | undefined
  },
): Promise<Again> {
  const { facts, points, engine } = given
  const { changed, failed } = await matchSymbols({
    facts,
    config,
    from: new Map(),
    stored: new Map(),
    onSymbol: async (done, of) => {
      step(context, 'computing again', done)
      if (done === of) context.progress.report('computing again', done, 1)
    },
    pause: () => heard(context),
  })
  const stored = new Map(points.map(({ symbol, digest }) => [symbol, digest]))
  const results = changed.map(({ result }) => result)
  const filled = results.filter(({ state }) => !isEmpty(state))
  const gone = points.filter(
    ({ symbol, allocations, open_lots }) => allocations + open_lots > 0 && !facts.has(symbol),
  )
  return {
    digest: resultDigest(config, new Map(filled.map(({ symbol, digest }) => [symbol, digest])), engine),
    differing: [
      ...filled.filter(({ symbol, digest }) => stored.get(symbol) !== digest).map(({ symbol }) => symbol),
      ...gone.map(({ symbol }) => symbol),
      ...failed.map(({ symbol }) => symbol),
    ],
  }
}
