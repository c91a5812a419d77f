/**
 * What a computation of a version finds: which facts it takes in, from which states it goes on, and what of the
 * stored rows that changes. Reads, and writes nothing. Raises the refusals of the symbols when none can be
 * computed, or when a forced configuration would hold for some alone.
 */

import type { Digest } from '../../base/digest.js'
import { type Problem, Refusal } from '../../base/errors.js'
import type { NanoInstant } from '../../base/instant.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { resultDigest } from '../compute.js'
import { configDigest, type LotConfig } from '../config.js'
import { closePoints } from '../store/close-points.js'
import { coveringComputation } from '../store/covering.js'
import {
  addSums,
  changedSymbols,
  type FactSums,
  NO_FACTS,
  readFacts,
  type SymbolScope,
  sumFacts,
} from '../store/facts.js'
import { newestArrival } from '../store/imports.js'
import { loadStates, newestPoints, type Point, pointsBefore } from '../store/inventory.js'
import { type InventoryPoint, isEmpty, type Matched, matchSymbols } from '../symbol-change.js'
import { FactTable, SymbolFacts } from '../symbol-facts.js'

/** Where each symbol of the version stands. */
type Progress = ReadonlyMap<string, Pick<Point, 'point_no' | 'digest' | 'allocations' | 'open_lots'>>

const loadProgress = async (tx: Tx, version: number): Promise<Progress> =>
  new Map((await newestPoints(tx, version)).map((point) => [point.symbol, point]))

export interface Wanted {
  readonly version: number
  readonly symbol: string | undefined
  readonly config: LotConfig
  readonly mode: 'full' | 'incremental'
  readonly since: NanoInstant | undefined
  /** Rows are written whether they are as stored or not. */
  readonly isForced: boolean
}

export interface Computation extends Matched {
  readonly mode: 'full' | 'incremental'
  readonly through: bigint
  readonly facts: FactSums
  /** The facts taken in now, by symbol; of symbols gone on with, those after the state in `from`. */
  readonly table: ReadonlyMap<string, SymbolFacts>
  readonly from: ReadonlyMap<string, InventoryPoint>
  /** Rows of each symbol before anything is written. */
  readonly stored: ReadonlyMap<string, number>
  /** Trades among them. */
  readonly trades: number
  readonly result_digest: Digest
  /** Of the whole version. */
  readonly allocations: number
  readonly open_lots: number
}

export async function compute(context: Context, tx: Tx, wanted: Wanted): Promise<Computation> {
  const { version, config } = wanted
  const through = await newestArrival(tx)
  const progress = await loadProgress(tx, version)
  const base = await coveringComputation(tx, version, configDigest(config))
  const isReconfigured = base.is === 'of another configuration'
  const goesOn = wanted.mode === 'incremental' && base.is === 'covering'
  const scope = goesOn
    ? await changedScope(tx, wanted, { after: base.through, through }, progress)
    : fullScope(wanted)
  const table = await readTable(context, tx, { config, through, scope })
  if (!goesOn) addKnown(table, config, progress, wanted.symbol)
  const matched = await matchSymbols({
    facts: table,
    config,
    from: scope.points,
    stored: isReconfigured || wanted.isForced ? new Map() : digestsOf(progress),
    onSymbol: (done, of) => step(context, 'matching symbols', done, of),
    pause: () => heard(context),
  })
  refuseUseless(matched, { isReconfigured, progress, isWhole: wanted.symbol === undefined })
  const after = goesOn ? base.through : 0n
  const fresh = await sumFacts(tx, { after, through })
  const { allocations, open_lots, digests } = merged(progress, matched)
  return {
    ...matched,
    mode: goesOn ? 'incremental' : 'full',
    through,
    facts: addSums(goesOn ? base.facts : NO_FACTS, fresh),
    table,
    from: scope.points,
    stored: new Map([...progress].map(([symbol, { allocations: rows }]) => [symbol, rows])),
    trades: [...table.values()].reduce((sum, facts) => sum + facts.trades, 0),
    result_digest: resultDigest(config, digests),
    allocations,
    open_lots,
  }
}

/** The symbols whose rows are not what a computation of all their facts gives; empty when all are. */
export async function differingSymbols(
  context: Context,
  tx: Tx,
  { version, config, symbol }: Wanted,
  { through, changed, unchanged }: Computation,
): Promise<string[]> {
  const progress = await loadProgress(tx, version)
  const scope = symbol === undefined ? { symbols: undefined } : { symbols: [{ symbol, after: null }] }
  const table = await readTable(context, tx, { config, through, scope })
  const again = await matchSymbols({
    facts: table,
    config,
    from: new Map(),
    stored: new Map(),
    onSymbol: (done, of) => step(context, 'verifying symbols', done, of),
    pause: () => heard(context),
  })
  const found = digestsOf(progress)
  for (const result of [...changed.map((one) => one.result), ...unchanged])
    found.set(result.symbol, result.digest)
  return again.changed
    .filter(({ result }) => !isEmpty(result.state) && found.get(result.symbol) !== result.digest)
    .map(({ result }) => result.symbol)
}

interface Scope {
  readonly symbols: readonly SymbolScope[] | undefined
  readonly points: ReadonlyMap<string, InventoryPoint>
}

function fullScope({ symbol }: Wanted): Scope {
  return { symbols: symbol === undefined ? undefined : [{ symbol, after: null }], points: new Map() }
}

async function changedScope(
  tx: Tx,
  { version, symbol, since }: Wanted,
  arrived: { readonly after: bigint; readonly through: bigint },
  progress: Progress,
): Promise<Scope> {
  const earliest = new Map<string, NanoInstant>()
  for (const { symbol: name, from } of await changedSymbols(tx, arrived)) earliest.set(name, from)
  if (since !== undefined) {
    for (const name of new Set([...progress.keys(), ...earliest.keys()])) {
      const from = earliest.get(name)
      earliest.set(name, from === undefined || since < from ? since : from)
    }
  }
  const places = [...earliest]
    .filter(([name]) => symbol === undefined || name === symbol)
    .map(([name, from]) => ({ symbol: name, from }))
  const points = await pointsBefore(tx, version, places)
  const states = await loadStates(tx, version, points)
  const close = await closePoints(
    tx,
    version,
    points.filter(({ symbol: name, point_no }) => progress.get(name)?.point_no === point_no),
  )
  const from = new Map(
    points.map(({ symbol: name, point_no }) => [
      name,
      { point_no, state: states.get(name)!, isClose: close.has(name) },
    ]),
  )
  const symbols = places.map(({ symbol: name }) => ({
    symbol: name,
    after: from.get(name)?.state.through ?? null,
  }))
  return { symbols, points: from }
}

async function readTable(
  context: Context,
  tx: Tx,
  given: { readonly config: LotConfig; readonly through: bigint; readonly scope: Pick<Scope, 'symbols'> },
): Promise<Map<string, SymbolFacts>> {
  const { config, through, scope } = given
  const table = new FactTable(config)
  const { symbols } = scope
  if (symbols?.length === 0) return table.bySymbol
  await readFacts(
    tx,
    { through, symbols },
    (fact) => table.add(fact),
    (rows) => {
      context.signal.throwIfAborted()
      context.progress.report('reading trades', rows)
    },
  )
  // A symbol whose trades were all taken back has facts too: none.
  for (const { symbol } of symbols ?? []) addEmpty(table.bySymbol, config, symbol)
  return table.bySymbol
}

function addEmpty(table: Map<string, SymbolFacts>, config: LotConfig, symbol: string): void {
  if (!table.has(symbol)) table.set(symbol, new SymbolFacts(symbol, config))
}

function addKnown(
  table: Map<string, SymbolFacts>,
  config: LotConfig,
  progress: Progress,
  symbol: string | undefined,
): void {
  for (const name of progress.keys())
    if (symbol === undefined || name === symbol) addEmpty(table, config, name)
}

async function step(context: Context, stage: string, done: number, of: number): Promise<void> {
  context.progress.report(stage, done, of === 0 ? 1 : done / of)
  await heard(context)
}

/** Lets an interruption be heard. */
export async function heard({ signal }: Context): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  signal.throwIfAborted()
}

const digestsOf = (progress: Progress): Map<string, Digest> =>
  new Map([...progress].map(([symbol, { digest }]) => [symbol, digest!]))

/** What the version holds once the changes are written. */
function merged(progress: Progress, { changed }: Matched) {
  const whole = new Map(progress)
  for (const { result } of changed) {
    const { allocations, lots } = result.state
    whole.set(result.symbol, { point_no: 0, digest: result.digest, allocations, open_lots: lots.length })
  }
  const filled = [...whole].filter(([, { allocations, open_lots }]) => allocations > 0 || open_lots > 0)
  return {
    digests: digestsOf(new Map(filled)),
    allocations: filled.reduce((sum, [, one]) => sum + one.allocations, 0),
    open_lots: filled.reduce((sum, [, one]) => sum + one.open_lots, 0),
  }
}

interface Standing {
  readonly isReconfigured: boolean
  readonly progress: Progress
  /** Whether every symbol was to be computed: then those whose facts have not changed are computed, too. */
  readonly isWhole: boolean
}

/** A computation of which nothing comes out, or that would leave rows of two configurations side by side. */
function refuseUseless({ changed, unchanged, failed }: Matched, standing: Standing): void {
  if (failed.length === 0) return
  const { isReconfigured, progress, isWhole } = standing
  const names = new Set(failed.map(({ symbol }) => symbol))
  const mixed = isReconfigured && failed.some(({ symbol }) => progress.has(symbol))
  const others = isWhole && [...progress.keys()].some((symbol) => !names.has(symbol))
  if (!mixed && (others || changed.length + unchanged.length > 0)) return
  throw new Refusal(failed.flatMap(({ problems }): readonly Problem[] => problems))
}
