/**
 * Symbol by symbol: matching the facts that were read, from where they begin, and whether that changes what is
 * stored. A symbol whose facts are refused names itself and leaves the others alone. Raises nothing but bugs;
 * refusals are in the answer.
 */

import type { Digest } from '../base/digest.js'
import { type Problem, Refusal } from '../base/errors.js'
import { compareText } from '../base/text.js'
import type { SymbolResult, SymbolState } from './allocation.js'
import type { LotConfig } from './config.js'
import { matchInSteps } from './match.js'
import { finishedWith } from './steps.js'
import type { SymbolFacts } from './symbol-facts.js'

/** A stored state and its number among those of the symbol. */
export interface InventoryPoint {
  readonly point_no: number
  readonly state: SymbolState
  /** So close to the one before that it need not be kept once there is a later one. */
  readonly isClose: boolean
}

/** What is to be written of one symbol: rows and points after `from` end, those of the result take their place. */
export interface SymbolChange {
  /** Null: from the first fact on. */
  readonly from: InventoryPoint | null
  readonly result: SymbolResult
  /** States on the way, so that a late fact rewinds to the nearest; the last is not among them. */
  readonly checkpoints: readonly SymbolState[]
}

export interface SymbolFailure {
  readonly symbol: string
  readonly problems: readonly Problem[]
}

export interface Matched {
  /** In the order of their names. */
  readonly changed: readonly SymbolChange[]
  readonly unchanged: readonly SymbolResult[]
  readonly failed: readonly SymbolFailure[]
}

/** At most so many states of a symbol are kept on the way, and none closer than so many facts. */
const CHECKPOINTS = 8
const LEAST_FACTS = 500

const factsIn = ({ trades, splits, transfers }: SymbolFacts): number =>
  trades + splits.length + transfers.length

export interface MatchRequest {
  readonly facts: ReadonlyMap<string, SymbolFacts>
  readonly config: LotConfig
  /** Where the facts of a symbol begin; those of others at their first. */
  readonly from: ReadonlyMap<string, InventoryPoint>
  /** Digest of what is stored of a symbol; none: whatever comes out is written. */
  readonly stored: ReadonlyMap<string, Digest>
  onSymbol(done: number, of: number): Promise<void>
  /** Every few milliseconds, within a symbol too. What it raises ends everything. */
  pause(): Promise<void>
}

export async function matchSymbols(request: MatchRequest): Promise<Matched> {
  const { facts, config, from, stored, onSymbol, pause } = request
  const changed: SymbolChange[] = []
  const unchanged: SymbolResult[] = []
  const failed: SymbolFailure[] = []
  const symbols = [...facts.keys()].sort(compareText)
  for (const [i, symbol] of symbols.entries()) {
    const point = from.get(symbol) ?? null
    const checkpoints: SymbolState[] = []
    const own = facts.get(symbol)!
    const checkpointEvery = Math.max(LEAST_FACTS, Math.ceil(factsIn(own) / (CHECKPOINTS + 1)))
    try {
      const steps = matchInSteps(own, config, {
        ...(point === null ? {} : { from: point.state }),
        checkpointEvery,
        onCheckpoint: (state) => checkpoints.push(state),
      })
      const result = await finishedWith(steps, pause)
      const { state } = result
      if (stored.get(symbol) === result.digest) unchanged.push(result)
      else
        changed.push({ from: point, result, checkpoints: checkpoints.filter((one) => !isSame(one, state)) })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      failed.push({ symbol, problems: error.problems })
    }
    await onSymbol(i + 1, symbols.length)
  }
  return { changed, unchanged, failed }
}

const isSame = (a: SymbolState, b: SymbolState): boolean => a.through?.id === b.through?.id

/** Nothing is left of a symbol whose facts were all taken back: a version computed anew would not know it. */
export const isEmpty = ({ allocations, lots }: SymbolState): boolean => allocations === 0 && lots.length === 0
