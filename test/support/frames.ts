/** Frames made of rows as text, the way a COPY stream would bring them, and read back as text. */

import type { Frame } from '#tieout/engines/frame'
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
