/**
 * Facts in a table of the books, streamed out by COPY straight into a frame. Works on PGlite and on a server
 * alike. Raises what the frame builder raises.
 */

import type { Tx } from '../books/books.js'
import { type FactTable, quoteIdentifier, type StoredColumn } from '../books/fact-tables.js'
import { CopyTextReader } from './copy-reader.js'
import { FrameBuilder } from './frame-builder.js'
import type { FactSource, FrameRequest } from './source.js'

/** `useCaseId` selects the rows of one use case in a table that several share. */
export function booksSource(tx: Tx, table: FactTable, useCaseId: string | undefined): FactSource {
  const from = `public.${quoteIdentifier(table.physical)}`
  const column = (name: string): StoredColumn => {
    const found = table.columns.find((known) => known.name === name)
    if (found === undefined) throw new Error(`${table.name} has no column ${name}`)
    return found
  }
  // COPY takes no parameters: names come from the catalogue, values are quoted here.
  const conditions = (where: FrameRequest['where'], more: readonly string[] = []): string => {
    const list = [
      ...more,
      ...where.map(
        ({ column: name, equals }) => `${quoteIdentifier(column(name).name)} = ${sqlText(equals)}`,
      ),
    ]
    if (table.sharedByUseCases) list.push(`use_case_id = ${sqlText(useCaseId ?? '')}`)
    return list.length === 0 ? '' : `WHERE ${list.join(' AND ')}`
  }
  const since = (through: bigint | null): string[] => (through === null ? [] : [`fact_seq <= ${through}`])
  return {
    name: table.name,
    columns: table.columns.map(({ name, type }) => ({ name, type })),
    async read(request) {
      const coded = request.coded.map(column)
      const builder = new FrameBuilder(
        table.name,
        coded.map(({ name, type }) => ({ name, type })),
        request.amounts,
      )
      const list = [
        ...coded.map(codedSql),
        ...request.amounts.map((name) => quoteIdentifier(column(name).name)),
      ]
      const columns = Math.max(list.length, 1)
      const reader = new CopyTextReader(builder, coded.length, columns)
      const query = `SELECT ${list.join(', ') || 'NULL'} FROM ${from} ${conditions(request.where, since(request.through))}`
      for await (const chunk of tx.copyOut(query)) {
        reader.push(chunk)
        request.onRows?.(builder.rows)
      }
      reader.end()
      return builder.finish()
    },
    async horizon() {
      const [row] = await tx.rows<{ newest: bigint | null }>(`SELECT max(fact_seq) AS newest FROM ${from}`)
      return row!.newest ?? 0n
    },
    async countNulls(name) {
      const isNull = `${quoteIdentifier(column(name).name)} IS NULL`
      const [row] = await tx.rows<{ n: bigint }>(
        `SELECT count(*) AS n FROM ${from} ${conditions([], [isNull])}`,
      )
      return Number(row!.n)
    },
  }
}

const codedSql = ({ name, type }: StoredColumn): string =>
  type === 'boolean' ? `${quoteIdentifier(name)}::text` : quoteIdentifier(name)

/** A text literal that reads the same whatever standard_conforming_strings says. */
export const sqlText = (text: string): string =>
  text.includes('\\')
    ? ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`
