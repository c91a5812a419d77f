/**
 * Reads what discovery knows of the tables of a source: profiles by column, and how many facts have which keys and
 * flags. DuckDB counts, so that facts need not be held here. Raises what reading a source raises.
 */

import { quoted } from '../../engines/duckdb-file.js'
import type { FactShape } from '../discovery/fact-shape.js'
import type { Signature } from '../discovery/patterns.js'
import type { ColumnProfile, TableProfile } from '../discovery/profile.js'
import type { MartSource } from './source.js'

/** Columns with more values are no codes that a mapping names one by one. */
const MOST_VALUES = 100_000
const DECIMAL = '[+-]?[0-9]{1,24}(\\.[0-9]{0,8}0*)?'

export async function profileOf(
  source: MartSource,
  parts: readonly string[],
  name: string,
): Promise<TableProfile> {
  const local = quoted(source.localName(parts))
  const [count] = await source.rows(name, `SELECT CAST(count(*) AS VARCHAR) FROM ${local}`)
  const columns: ColumnProfile[] = []
  for (const column of await source.columns(parts))
    columns.push(await columnOf(source, local, column.name, name))
  return { name, parts, rows: Number(count![0]), columns }
}

async function columnOf(
  source: MartSource,
  local: string,
  name: string,
  table: string,
): Promise<ColumnProfile> {
  const value = `nullif(CAST(${quoted(name)} AS VARCHAR), '')`
  const [facts] = await source.rows(
    table,
    `SELECT CAST(count(v) AS VARCHAR), CAST(count(DISTINCT v) AS VARCHAR),
       CAST(coalesce(bool_and(regexp_full_match(v, '${DECIMAL}')), false) AS VARCHAR),
       CAST(coalesce(max(length(rtrim(split_part(v, '.', 2), '0'))), 0) AS VARCHAR)
     FROM (SELECT ${value} AS v FROM ${local})`,
  )
  const [filled, distinct, isDecimal, scale] = facts as [string, string, string, string]
  const values =
    Number(distinct) > MOST_VALUES
      ? null
      : new Set(
          (
            await source.rows(
              table,
              `SELECT DISTINCT v FROM (SELECT ${value} AS v FROM ${local}) WHERE v IS NOT NULL`,
            )
          ).map(([text]) => text!),
        )
  return {
    name,
    filled: Number(filled),
    distinct: Number(distinct),
    values,
    scale: isDecimal === 'true' ? Number(scale) : null,
  }
}

export async function signaturesOf(source: MartSource, fact: FactShape): Promise<readonly Signature[]> {
  const keys = fact.dimensions.map(
    ({ factKey }) => `CAST(nullif(CAST(${quoted(factKey)} AS VARCHAR), '') IS NOT NULL AS VARCHAR)`,
  )
  const flags = fact.flags.map(({ name }) => `nullif(CAST(${quoted(name)} AS VARCHAR), '')`)
  const rows = await source.rows(
    fact.table.name,
    `SELECT ${[...keys, ...flags, 'CAST(count(*) AS VARCHAR)'].join(', ')}
     FROM ${quoted(source.localName(fact.table.parts))} GROUP BY ${[...keys, ...flags].map((_, i) => i + 1).join(', ')}`,
  )
  return rows.map((row) => ({
    keys: row.slice(0, keys.length).map((has) => has === 'true'),
    flags: row.slice(keys.length, -1),
    facts: Number(row.at(-1)),
  }))
}
