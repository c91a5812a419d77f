/**
 * The values of a column of a fact source, counted by the engine that holds the facts: what a filter can be
 * written with. Raises TIE-1104, TIE-1005, TIE-2407.
 */

import type { Tx } from '../books/books.js'
import { factTable, quoteIdentifier } from '../books/fact-tables.js'
import { sqlText } from '../engines/books-source.js'
import { type Accounts, askAccount } from './sources.js'
import type { UseCase } from './use-case.js'

export interface ValuesRequest {
  readonly useCase: UseCase
  readonly useCaseId: string
  /** A column of the source, already looked up. */
  readonly field: string
  readonly date?: string | undefined
  /** Only values that hold this text. */
  readonly contains?: string | undefined
  readonly limit: number
}

export interface ValueCount {
  readonly value: string | null
  readonly facts: number
}

interface Counted {
  readonly value: string | null
  readonly facts: unknown
}

/** Most frequent first, then by value. */
export async function distinctValues(
  context: Accounts,
  tx: Tx,
  request: ValuesRequest,
): Promise<ValueCount[]> {
  const { engine } = request.useCase.source
  const found =
    engine === 'books'
      ? await inBooks(tx, request)
      : engine === 'duckdb'
        ? await inDuck(request)
        : await onAccount(context, request)
  return found.map(({ value, facts }) => ({ value, facts: Number(facts) }))
}

interface Dialect {
  readonly from: string
  readonly text: (text: string) => string
  readonly collated: string
  readonly conditions: readonly string[]
}

function query(
  { useCase: { source }, field, date, contains, limit }: ValuesRequest,
  { from, text, collated, conditions }: Dialect,
): string {
  const value = `CAST(${quoteIdentifier(field)} AS varchar)`
  const where = [
    ...conditions,
    ...(date === undefined || source.date === null
      ? []
      : [`${quoteIdentifier(source.date)} = CAST(${text(date)} AS date)`]),
    ...(contains === undefined ? [] : [`position(${text(contains)} IN ${value}) > 0`]),
  ]
  return `SELECT ${value} AS value, CAST(count(*) AS varchar) AS facts FROM ${from}
    ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
    GROUP BY 1 ORDER BY count(*) DESC, ${value}${collated} NULLS LAST LIMIT ${limit}`
}

async function inBooks(tx: Tx, request: ValuesRequest): Promise<Counted[]> {
  const table = await factTable(tx, request.useCase.source.table!)
  const conditions = table.sharedByUseCases ? [`use_case_id = ${sqlText(request.useCaseId)}`] : []
  const from = `public.${quoteIdentifier(table.physical)}`
  return tx.rows<Counted>(query(request, { from, text: sqlText, collated: ' COLLATE "C"', conditions }))
}

async function inDuck(request: ValuesRequest): Promise<Counted[]> {
  const { literal } = await import('../engines/duckdb-file.js')
  const { queryDuckFile } = await import('../engines/duckdb-rows.js')
  const { path, table } = request.useCase.source
  const file = { path: path!, ...(table === null ? {} : { table }) }
  const rows = await queryDuckFile(file, (relation) =>
    query(request, { from: relation, text: literal, collated: '', conditions: [] }),
  )
  return rows as unknown as Counted[]
}

async function onAccount(context: Accounts, request: ValuesRequest): Promise<Counted[]> {
  const rows = await askAccount(context, request.useCase.source, (from, text) =>
    query(request, { from, text, collated: '', conditions: [] }),
  )
  return rows.map(([value, facts]) => ({ value: value!, facts }))
}
