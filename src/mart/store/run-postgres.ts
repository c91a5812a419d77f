/**
 * Runs the PostgreSQL print of a mart on the books' own engine, over copies of its tables: temporary tables in a
 * transaction that is rolled back, so that nothing is left. Raises TIE-5022, TIE-5023.
 */

import { Refusal, refuse } from '../../base/errors.js'
import type { Books, TenantId, Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import { POSTGRES_PLAN } from '../../engines/plan/dialects.js'
import { printName } from '../../engines/plan/print.js'
import { objectNames } from '../pipeline/columns.js'
import { printPipeline } from '../pipeline/pipeline.js'
import type { Cell } from '../table.js'
import { type LoadedMart, tablesOf } from './load.js'
import { localPipeline, type MartRows, martColumns, refuseUnsupported } from './run-duckdb.js'

class Done extends Error {
  constructor(readonly result: MartRows) {
    super('rolled back on purpose')
  }
}

export async function runOnPostgres(mart: LoadedMart, books: Books, tenant: TenantId): Promise<MartRows> {
  const { config, objects } = localPipeline(mart)
  const printed = printPipeline(objects, config, 'postgres')
  refuseUnsupported(printed, 'PostgreSQL')
  try {
    await books.transaction(tenant, async (tx) => {
      await tx.execute('SET LOCAL search_path = pg_temp')
      await copyTables(mart, tx)
      const stages: MartRows['stages'][number][] = []
      for (const { layer, object_name: object, ddl } of printed) {
        await refusing(object, () => tx.execute(ddl))
        const [count] = await tx.rows<{ n: string }>(`SELECT count(*)::text AS n FROM ${name(object)}`)
        stages.push({ layer, object, rows: Number(count!.n) })
      }
      const columns = martColumns(config)
      const list = columns.map((column, i) => `${name(column)}::text AS c${i}`).join(', ')
      const dt3 = objectNames(config).dt3
      const rows = await refusing(dt3, () =>
        tx.rows<Record<string, Cell>>(`SELECT ${list} FROM ${name(dt3)}`),
      )
      throw new Done({ columns, rows: rows.map((row) => columns.map((_, i) => row[`c${i}`]!)), stages })
    })
  } catch (error) {
    if (error instanceof Done) return error.result
    throw error
  }
  throw new Error('the transaction ended without a result')
}

const name = (text: string): string => printName([text], POSTGRES_PLAN).sql

async function copyTables({ source, shape: { config } }: LoadedMart, tx: Tx): Promise<void> {
  const copied = new Set<string>()
  for (const parts of tablesOf(config)) {
    const local = source.localName(parts)
    if (copied.has(local)) continue
    copied.add(local)
    const table = await source.read(parts)
    const columns = table.columns.map(name)
    const target = name(local)
    await refusing(local, async () => {
      await tx.execute(`CREATE TABLE ${target} (${columns.map((column) => `${column} text`).join(', ')})`)
      await tx.copyIn(`${target} (${columns.join(', ')})`, copyRows(table.rows))
    })
  }
}

async function refusing<T>(object: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) throw error
    refuse('TIE-5023', { engine: 'PostgreSQL', object, detail: (error as Error).message.split('\n')[0]! })
  }
}
