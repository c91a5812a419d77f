/** Operations on facts: import a file into an append-only table, list the tables. */

import { z } from 'zod'
import { findFactTable, listFactTables } from '../../books/fact-tables.js'
import { type Operation, operation } from '../../books/operation.js'
import { digestOfFile } from '../../engines/file-digest.js'
import { FactImport, type Imported } from '../fact-import.js'

const input = z.object({
  file: z.string().describe('A CSV or Parquet file.'),
  table: z.string().optional().describe('The fact table; made when it does not exist.'),
  use_case: z.string().optional().describe('Import into the table of this use case.'),
  types: z
    .string()
    .optional()
    .describe('Types of columns: col=type,… with text, numeric, numeric(p,s), date, boolean.'),
  ignore_columns: z.boolean().default(false).describe('Leave unknown columns out instead of refusing them.'),
  dry_run: z.boolean().default(false).describe('Do everything but keep nothing.'),
})

const importFacts = operation({
  name: 'facts import',
  summary: 'Import facts from a CSV or Parquet file into an append-only table.',
  effect: 'append',
  input,
  output: z.object({
    table: z.string(),
    file: z.string(),
    new: z.number(),
    same: z.number(),
    refused: z.number(),
    created: z.boolean(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    import_id: z.string().nullable(),
    dry_run: z.boolean(),
  }),
  errors: [
    'TIE-2401',
    'TIE-2403',
    'TIE-2404',
    'TIE-2405',
    'TIE-2406',
    'TIE-2407',
    'TIE-2408',
    'TIE-2409',
    'TIE-2410',
    'TIE-2411',
    'TIE-2412',
    'TIE-2413',
    'TIE-2414',
    'TIE-2415',
  ],
  positional: ['file'],
  http: {
    method: 'POST',
    path: '/api/v1/fact-tables/{table}/imports',
    upload: 'file',
    mediaTypes: { 'text/csv': '.csv', 'application/vnd.apache.parquet': '.parquet' },
    location: '/api/v1/fact-tables',
  },
  async run(context, given) {
    const { books, tenant } = context
    const digest = await digestOfFile(given.file)
    try {
      return await books.transaction(tenant, async (tx) => {
        const imported = await new FactImport(context, tx, given, digest).run()
        if (given.dry_run) throw new RolledBack(imported)
        return imported
      })
    } catch (error) {
      if (error instanceof RolledBack) return error.imported
      throw error
    }
  },
})

/** A dry run is the same transaction, rolled back. */
class RolledBack extends Error {
  constructor(readonly imported: Imported) {
    super('dry run')
  }
}

const tables = operation({
  name: 'facts tables',
  summary: 'List the fact tables with their columns and row counts.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    tables: z.array(
      z.object({
        table: z.string(),
        rows: z.number(),
        imports: z.number(),
        columns: z.array(z.object({ name: z.string(), type: z.string() })),
      }),
    ),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/fact-tables' },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => {
      const found = []
      for (const { table, rows, imports } of await listFactTables(tx)) {
        const { columns } = (await findFactTable(tx, table))!
        found.push({ table, rows, imports, columns: columns.map(({ name, type }) => ({ name, type })) })
      }
      return { tables: found }
    }),
})

export const factOperations: readonly Operation[] = [importFacts, tables]
