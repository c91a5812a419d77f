/** Frames made of rows as text, the way a COPY stream would bring them, and read back as text. */

import { digestOfFacts } from '#tieout/engines/facts-digest'
import { BLOCK_ROWS, type Block, type Frame, type Units } from '#tieout/engines/frame'
import { FrameBuilder } from '#tieout/engines/frame-builder'
import type { FactColumn } from '#tieout/engines/source'

export type TextRow = Readonly<Record<string, string | null>>

/** A frame of the columns; numeric columns named in `amounts` are summed, the others coded. */
export function frameOf(
  rows: readonly TextRow[],
  coded: readonly FactColumn[],
  amounts: readonly string[],
): Frame {
  const builder = new FrameBuilder('test', coded, amounts)
  const put = (value: string | null | undefined, into: (bytes: Buffer) => void): void => {
    if (value !== null && value !== undefined) into(Buffer.from(value, 'utf8'))
  }
  for (const row of rows) {
    builder.beginRow()
    coded.forEach(({ name }, i) => {
      put(row[name], (bytes) => builder.code(i, bytes, 0, bytes.length))
    })
    amounts.forEach((name, i) => {
      put(row[name], (bytes) => builder.amount(i, bytes, 0, bytes.length))
    })
  }
  return builder.finish()
}

export const text = (name: string): FactColumn => ({ name, type: 'text' })

/** Units of one amount column, row by row. */
export const unitsOf = (frame: Frame, column = 0): bigint[] =>
  frame.blocks.flatMap((block) =>
    Array.from({ length: block.rows }, (_, row) => BigInt(block.amounts[column]![row]!)),
  )

/** Rows of the coded columns as text, then the amounts in units. */
export const rowsOf = (frame: Frame): (string | null)[][] =>
  frame.blocks.flatMap((block) =>
    Array.from({ length: block.rows }, (_, row) => [
      ...frame.coded.map(({ dictionary }, i) => dictionary[block.codes[i]![row]!]!),
      ...frame.amounts.map((_, i) => String(block.amounts[i]![row]!)),
    ]),
  )

const part = (units: Units, from: number, to: number): Units =>
  units instanceof Float64Array ? units.slice(from, to) : units.slice(from, to)

/** The same rows in blocks of so many. */
export const inBlocks = (frame: Frame, rows: number): Frame => ({
  ...frame,
  blocks: frame.blocks.flatMap((block) =>
    Array.from({ length: Math.ceil(block.rows / rows) }, (_, i): Block => {
      const from = i * rows
      const to = Math.min(block.rows, from + rows)
      return {
        rows: to - from,
        counts: block.counts === null ? null : block.counts.slice(from, to),
        codes: block.codes.map((codes) => codes.slice(from, to)),
        amounts: block.amounts.map((units) => part(units, from, to)),
      }
    }),
  ),
})

/** One row of a frame: codes, facts behind it, units. */
export interface CodedRow {
  readonly codes: readonly number[]
  readonly count: number
  readonly units: readonly bigint[]
}

export const codedRows = ({ blocks }: Frame): CodedRow[] =>
  blocks.flatMap(({ rows, counts, codes, amounts }) =>
    Array.from({ length: rows }, (_, row) => ({
      codes: codes.map((column) => column[row]!),
      count: counts === null ? 1 : counts[row]!,
      units: amounts.map((units) => BigInt(units[row]!)),
    })),
  )

/** The frame with other rows, which have counts and amounts beyond the exact range where the frame's do not fit. */
export function withRows(frame: Frame, rows: readonly CodedRow[], range: 'exact' | 'big'): Frame {
  const blocks: Block[] = []
  for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
    const part = rows.slice(from, from + BLOCK_ROWS)
    const unitsOfColumn = (column: number): Units => {
      const units = part.map((row) => row.units[column]!)
      return range === 'exact' ? Float64Array.from(units, Number) : units
    }
    blocks.push({
      rows: part.length,
      counts: Float64Array.from(part, ({ count }) => count),
      codes: frame.coded.map((_, column) => Int32Array.from(part, ({ codes }) => codes[column]!)),
      amounts: frame.amounts.map((_, column) => unitsOfColumn(column)),
    })
  }
  const amounts = frame.amounts.map((column) => ({ ...column, range }))
  const facts = rows.reduce((sum, { count }) => sum + count, 0)
  const digest = digestOfFacts(frame.coded, amounts, blocks)
  return { ...frame, amounts, blocks, rows: rows.length, facts, digest }
}

/** The rows with one for each combination of codes: what a GROUP BY gives. */
export function grouped(rows: readonly CodedRow[]): CodedRow[] {
  const groups = new Map<string, CodedRow>()
  for (const row of rows) {
    const key = row.codes.join()
    const group = groups.get(key)
    groups.set(
      key,
      group === undefined
        ? row
        : {
            codes: row.codes,
            count: group.count + row.count,
            units: group.units.map((units, i) => units + row.units[i]!),
          },
    )
  }
  return [...groups.values()]
}

/** The facts as an engine would group them: one row for all facts with the same codes. */
export function groupedFrame(frame: Frame): Frame {
  const isExact = frame.amounts.every(({ range }) => range === 'exact')
  return withRows(frame, grouped(codedRows(frame)), isExact ? 'exact' : 'big')
}
