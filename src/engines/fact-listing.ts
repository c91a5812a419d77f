/**
 * Facts as text, one by one in the order of their arrival, for whoever writes them out: streamed, never all
 * in memory. The first value of each row is where the fact stands: its number of arrival in the books, the
 * number of the row in a file, counted from 1. Raises TIE-2408 (floating-point money) and, on a file that
 * stops being readable, TIE-2407.
 */

import { refuse } from '../base/errors.js'
import type { Tx } from '../books/books.js'
import { type FactTable, quoteIdentifier } from '../books/fact-tables.js'
import { sqlText } from './books-source.js'
import { copiedRows } from './copied-rows.js'
import { type DuckFile, literal, type OpenDuckFile, quoted, refuseUnreadable } from './duckdb-file.js'
import type { FactColumn } from './source.js'

/** Values are as the source types them: plain decimals, ISO dates, true and false; null is a missing value. */
export type ListedFact = readonly (string | null)[]

export interface ListingRequest {
  readonly columns: readonly string[]
  /** Only rows whose column equals the text; a null never equals. */
  readonly where: readonly { readonly column: string; readonly equals: string }[]
  /** Only facts that had arrived by then; null: all. */
  readonly through: bigint | null
}

export interface FactListing {
  /** What the first value of a row is called. */
  readonly position: 'fact_seq' | 'row'
  readonly columns: readonly FactColumn[]
  /** In batches. */
  facts(request: ListingRequest): AsyncIterable<readonly ListedFact[]>
}

/** Numbers of arrival in one statement: PGlite hands over whole results only. */
const SPAN = 100_000n

/** `useCaseId` selects the rows of one use case in a table that several share. */
export function bookListing(tx: Tx, table: FactTable, useCaseId: string): FactListing {
  const from = `public.${quoteIdentifier(table.physical)}`
  // As the frame reads them: a boolean in words rather than COPY's t and f.
  const valueSql = (name: string): string => {
    const { type } = table.columns.find((column) => column.name === name)!
    return type === 'boolean' ? `${quoteIdentifier(name)}::text` : quoteIdentifier(name)
  }
  return {
    position: 'fact_seq',
    columns: table.columns.map(({ name, type }) => ({ name, type })),
    async *facts({ columns, where, through }) {
      const conditions = where.map(({ column, equals }) => `${quoteIdentifier(column)} = ${sqlText(equals)}`)
      if (table.sharedByUseCases) conditions.push(`use_case_id = ${sqlText(useCaseId)}`)
      const list = ['fact_seq', ...columns.map(valueSql)].join(', ')
      const [ends] = await tx.rows<{ first: bigint | null; last: bigint | null }>(
        `SELECT min(fact_seq) AS first, max(fact_seq) AS last FROM ${from}`,
      )
      if (ends!.first === null) return
      const last = through !== null && through < ends!.last! ? through : ends!.last!
      for (let start = ends!.first; start <= last; start += SPAN) {
        const end = start + SPAN - 1n < last ? start + SPAN - 1n : last
        const span = [`fact_seq BETWEEN ${start} AND ${end}`, ...conditions].join(' AND ')
        yield* copiedRows(tx.copyOut(`SELECT ${list} FROM ${from} WHERE ${span} ORDER BY fact_seq`))
      }
    },
  }
}

/** Rows in the order of the file, which DuckDB keeps; filtered after they are counted. */
export function fileListing(open: OpenDuckFile, file: DuckFile): FactListing {
  const known = new Map(open.columns.map((column) => [column.name, column]))
  let row = 'row'
  while (open.columns.some(({ name }) => name.toLowerCase() === row)) row += '_'
  return {
    position: 'row',
    columns: open.columns.map(({ name, type }) => ({ name, type })),
    async *facts({ columns, where }) {
      for (const name of columns)
        if (known.get(name)!.floating) refuse('TIE-2408', { column: name, source: file.path })
      const list = columns.map((name) => `CAST(${known.get(name)!.sql} AS VARCHAR)`)
      const conditions = where.map(
        ({ column, equals }) => `CAST(${known.get(column)!.sql} AS VARCHAR) = ${literal(equals)}`,
      )
      const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
      const counted = `(SELECT row_number() OVER () AS ${quoted(row)}, * FROM ${open.relation})`
      try {
        const result = await open.connection.stream(
          `SELECT ${[`CAST(${quoted(row)} AS VARCHAR)`, ...list].join(', ')} FROM ${counted} ${filter}`,
        )
        for (;;) {
          const chunk = await result.fetchChunk()
          if (chunk === null || chunk.rowCount === 0) return
          yield chunk.getRows() as (string | null)[][]
        }
      } catch (error) {
        refuseUnreadable(file, error)
      }
    },
  }
}
