/** A computation of lots from the books to the books, as small as it can be, and facts to compute from. */

import type { Digest } from '#tieout/base/digest'
import type { Context } from '#tieout/books/operation'
import { openRun, type RunId, runLock, sealRun } from '#tieout/books/runs'
import { computeLots } from '#tieout/lots/compute'
import { configDigest, type LotConfigDraft, lotConfig } from '#tieout/lots/config'
import { saveAllocations } from '#tieout/lots/store/allocations'
import { beginComputation, endComputation } from '#tieout/lots/store/computation-log'
import { readFacts, sumFacts, sumsDigest } from '#tieout/lots/store/facts'
import { newestArrival } from '#tieout/lots/store/imports'
import { loadStates, newestPoints, type Point, savePoints } from '#tieout/lots/store/inventory'
import { ensureVersion, whileComputing } from '#tieout/lots/store/versions'
import { FactTable } from '#tieout/lots/symbol-facts'
import { type Folder, perform } from './cli.js'

export interface Computed {
  readonly batch: RunId
  readonly computation_no: number
  readonly written: number
  readonly superseded: number
  readonly digest: Digest
}

/** Imports trades given as lines without their header. */
export async function importTrades(
  context: Context,
  folder: Folder,
  lines: readonly string[],
): Promise<void> {
  const header = 'order_id,symbol,side,size,price,fee,executed_at,account,replaces'
  const file = folder.write(`${context.newId()}.csv`, [header, ...lines, ''].join('\n'))
  await perform(context, 'trades import', { file })
}

/** The run of a computation, with its row in the log, neither ended. */
export async function begin(
  context: Context,
  version: number,
): Promise<{ batch: RunId; computation_no: number }> {
  const { books, tenant } = context
  const batch = context.newId() as RunId
  await openRun(books, tenant, {
    id: batch,
    kind: 'lots',
    run_name: `version ${version}`,
    executed_at: context.now(),
    triggered_by: context.who,
    parameters: {},
    engine_version: context.engineVersion,
  })
  const computation_no = await beginComputation(books, tenant, {
    allocation_version: version,
    batch_id: batch,
    mode: 'full',
    started_at: context.now(),
    computed_by: context.who,
  })
  return { batch, computation_no }
}

/** Everything, or, from the points given, what comes behind them. A symbol with its old digest is not written again. */
export function compute(
  context: Context,
  version: number,
  draft: LotConfigDraft = {},
  from: readonly Point[] = [],
): Promise<Computed> {
  const { books, tenant } = context
  const config = lotConfig(draft)
  return whileComputing(books, tenant, version, async () => {
    await books.transaction(tenant, (tx) =>
      ensureVersion(tx, tenant, {
        allocation_version: version,
        config: { method: config.method, scope: config.scope, short: config.short },
        config_digest: configDigest(config),
        created_at: context.now(),
        created_by: context.who,
      }),
    )
    const { batch, computation_no } = await begin(context, version)
    const done = await books.whileHolding(runLock(batch), () =>
      books.transaction(tenant, async (tx) => {
        const through = await newestArrival(tx)
        const states = await loadStates(tx, version, from)
        const table = new FactTable(config)
        const symbols = from.map(({ symbol, through: after }) => ({ symbol, after }))
        const scope = from.length === 0 ? { through } : { through, symbols }
        const trades = await readFacts(tx, scope, (fact) => table.add(fact))
        const result = computeLots(table.bySymbol, config, states)
        const before = new Map((await newestPoints(tx, version)).map((point) => [point.symbol, point]))
        const changed = [...result.symbols.values()].filter(
          ({ symbol, digest }) => before.get(symbol)?.digest !== digest,
        )
        const kept = new Map(from.map((point) => [point.symbol, point]))
        const target = { version, id: batch }
        const written = await saveAllocations(
          tx,
          tenant,
          target,
          changed.map(({ symbol, allocations }) => ({
            symbol,
            stored: before.get(symbol)?.allocations ?? 0,
            kept: kept.get(symbol)?.allocations ?? 0,
            allocations,
          })),
        )
        await savePoints(
          tx,
          tenant,
          target,
          through,
          changed.map(({ symbol, state, digest }) => ({
            symbol,
            kept: kept.get(symbol)?.point_no ?? 0,
            points: [{ state, digest }],
          })),
        )
        await endComputation(tx, {
          batch_id: batch,
          finished_at: context.now(),
          duration_ms: 1,
          trades_through: through,
          symbols_done: result.symbols.size,
          failed_symbols: [...result.failed].map(([symbol, [first]]) => ({
            symbol,
            code: first!.code,
            message: first!.message,
          })),
          trades,
          allocations: written.written,
          unmatched: 0,
          open_lots: 0,
          rows_written: written.written,
          rows_superseded: written.superseded,
          facts_digest: sumsDigest(await sumFacts(tx, { after: 0n, through })),
          config_digest: configDigest(config),
          result_digest: result.digest,
        })
        await sealRun(tx, {
          id: batch,
          result_digest: result.digest,
          finished_at: context.now(),
          calculation_duration_ms: 1,
          findings: [],
        })
        return { ...written, digest: result.digest }
      }),
    )
    return { batch, computation_no, ...done! }
  })
}
