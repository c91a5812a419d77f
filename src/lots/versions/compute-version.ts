/**
 * A computation of a version: the header and the log each in a transaction of their own, then everything it
 * changes in one transaction, or FAILED and nothing changed. Symbols whose rows come out as they are stored are
 * not written; those whose facts are refused keep the rows they had, and the computation is partial.
 *
 * Raises TIE-3155 (another configuration), TIE-3156 (computed elsewhere at the same time), TIE-3170 (the
 * verification gives another result), TIE-3171 (no such symbol), what refuses every symbol, TIE-2502 (which run
 * failed) and TIE-2503 (interrupted).
 */

import { type Digest, digestOf } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import type { NanoInstant } from '../../base/instant.js'
import { plural } from '../../base/text.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { failed } from '../../books/run-failure.js'
import { type JsonObject, openRun, type RunId, runLock, sealRun } from '../../books/runs.js'
import { computationFindings } from '../computation-findings.js'
import { configDigest, ENGINE_VERSION, type LotConfig, type LotConfigDraft, lotConfig } from '../config.js'
import { configText } from '../config-text.js'
import { saveAllocations } from '../store/allocations.js'
import { beginComputation, endComputation, type FailedSymbol } from '../store/computation-log.js'
import { sumsDigest } from '../store/facts.js'
import { savePoints, type WrittenPoints } from '../store/inventory.js'
import { knownSymbol } from '../store/known-symbol.js'
import { reconfigure } from '../store/reconfigure.js'
import { reconcileReviews } from '../store/reviews.js'
import { unmatchedAfter } from '../store/unmatched.js'
import { ensureVersion, findVersion, whileComputing } from '../store/versions.js'
import type { SymbolChange, SymbolFailure } from '../symbol-change.js'
import { type ConfigRequest, settledConfig } from '../version-config.js'
import { type Computation, compute, differingSymbols, type Wanted } from './computation.js'

import { issuesOf } from './issues.js'

export interface ComputeRequest {
  readonly version: number
  /** All symbols when not said. */
  readonly symbol?: string | undefined
  readonly config: ConfigRequest
  /** Takes another configuration for the version, and supersedes also rows that come out as they are stored. */
  readonly isForced: boolean
  readonly mode: 'full' | 'incremental'
  /** Rewinds every symbol at least to here. */
  readonly since?: NanoInstant | undefined
  readonly isVerified: boolean
}

export interface ComputedVersion extends Omit<Computation, 'facts' | 'stored'> {
  readonly run_id: RunId
  readonly status: 'completed' | 'partial'
  readonly config: LotConfig
  readonly config_digest: Digest
  readonly facts_digest: Digest
  /** Of the whole version. */
  readonly unmatched: number
  readonly rows_written: number
  readonly rows_superseded: number
  readonly duration_ms: number
  readonly findings: readonly Finding[]
}

export function computeVersion(context: Context, request: ComputeRequest): Promise<ComputedVersion> {
  const { books, tenant } = context
  return whileComputing(books, tenant, request.version, () => begin(context, request))
}

/** What is known of a computation once it has begun. */
interface Begun {
  readonly request: ComputeRequest
  readonly config: LotConfig
  readonly run: RunId
  readonly began: number
}

async function begin(context: Context, request: ComputeRequest): Promise<ComputedVersion> {
  const { books, tenant } = context
  const began = context.elapsed()
  const config = await books.transaction(tenant, (tx) => settleVersion(context, tx, request))
  const run = context.newId() as RunId
  const begun = { request, config, run, began }
  const made = await books.whileHolding(runLock(run), async () => {
    await openRun(books, tenant, {
      id: run,
      kind: 'lots',
      run_name: `Lots version ${request.version}`,
      executed_at: context.now(),
      triggered_by: context.who,
      policy: config.method,
      engine_version: context.engineVersion,
      parameters: {
        allocation_version: request.version,
        lots_engine: ENGINE_VERSION,
        config: configText(config) as unknown as JsonObject,
        symbol: request.symbol ?? null,
      },
    })
    try {
      await beginComputation(books, tenant, {
        allocation_version: request.version,
        batch_id: run,
        mode: request.mode,
        started_at: context.now(),
        computed_by: context.who,
      })
      return await books.transaction(tenant, (tx) => computeAndSeal(context, tx, begun))
    } catch (error) {
      // The computation's log row follows the run's: a trigger of the database ends both.
      return failed(context, run, began, error)
    }
  })
  if (made === undefined) throw new Error(`the lock of the new run ${run} was taken`)
  return made
}

/** The configuration to go by; a new version is kept with it at once, because the log names the version. */
async function settleVersion(context: Context, tx: Tx, request: ComputeRequest): Promise<LotConfig> {
  const { version, symbol } = request
  if (symbol !== undefined) await knownSymbol(tx, symbol)
  const kept = await findVersion(tx, version)
  const keptConfig = kept === undefined ? undefined : lotConfig(kept.config as LotConfigDraft)
  const config = settledConfig(version, keptConfig, request.config, request.isForced)
  if (kept === undefined) {
    await ensureVersion(tx, context.tenant, {
      allocation_version: version,
      config: configText(config) as unknown as JsonObject,
      config_digest: configDigest(config),
      created_at: context.now(),
      created_by: context.who,
    })
  } else if (symbol !== undefined && kept.config_digest !== configDigest(config)) {
    refuse('TIE-3172', { version, symbol })
  }
  return config
}

async function computeAndSeal(context: Context, tx: Tx, begun: Begun): Promise<ComputedVersion> {
  const { request, config, run, began } = begun
  const { version, symbol, mode, since, isForced } = request
  const wanted = { version, symbol, config, mode, since, isForced }
  const computation = await compute(context, tx, wanted)
  if (request.isVerified) await verify(context, tx, wanted, computation)
  context.progress.report('storing allocations', computation.changed.length)
  // Without force it is the same configuration, of an earlier engine perhaps.
  if (request.isForced || symbol === undefined) await reconfigure(tx, version, config)
  const unmatched = await unmatchedAfter(tx, version, computation)
  const batch = { version, id: run }
  const rows = await saveAllocations(
    tx,
    context.tenant,
    batch,
    computation.changed.map(({ from, result }) => ({
      symbol: result.symbol,
      stored: computation.stored.get(result.symbol) ?? 0,
      kept: from?.state.allocations ?? 0,
      allocations: result.allocations,
    })),
  )
  await savePoints(tx, context.tenant, batch, computation.through, computation.changed.map(pointsOf))
  const findings = computationFindings(computation)
  const issues = await issuesOf(context, tx, { version, config, computation })
  const by = { version, batch: run, at: context.now(), who: context.who }
  const reviews = await reconcileReviews(tx, context.tenant, by, issues)
  const facts_digest = sumsDigest(computation.facts)
  const config_digest = configDigest(config)
  const { result_digest } = computation
  // The last chance to take everything back: what is returned from here is committed.
  context.signal.throwIfAborted()
  const duration_ms = Math.round(context.elapsed() - began)
  const ended = { batch_id: run, finished_at: context.now(), duration_ms }
  await endComputation(tx, {
    ...ended,
    trades_through: computation.through,
    symbols_done: computation.changed.length + computation.unchanged.length,
    failed_symbols: computation.failed.map(failedSymbol),
    trades: computation.trades,
    allocations: computation.allocations,
    unmatched,
    open_lots: computation.open_lots,
    rows_written: rows.written,
    rows_superseded: rows.superseded,
    facts_digest,
    config_digest,
    result_digest,
  })
  await sealRun(tx, {
    id: run,
    result_digest,
    finished_at: ended.finished_at,
    calculation_duration_ms: duration_ms,
    findings,
    input_digest: digestOf([facts_digest, config_digest, ENGINE_VERSION]),
    digests: { facts: facts_digest, config: config_digest },
    parameters: {
      facts: computation.facts as unknown as JsonObject,
      facts_through: computation.through.toString(),
      mode: computation.mode,
      reviews: { ...reviews },
    },
  })
  return {
    ...computation,
    run_id: run,
    status: computation.failed.length === 0 ? 'completed' : 'partial',
    config,
    config_digest,
    facts_digest,
    unmatched,
    rows_written: rows.written,
    rows_superseded: rows.superseded,
    duration_ms,
    findings,
  }
}

const pointsOf = ({ from, checkpoints, result }: SymbolChange): WrittenPoints => ({
  symbol: result.symbol,
  kept: from === null ? 0 : from.isClose ? from.point_no - 1 : from.point_no,
  points: [
    ...checkpoints.map((state) => ({ state, digest: null })),
    { state: result.state, digest: result.digest },
  ],
})

const failedSymbol = ({ symbol, problems }: SymbolFailure): FailedSymbol => ({
  symbol,
  code: problems[0]!.code,
  message: problems[0]!.message,
})

async function verify(context: Context, tx: Tx, wanted: Wanted, computation: Computation): Promise<void> {
  const differing = await differingSymbols(context, tx, wanted, computation)
  if (differing.length === 0) return
  const symbols = differing.slice(0, 10).join(', ')
  refuse('TIE-3170', { version: wanted.version, symbols, count: plural(differing.length, 'symbol') })
}
