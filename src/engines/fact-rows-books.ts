/**
 * Facts of a table of the books, by number of arrival: `fact_seq` names a fact for good. Sums of numeric are
 * exact in PostgreSQL. Raises nothing of its own.
 */

import { decimal } from '../base/decimal.js'
import type { Tx } from '../books/books.js'
import type { FactTable } from '../books/fact-tables.js'
import { type FactRows, factRows } from './fact-rows.js'
import { POSTGRES } from './sql-dialect.js'

/** `useCaseId` selects the rows of one use case in a table that several share. */
export function bookRows(tx: Tx, table: FactTable, useCaseId: string): FactRows {
  return factRows({
    name: table.name,
    dialect: POSTGRES,
    columns: table.columns.map(({ name, type, scale }) => ({
      name,
      type,
      sql: `f.${POSTGRES.identifier(name)}`,
      scale,
      floating: false,
    })),
    position: { name: 'fact_seq', sql: 'f.fact_seq' },
    origin: { id: 'f.import_id', line: 'f.import_line' },
    from: `public.${POSTGRES.identifier(table.physical)} AS f`,
    own: (statement) =>
      table.sharedByUseCases ? [`f.use_case_id = CAST(${statement.bind(useCaseId)} AS uuid)`] : [],
    addends: async ({ sql }) => [{ sql, factor: decimal(1n) }],
    query: async (list, rest, values) => {
      // Rows come as objects, so every column gets a name of its own.
      const named = list.map((sql, i) => `${sql} AS v${i}`).join(', ')
      const rows = await tx.rows<Readonly<Record<string, string | null>>>(`SELECT ${named} ${rest}`, values)
      return rows.map((row) => list.map((_, i) => row[`v${i}`] ?? null))
    },
  })
}
