/**
 * Which facts an adjustment touches: those of its scenarios that satisfy its predicate, on the facts as they
 * are, and its comparison, on the amounts as its step finds them. Raises nothing.
 */

import { type Block, codedIndex, type Frame } from '../../engines/frame.js'
import { atomicTests, compileTest, type Test } from '../../language/evaluate.js'
import type { Predicate } from '../../language/predicate.js'
import { testKey } from '../tested-columns.js'
import type { Selection } from './adjustment.js'
import type { Amounts, Matches } from './amounts.js'
import { compareTest } from './compare.js'
import type { ScenarioCodes } from './scenario-codes.js'

export interface MatchInput {
  readonly frame: Frame
  readonly scenarios: ScenarioCodes
  readonly selection: Selection
  /** The compared column's values as the step finds them; undefined where none is compared. */
  readonly compared: Amounts | undefined
}

export function matchesOf({ frame, scenarios, selection, compared }: MatchInput): Matches {
  const allowed = scenarios.allowed(selection.scenario)
  const passes = selection.where === null ? undefined : predicateTest(frame, selection.where)
  const compares =
    selection.compare === null
      ? undefined
      : compareTest({ frame, scenarios, compared, compare: selection.compare })
  return frame.blocks.map((block, i) => {
    const codes = scenarios.codesOf(block)
    const hit = new Uint8Array(block.rows)
    for (let row = 0; row < block.rows; row++) hit[row] = allowed[codes === undefined ? 0 : codes[row]!]!
    for (const other of [passes?.(block), compares?.(i)])
      if (other !== undefined) for (let row = 0; row < block.rows; row++) hit[row]! &= other[row]!
    return hit.includes(1) ? hit : undefined
  })
}

type BlockTest = (block: Block) => Uint8Array

/** Each test is decided once for every value of its column, then looked up by code. */
function predicateTest(frame: Frame, predicate: Predicate): BlockTest {
  const verdicts = new Map<string, { readonly column: number; readonly passes: Uint8Array }>()
  for (const test of atomicTests(predicate)) {
    const column = codedIndex(frame, test.column)
    const { dictionary, type } = frame.coded[column]!
    const passes = compileTest(test, type)
    verdicts.set(testKey(test), {
      column,
      passes: Uint8Array.from(dictionary, (value) => (passes(value) ? 1 : 0)),
    })
  }
  const evaluate = (part: Predicate, block: Block): Uint8Array => {
    switch (part.op) {
      case 'and':
      case 'or':
        return joined(
          part.op,
          part.args.map((arg) => () => evaluate(arg, block)),
        )
      case 'not':
        return evaluate(part.arg, block).map((passes) => 1 - passes)
      default:
        return tested(part, block)
    }
  }
  const tested = (test: Test, block: Block): Uint8Array => {
    const { column, passes } = verdicts.get(testKey(test))!
    const codes = block.codes[column]!
    const out = new Uint8Array(block.rows)
    for (let row = 0; row < block.rows; row++) out[row] = passes[codes[row]!]!
    return out
  }
  return (block) => evaluate(predicate, block)
}

function joined(op: 'and' | 'or', parts: readonly (() => Uint8Array)[]): Uint8Array {
  const [first, ...rest] = parts
  const out = first!()
  for (const part of rest) {
    const other = part()
    if (op === 'and') for (let row = 0; row < out.length; row++) out[row]! &= other[row]!
    else for (let row = 0; row < out.length; row++) out[row]! |= other[row]!
  }
  return out
}
