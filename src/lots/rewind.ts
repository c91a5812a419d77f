/**
 * Where an incremental computation of a symbol can begin: the newest state that knows none of the facts that
 * changed. New facts, replaced ones and cancelled ones all count as changed, at their place in the order; their
 * place does not depend on when they arrived. Raises nothing.
 */

import type { SymbolState } from './allocation.js'
import { compareOrder, type OrderKey } from './order.js'

/**
 * `states` are those of one symbol under one configuration, in any order. Undefined: none will do, and the
 * symbol is computed from the beginning. Facts to take in are those after the state's `through`; allocations of
 * closing trades after it are to be replaced.
 */
export function rewindTo(
  states: Iterable<SymbolState>,
  changed: Iterable<OrderKey>,
): SymbolState | undefined {
  let earliest: OrderKey | undefined
  for (const key of changed) if (earliest === undefined || compareOrder(key, earliest) < 0) earliest = key
  let newest: SymbolState | undefined
  for (const state of states) {
    if (state.through === null) continue
    if (earliest !== undefined && compareOrder(state.through, earliest) >= 0) continue
    if (newest === undefined || compareOrder(state.through, newest.through!) > 0) newest = state
  }
  return newest
}
