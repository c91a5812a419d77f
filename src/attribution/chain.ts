/**
 * The Markov chain of counted paths: a state is the last touches of a path, as many as the order says; from the start a
 * path goes touch by touch to conversion or to null. Counts stay counts: probabilities are counts over the total of
 * their state.
 *
 * Raises TIE-4115 when there are too many states to be solved exactly, TIE-4116 when a state is left too often.
 */

import { refuse } from '../base/errors.js'
import { type Equation, withoutCertain } from './certain-states.js'
import { type CountedPath, transformed } from './counted-paths.js'
import type { Transform } from './window.js'

export interface Chain {
  readonly states: readonly State[]
}

/** The first state is the start, which has no channel. */
export interface State {
  /** The channel of its last touch. */
  readonly channel: string | null
  /** Paths that went on, by state. */
  readonly next: Map<number, number>
  conversions: number
  /** Paths that left it: to another state, to conversion or to null. */
  total: number
}

/** The cost of an exact solution grows with the third power. */
export const MAX_STATES = 2500
/** Beyond it residuals of the solution would leave the whole numbers of a double. */
export const MAX_LEAVING = 2 ** 41

export function chainOf(paths: readonly CountedPath[], order: number, transform: Transform): Chain {
  const states: State[] = [newState(null)]
  const known = new Map<string, number>()
  const stateAt = (labels: readonly string[], place: number, channel: string): number => {
    const key = labels.slice(Math.max(0, place - order + 1), place + 1).join('')
    const found = known.get(key)
    if (found !== undefined) return found
    states.push(newState(channel))
    known.set(key, states.length - 1)
    return states.length - 1
  }
  for (const { path, conversions, nulls } of paths) {
    const count = Number(conversions + nulls)
    if (count === 0) continue
    const touches = transformed(path, transform)
    // Length first, so that no two sequences have one key.
    const labels = touches.map(({ channel, times }) => `${channel.length}:${channel}${times};`)
    let at = 0
    touches.forEach(({ channel }, place) => {
      const to = stateAt(labels, place, channel)
      leave(states[at]!, count)
      states[at]!.next.set(to, (states[at]!.next.get(to) ?? 0) + count)
      at = to
    })
    leave(states[at]!, count)
    states[at]!.conversions += Number(conversions)
  }
  return { states }
}

const newState = (channel: string | null): State => ({ channel, next: new Map(), conversions: 0, total: 0 })

function leave(state: State, count: number): void {
  state.total += count
  if (state.total > MAX_LEAVING) refuse('TIE-4116', { count: state.total, limit: MAX_LEAVING })
}

/**
 * The equations of the chain when touches of `without` lead to null; the first is that of the start. States that the
 * start cannot reach so, or that cannot reach a conversion, are not among them. Empty: nothing converts.
 */
export function equationsOf({ states }: Chain, without: string | null, order: number): Equation[] {
  const isOpen = (index: number): boolean => without === null || states[index]!.channel !== without
  const reached = reach([0], (index) => [...states[index]!.next.keys()].filter(isOpen))
  const before = new Map<number, number[]>()
  for (const index of reached)
    for (const to of states[index]!.next.keys())
      if (reached.has(to)) before.set(to, [...(before.get(to) ?? []), index])
  const ends = [...reached].filter((index) => states[index]!.conversions > 0)
  const converting = reach(ends, (index) => before.get(index) ?? [])
  if (!converting.has(0)) return []
  const unknowns = [...reached].filter((index) => converting.has(index))
  const unknownOf = new Map(unknowns.map((index, unknown) => [index, unknown]))
  const equations = withoutCertain(
    unknowns.map((index) => {
      const { total, conversions, next } = states[index]!
      const kept = [...next].flatMap(([to, count]): [number, number][] => {
        const unknown = unknownOf.get(to)
        return unknown === undefined ? [] : [[unknown, count]]
      })
      return { total, conversions, next: kept }
    }),
  )
  if (equations.length > MAX_STATES)
    refuse('TIE-4115', { order, states: equations.length, limit: MAX_STATES })
  return equations
}

function reach(from: readonly number[], next: (index: number) => readonly number[]): Set<number> {
  const found = new Set(from)
  for (const index of found) for (const to of next(index)) found.add(to)
  return found
}
