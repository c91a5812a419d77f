/**
 * What discovery knows of a table: its columns, how full they are and which values they have. Names are compared by
 * their words, values by how many of one column are in another. Raises nothing.
 */

import { editDistance } from '../../base/text.js'

export interface ColumnProfile {
  readonly name: string
  /** Rows with a value. */
  readonly filled: number
  readonly distinct: number
  /** Every value once; null where there are too many to hold. */
  readonly values: ReadonlySet<string> | null
  /** Digits after the point of a column of plain decimals; null for any other. */
  readonly scale: number | null
}

export interface TableProfile {
  /** As the configuration will name it. */
  readonly name: string
  readonly parts: readonly string[]
  readonly rows: number
  readonly columns: readonly ColumnProfile[]
}

/** Names every row, once. */
export const isUnique = ({ rows }: TableProfile, { filled, distinct }: ColumnProfile): boolean =>
  rows > 0 && filled === rows && distinct === rows

/** 0 to 1: how many of these values the column has. */
export function overlap(values: ReadonlySet<string>, { values: known }: ColumnProfile): number {
  if (known === null || values.size === 0) return 0
  let found = 0
  for (const value of values) if (known.has(value)) found += 1
  return found / values.size
}

export const wordsOf = (name: string): readonly string[] =>
  name
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .filter((word) => word !== '')

/** 0 to 1: how alike two names are, by their letters or because one has all the words of the other. */
export function likeness(a: string, b: string): number {
  const [first, second] = [wordsOf(a), wordsOf(b)]
  const [x, y] = [first.join('_'), second.join('_')]
  const longest = Math.max(x.length, y.length)
  if (longest === 0 || longest > 200) return 0
  const letters = 1 - editDistance(x, y) / longest
  const holds = (words: readonly string[], all: readonly string[]): boolean =>
    words.every((word) => all.includes(word))
  return Math.max(letters, holds(first, second) || holds(second, first) ? 0.9 : 0)
}

/** With two digits, for people to read. */
export const rounded = (share: number): number => Math.round(share * 100) / 100
