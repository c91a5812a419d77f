/**
 * Lots of all symbols: each is matched by itself, so that one whose facts are refused names itself and leaves
 * the others alone. Raises nothing but bugs; refusals are in the answer.
 */

import { type Digest, digestOf } from '../base/digest.js'
import { type Problem, Refusal } from '../base/errors.js'
import { compareText } from '../base/text.js'
import type { SymbolResult, SymbolState } from './allocation.js'
import { configDigest, ENGINE_VERSION, type LotConfig } from './config.js'
import type { Split, Transfer } from './facts.js'
import { matchSymbol } from './match.js'
import { FactTable, type SymbolFacts } from './symbol-facts.js'
import type { Trade } from './trade.js'

export interface Computation {
  /** By symbol, in the order of their names. */
  readonly symbols: ReadonlyMap<string, SymbolResult>
  /** Symbols that could not be computed, and why. */
  readonly failed: ReadonlyMap<string, readonly Problem[]>
  /** Of the symbols that could be computed. */
  readonly digest: Digest
}

/** `from` has the states of earlier facts, by symbol; the facts must come after them. */
export function computeLots(
  table: ReadonlyMap<string, SymbolFacts>,
  config: LotConfig,
  from: ReadonlyMap<string, SymbolState> = new Map(),
): Computation {
  const symbols = new Map<string, SymbolResult>()
  const failed = new Map<string, readonly Problem[]>()
  for (const symbol of [...table.keys()].sort(compareText)) {
    try {
      const state = from.get(symbol)
      symbols.set(symbol, matchSymbol(table.get(symbol)!, config, state === undefined ? {} : { from: state }))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      failed.set(symbol, error.problems)
    }
  }
  const digests = new Map([...symbols].map(([symbol, { digest }]) => [symbol, digest]))
  return { symbols, failed, digest: resultDigest(config, digests) }
}

/** The facts of a computation in memory; big ones fill a FactTable row by row. */
export function factsOf(
  facts: Iterable<Trade | Split | Transfer>,
  config: LotConfig,
): ReadonlyMap<string, SymbolFacts> {
  const table = new FactTable(config)
  for (const fact of facts) table.add(fact)
  return table.bySymbol
}

/** Of a whole version: configuration, engine and the digest of each symbol, also of those not computed anew. */
export function resultDigest(
  config: LotConfig,
  bySymbol: ReadonlyMap<string, Digest>,
  engine: string = ENGINE_VERSION,
): Digest {
  const symbols = [...bySymbol].sort(([a], [b]) => compareText(a, b))
  return digestOf([engine, configDigest(config, engine), symbols.map(([symbol, digest]) => [symbol, digest])])
}
