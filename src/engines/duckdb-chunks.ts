/**
 * DuckDB's chunks into the blocks of a frame, straight from the memory of its vectors: values of up to twelve
 * bytes are coded by the very words DuckDB keeps them in, codes of its enums are taken as they are, units are
 * 64-bit whole numbers. The next chunk is fetched while one is taken in. What does not fit that form is told
 * as an obstacle, and the caller reads in another way. Raises nothing of its own.
 */

import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import type * as Bindings from '@duckdb/node-bindings'
import { ByteDictionary, SHORT_BYTES } from './byte-dictionary.js'
import { BLOCK_ROWS, type Block } from './frame.js'

/** How a coded column comes: as text to be coded here, or as codes of an enum whose values are known. */
export type CodedBy = { readonly by: 'words' } | { readonly by: 'enum'; readonly values: readonly string[] }

/** The columns of a query's result: the coded ones, how many facts a tuple has, units as 64-bit numbers. */
export interface ChunkColumns {
  readonly coded: readonly CodedBy[]
  readonly counted: boolean
  readonly amounts: number
}

/** A coded column holds a value that is no short one, or amounts leave the exact range. */
export type Obstacle = { readonly column: number } | 'inexact'

export interface ChunkedBlocks {
  readonly blocks: readonly Block[]
  readonly dictionaries: readonly (readonly (string | null)[])[]
  readonly rows: number
  readonly facts: number
}

export async function readChunks(
  connection: DuckDBConnection,
  sql: string,
  columns: ChunkColumns,
  onRows: ((rows: number) => void) | undefined,
): Promise<ChunkedBlocks | { readonly obstacle: Obstacle }> {
  const { default: low } = (await import('@duckdb/node-bindings')) as unknown as { default: typeof Bindings }
  const blocks = new ChunkBlocks(low, columns)
  const result = await connection.stream(sql)
  let next = result.fetchChunk()
  try {
    for (;;) {
      const chunk = await next
      if (chunk === null || chunk.rowCount === 0) return blocks.finish()
      next = result.fetchChunk()
      const obstacle = blocks.add(chunk)
      if (obstacle !== undefined) return { obstacle }
      onRows?.(blocks.rows)
    }
  } finally {
    // The engine must not be left in the middle of a chunk that nobody waits for.
    await next.catch(() => {})
  }
}

interface OpenBlock {
  rows: number
  readonly counts: Float64Array | null
  readonly codes: readonly Int32Array[]
  readonly amounts: readonly Float64Array[]
}

class ChunkBlocks {
  rows = 0
  private readonly blocks: OpenBlock[] = []
  private readonly dictionaries: readonly ByteDictionary[]
  /** Σ|units| by amount column, and of the counts before them. */
  private readonly magnitudes: Float64Array

  /** Bytes of a value, column by column. */
  private readonly sizes: readonly number[]

  constructor(
    private readonly low: typeof Bindings,
    private readonly columns: ChunkColumns,
  ) {
    const { coded, counted, amounts } = columns
    const numbers = new Array<number>(counted ? amounts + 1 : amounts).fill(UNIT)
    this.sizes = [...coded.map(({ by }) => (by === 'enum' ? CODE : TEXT)), ...numbers]
    this.dictionaries = columns.coded.map(() => new ByteDictionary())
    this.magnitudes = new Float64Array(columns.amounts + 1)
  }

  add(chunk: DuckDBDataChunk): Obstacle | undefined {
    const total = chunk.rowCount
    const vectors = this.sizes.map((bytes, column) => memoryOf(this.low, chunk, column, total, bytes))
    for (let from = 0; from < total; ) {
      const block = this.open()
      const rows = Math.min(total - from, BLOCK_ROWS - block.rows)
      const obstacle = this.take(vectors, block, from, rows)
      if (obstacle !== undefined) return obstacle
      block.rows += rows
      this.rows += rows
      from += rows
    }
    return undefined
  }

  finish(): ChunkedBlocks {
    const { coded, counted } = this.columns
    return {
      blocks: this.blocks,
      dictionaries: coded.map((column, i) =>
        column.by === 'enum' ? [null, ...column.values] : this.dictionaries[i]!.texts(),
      ),
      rows: this.rows,
      facts: counted ? this.magnitudes[0]! : this.rows,
    }
  }

  private open(): OpenBlock {
    const last = this.blocks.at(-1)
    if (last !== undefined && last.rows < BLOCK_ROWS) return last
    const { coded, counted, amounts } = this.columns
    const block = {
      rows: 0,
      counts: counted ? new Float64Array(BLOCK_ROWS) : null,
      codes: coded.map(() => new Int32Array(BLOCK_ROWS)),
      amounts: Array.from({ length: amounts }, () => new Float64Array(BLOCK_ROWS)),
    }
    this.blocks.push(block)
    return block
  }

  private take(
    vectors: readonly Memory[],
    block: OpenBlock,
    from: number,
    rows: number,
  ): Obstacle | undefined {
    const { coded, counted } = this.columns
    for (let column = 0; column < coded.length; column++) {
      const target = block.codes[column]!.subarray(block.rows, block.rows + rows)
      const vector = vectors[column]!
      if (coded[column]!.by === 'enum') copyCodes(vector, from, target)
      else if (!codeWords(vector, from, this.dictionaries[column]!, target)) return { column }
    }
    const numbers = counted ? [block.counts!, ...block.amounts] : block.amounts
    for (let column = 0; column < numbers.length; column++) {
      const target = numbers[column]!.subarray(block.rows, block.rows + rows)
      const at = counted ? column : column + 1
      const size = this.magnitudes[at]! + copyUnits(vectors[coded.length + column]!, from, target)
      if (size > Number.MAX_SAFE_INTEGER) return 'inexact'
      this.magnitudes[at] = size
    }
    return undefined
  }
}

/** The memory of a vector in words: its values, and a bit for each that is not null; null bits: none is. */
interface Memory {
  readonly words: Int32Array
  readonly valid: Int32Array | null
}

/** The vectors of the package itself find out their type anew for every chunk, which costs more than reading them. */
function memoryOf(
  low: typeof Bindings,
  { chunk }: DuckDBDataChunk,
  column: number,
  rows: number,
  bytes: number,
): Memory {
  const vector = low.data_chunk_get_vector(chunk, column)
  const words = wordsOf(low.vector_get_data(vector, rows * bytes))
  const bits = low.vector_get_validity(vector, Math.ceil(rows / 64) * 8) as Uint8Array | null
  const valid = bits === null ? null : wordsOf(bits)
  return { words, valid: valid === null || holdsNone(valid, rows) ? null : valid }
}

const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array =>
  new Int32Array(buffer, byteOffset, byteLength / 4)

/** Bytes of a value: of a text (its length and twelve bytes, or a pointer), of a code, of a unit. */
const TEXT = 16
const CODE = 4
const UNIT = 8

/** Whether the bits say that no value is null. */
function holdsNone(bits: Int32Array, rows: number): boolean {
  const whole = rows >> 5
  for (let word = 0; word < whole; word++) if (bits[word] !== -1) return false
  const rest = (1 << (rows & 31)) - 1
  return (rows & 31) === 0 || (bits[whole]! & rest) === rest
}

const isNull = (valid: Int32Array | null, row: number): boolean =>
  valid !== null && ((valid[row >> 5]! >>> (row & 31)) & 1) === 0

function copyCodes({ words, valid }: Memory, from: number, target: Int32Array): void {
  for (let row = 0; row < target.length; row++)
    target[row] = isNull(valid, from + row) ? 0 : words[from + row]! + 1
}

/** False when a value is longer than words can hold. */
function codeWords(
  { words, valid }: Memory,
  from: number,
  dictionary: ByteDictionary,
  target: Int32Array,
): boolean {
  for (let row = 0; row < target.length; row++) {
    if (isNull(valid, from + row)) {
      target[row] = 0
      continue
    }
    const at = (from + row) * 4
    const length = words[at]!
    if (length > SHORT_BYTES || length < 0) return false
    target[row] = dictionary.codeOfWords(length, words[at + 1]!, words[at + 2]!, words[at + 3]!)
  }
  return true
}

/** Σ|units| of what was copied; nulls are 0. */
function copyUnits({ words, valid }: Memory, from: number, target: Float64Array): number {
  let size = 0
  for (let row = 0; row < target.length; row++) {
    const at = (from + row) * 2
    const units = isNull(valid, from + row) ? 0 : words[at + 1]! * 4294967296 + (words[at]! >>> 0)
    target[row] = units
    size += units < 0 ? -units : units
  }
  return size
}
