/**
 * Builds a frame row by row from bytes. Fields are looked up in the dictionary and read as numbers straight
 * from the bytes they arrived in; a string is made only for a value not seen before.
 *
 * Raises TIE-2402 for an amount that is no finite plain decimal.
 */

import { AmountBuilder } from './amount-builder.js'
import { ByteDictionary } from './byte-dictionary.js'
import { digestOfFacts } from './facts-digest.js'
import { type AmountColumn, BLOCK_ROWS, type Block, type Frame, type Units } from './frame.js'
import type { FactColumn } from './source.js'

export class FrameBuilder {
  readonly dictionaries: readonly ByteDictionary[]
  readonly amounts: readonly AmountBuilder[]
  /** How many facts each row stands for, where the rows are tuples. */
  readonly counts: AmountBuilder | undefined
  /** Of the block under way, one per coded column; a new row holds code 0. */
  codes: readonly Int32Array[] = []
  /** The row under way within its block. */
  row = BLOCK_ROWS
  rows = 0
  private readonly blocks: (readonly Int32Array[])[] = []

  constructor(
    source: string,
    private readonly coded: readonly FactColumn[],
    amounts: readonly string[],
    rows: 'facts' | 'tuples' = 'facts',
  ) {
    this.dictionaries = coded.map(() => new ByteDictionary())
    this.amounts = amounts.map((name) => new AmountBuilder(source, name))
    this.counts = rows === 'facts' ? undefined : new AmountBuilder(source, 'count(*)')
  }

  beginRow(): void {
    this.row += 1
    this.rows += 1
    if (this.row < BLOCK_ROWS) return
    this.row = 0
    this.codes = this.coded.map(() => new Int32Array(BLOCK_ROWS))
    this.blocks.push(this.codes)
    for (const amount of this.amounts) amount.addBlock()
    this.counts?.addBlock()
  }

  /** A null needs no call: code 0 and amount 0 are what a new row holds. */
  code(column: number, bytes: Uint8Array, start: number, end: number): void {
    this.codes[column]![this.row] = this.dictionaries[column]!.codeOf(bytes, start, end)
  }

  /** Plain decimal text in bytes[start, end). */
  amount(column: number, bytes: Uint8Array, start: number, end: number): void {
    this.amounts[column]!.read(bytes, start, end, this.row)
  }

  finish(): Frame {
    const coded = this.coded.map((column, index) => ({
      ...column,
      dictionary: this.dictionaries[index]!.texts(),
    }))
    const amounts: AmountColumn[] = this.amounts.map(({ name, scale, range }) => ({ name, scale, range }))
    const blocks: Block[] = this.blocks.map((codes, block) => ({
      rows: block < this.blocks.length - 1 ? BLOCK_ROWS : this.row + 1,
      counts: this.counts === undefined ? null : (this.counts.units[block] as Float64Array),
      codes,
      amounts: this.amounts.map(({ units }) => units[block] as Units),
    }))
    return {
      coded,
      amounts,
      blocks,
      rows: this.rows,
      facts: this.counts?.magnitude ?? this.rows,
      digest: digestOfFacts(coded, amounts, blocks),
    }
  }
}
