/** Frames made of rows as text, the way a COPY stream would bring them, and read back as text. */

import type { Block, Frame, Units } from '#tieout/engines/frame'
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
    builder.endRow()
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

/** The facts as an engine would group them: one row for all facts with the same codes. */
export function groupedFrame(frame: Frame): Frame {
  const groups = new Map<string, { facts: number; codes: number[]; units: bigint[] }>()
  for (const block of frame.blocks) {
    for (let row = 0; row < block.rows; row++) {
      const codes = block.codes.map((column) => column[row]!)
      const known = groups.get(codes.join()) ?? { facts: 0, codes, units: frame.amounts.map(() => 0n) }
      known.facts += 1
      block.amounts.forEach((units, i) => {
        known.units[i]! += BigInt(units[row]!)
      })
      groups.set(codes.join(), known)
    }
  }
  const rows = [...groups.values()]
  const block: Block = {
    rows: rows.length,
    counts: Float64Array.from(rows, ({ facts }) => facts),
    codes: frame.coded.map((_, i) => Int32Array.from(rows, ({ codes }) => codes[i]!)),
    amounts: frame.amounts.map(({ range }, i) =>
      range === 'exact'
        ? Float64Array.from(rows, ({ units }) => Number(units[i]))
        : rows.map(({ units }) => units[i]!),
    ),
  }
  return { ...frame, blocks: rows.length === 0 ? [] : [block], rows: rows.length }
}
