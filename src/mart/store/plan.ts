/**
 * What an edited hierarchy or mapping would change: the mart is run as it is and as it would be. Raises TIE-5067 (the
 * file is neither table), TIE-5070 (nothing to plan for), and for either side what running a mart raises.
 */

import { problem, Refusal, refuse } from '../../base/errors.js'
import type { PlaceOf } from '../../base/yaml-file.js'
import { readCsv } from '../../engines/csv.js'
import { quoted } from '../../engines/duckdb-file.js'
import type { DialectName } from '../../engines/plan/dialects.js'
import { hierarchyColumns, mappingColumns, missingColumns } from '../check-data.js'
import { type MartConfig, partsOf } from '../config.js'
import { planPipeline, printPipeline } from '../pipeline/pipeline.js'
import { lineDiff } from '../planning/line-diff.js'
import { type KeyChanges, keyChangesOf, type Move, movesOf } from '../planning/moves.js'
import { keyed } from '../proof/compare.js'
import type { Cell } from '../table.js'
import { type LoadedMart, loadMart, tablesOf } from './load.js'
import { runOnDuckDB } from './run-duckdb.js'
import { type MartSource, openMartSource } from './source.js'

export interface MartPlan {
  /** The table that the edited file stands for; null when two sources are compared. */
  readonly edited: string | null
  readonly moves: readonly Move[]
  readonly keys: KeyChanges
  readonly ddl: readonly {
    readonly object_name: string
    readonly layer: string
    readonly diff: readonly string[]
  }[]
}

export interface Change {
  readonly edit?: string | undefined
  readonly to?: string | undefined
  readonly dialect: DialectName
}

export async function planOf(
  config: MartConfig,
  placeOf: PlaceOf,
  location: string,
  { edit, to, dialect }: Change,
): Promise<MartPlan> {
  if (edit === undefined && to === undefined) refuse('TIE-5070', {})
  let edited: string | null = null
  const before = await side(config, placeOf, location, dialect, async () => undefined)
  const after = await side(config, placeOf, to ?? location, dialect, async (source) => {
    if (edit !== undefined) edited = await replace(source, config, edit)
  })
  return {
    edited,
    moves: movesOf(config, before.rows, after.rows),
    keys: keyChangesOf(config, before.rows, after.rows),
    ddl: before.objects.map(({ object_name, layer, ddl }, i) => ({
      object_name,
      layer,
      diff: lineDiff(ddl, after.objects[i]!.ddl),
    })),
  }
}

async function side(
  config: MartConfig,
  placeOf: PlaceOf,
  location: string,
  dialect: DialectName,
  prepare: (source: MartSource) => Promise<void>,
) {
  const source = await openMartSource(location, tablesOf(config))
  try {
    await prepare(source)
    const mart: LoadedMart = await loadMart(config, placeOf, source)
    const { columns, rows } = await runOnDuckDB(mart)
    const objects = printPipeline(planPipeline(mart.shape, mart.data.formulas), config, dialect)
    return { rows: keyed(columns, rows), objects }
  } finally {
    source.close()
  }
}

/** Puts the file's rows in place of the table whose columns it has; an empty field is a null, as in any CSV of a mart. */
async function replace(source: MartSource, config: MartConfig, file: string): Promise<string> {
  let header: readonly string[] | undefined
  const rows: (readonly Cell[])[] = []
  for await (const records of readCsv(file))
    for (const { fields } of records) {
      if (header === undefined) header = fields
      else rows.push(fields.map((field) => (field === '' ? null : field)))
    }
  const columns = header ?? []
  const sides = [
    { table: config.hierarchy_table, named: hierarchyColumns(config) },
    { table: config.mapping_table, named: mappingColumns(config) },
  ].map((one) => ({ ...one, missing: missingColumns(one.table, columns, one.named) }))
  const found = sides.find(({ missing }) => missing.length === 0)
  if (found === undefined) {
    const lacking = sides.map(({ table, missing }) => `${table} needs ${missing.length} more`).join(', ')
    throw new Refusal([problem('TIE-5067', { file, detail: lacking }, { file, line: 1 })])
  }
  const ragged = rows.findIndex((row) => row.length !== columns.length)
  if (ragged >= 0)
    refuse(
      'TIE-5067',
      {
        file,
        detail: `row ${ragged + 1} has ${rows[ragged]!.length} fields and the header ${columns.length}`,
      },
      { file, line: ragged + 2 },
    )
  const name = source.localName(partsOf(found.table))
  await source.run(
    name,
    `CREATE TABLE "tieout edited" (${columns.map((one) => `${quoted(one)} VARCHAR`).join(', ')})`,
  )
  const appender = await source.connection.createAppender('tieout edited')
  for (const row of rows) {
    for (const cell of row) {
      if (cell === null) appender.appendNull()
      else appender.appendVarchar(cell)
    }
    appender.endRow()
  }
  appender.closeSync()
  const [kind] = await source.rows(
    name,
    `SELECT table_type FROM information_schema.tables WHERE table_catalog = current_database() AND table_name = '${name.replaceAll("'", "''")}'`,
  )
  await source.run(name, `DROP ${kind![0] === 'VIEW' ? 'VIEW' : 'TABLE'} ${quoted(name)}`)
  await source.run(name, `ALTER TABLE "tieout edited" RENAME TO ${quoted(name)}`)
  return found.table
}
