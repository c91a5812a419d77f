/**
 * Predicates over many rows at once: each test is looked up by code, and the answers of a list of rows are
 * combined list by list, so that nothing is called for a single row. Raises nothing.
 */

import { type Block, codedIndex } from '../engines/frame.js'
import type { Predicate } from '../language/predicate.js'
import type { Verdicts } from './tested-columns.js'

/** Rows of a block: those at from ≤ i < to of the list. */
export interface RowList {
  readonly rows: Int32Array
  readonly from: number
  readonly to: number
}

/** Writes 1 or 0 for each row of the list. */
type Answers = (block: Block, list: RowList, out: Uint8Array) => void

export class RowTests {
  /** One list of answers for each level of a predicate, reused from block to block. */
  private readonly scratch: Uint8Array[] = []

  constructor(private readonly verdicts: Verdicts) {}

  /** Puts the rows of the list that satisfy the predicate into `chosen`; how many they are. */
  compile(where: Predicate): (block: Block, list: RowList, chosen: Int32Array) => number {
    const answer = this.answers(where, 1)
    return (block, list, chosen) => {
      const length = list.to - list.from
      const out = this.room(0, length)
      answer(block, list, out)
      let count = 0
      // Without a branch: whether a row is chosen is anybody's guess, and guessing wrong is what would cost.
      for (let i = 0; i < length; i++) {
        chosen[count] = list.rows[list.from + i]!
        count += out[i]!
      }
      return count
    }
  }

  private answers(where: Predicate, level: number): Answers {
    switch (where.op) {
      case 'and':
      case 'or': {
        const [first, ...rest] = where.args.map((arg) => this.answers(arg, level + 1))
        const combine = where.op === 'and' ? and : or
        return (block, list, out) => {
          first!(block, list, out)
          const length = list.to - list.from
          for (const answer of rest) {
            const other = this.room(level, length)
            answer(block, list, other)
            combine(out, other, length)
          }
        }
      }
      case 'not': {
        const answer = this.answers(where.arg, level)
        return (block, list, out) => {
          answer(block, list, out)
          for (let i = 0; i < list.to - list.from; i++) out[i] = 1 - out[i]!
        }
      }
      default: {
        const column = codedIndex(this.verdicts.frame, where.column)
        const passes = this.verdicts.of(where)
        return (block, list, out) => lookUp(block.codes[column]!, passes, list, out)
      }
    }
  }

  private room(level: number, length: number): Uint8Array {
    const known = this.scratch[level]
    if (known !== undefined && known.length >= length) return known
    const made = new Uint8Array(length)
    this.scratch[level] = made
    return made
  }
}

function lookUp(codes: Int32Array, passes: Uint8Array, { rows, from, to }: RowList, out: Uint8Array): void {
  for (let i = from; i < to; i++) out[i - from] = passes[codes[rows[i]!]!]!
}

function and(out: Uint8Array, other: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) out[i]! &= other[i]!
}

function or(out: Uint8Array, other: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) out[i]! |= other[i]!
}
