/**
 * The tables of a mart as dbt's sources: on Snowflake and PostgreSQL by their names, on DuckDB by the files of a folder
 * or the tables of an attached file. Raises nothing.
 */

import type { DialectName } from '../../engines/plan/dialects.js'
import { jinjaText, slug } from './jinja.js'

/** Where DuckDB finds a table; null for a table that has its configured name. */
export type DbtPlace =
  | { readonly kind: 'csv'; readonly file: string; readonly columns: readonly string[] }
  | { readonly kind: 'parquet'; readonly file: string }
  | { readonly kind: 'table'; readonly schema: string; readonly table: string }

export interface DbtTable {
  readonly parts: readonly string[]
  readonly place: DbtPlace | null
}

/** The name under which DuckDB attaches the file of the tables. */
export const ATTACHED = 'mart_source'
/** The variable that says where the tables are. */
export const SOURCE_VARIABLE = 'MART_SOURCE'

interface Source {
  name: string
  description: string
  database?: string
  schema?: string
  quoting: { database: boolean; schema: boolean; identifier: boolean }
  tables: { name: string; identifier: string; config?: { external_location: string } }[]
}

export class DbtSources {
  private readonly sources = new Map<string, Source>()
  private readonly calls = new Map<string, string>()

  constructor(
    tables: readonly DbtTable[],
    private readonly dialect: DialectName,
    private readonly location: string,
  ) {
    for (const table of tables) if (!this.calls.has(key(table.parts))) this.add(table)
  }

  /** `{{ source('…', '…') }}`. */
  callOf(parts: readonly string[]): string | undefined {
    const call = this.calls.get(key(parts))
    return call && `{{ ${call} }}`
  }

  /** `source('…', '…')`. */
  inputOf(parts: readonly string[]): string {
    return this.calls.get(key(parts))!
  }

  /** The `sources` of a properties file. */
  entries(): readonly Source[] {
    return [...this.sources.values()]
  }

  private add({ parts, place }: DbtTable): void {
    const [table, schema, database] =
      place?.kind === 'table' ? [place.table, place.schema, ATTACHED] : parts.toReversed()
    const isFile = place !== null && place.kind !== 'table'
    const id = JSON.stringify([database, schema])
    const source = this.sources.get(id) ?? {
      name: this.free(
        slug(schema ?? 'tables'),
        [...this.sources.values()].map(({ name }) => name),
      ),
      description: 'The tables that the mart is made of.',
      ...(database === undefined || isFile ? {} : { database: jinjaText(database) }),
      ...(schema === undefined || isFile ? {} : { schema: jinjaText(schema) }),
      quoting: { database: true, schema: true, identifier: true },
      tables: [],
    }
    this.sources.set(id, source)
    const name = this.free(
      slug(table!),
      source.tables.map((one) => one.name),
    )
    source.tables.push({
      name,
      identifier: jinjaText(table!),
      ...(isFile ? { config: { external_location: this.external(place) } } : {}),
    })
    this.calls.set(key(parts), `source('${source.name}', '${name}')`)
  }

  /** dbt-duckdb fills the location in with `format` after Jinja, so braces are doubled. */
  private external(place: Exclude<DbtPlace, { kind: 'table' }>): string {
    const literal = (text: string): string =>
      jinjaText(`'${text.replaceAll("'", "''")}'`.replaceAll(/[{}]/g, '$&$&'))
    const folder = `{{ env_var('${SOURCE_VARIABLE}', ${JSON.stringify(this.location)}) }}`
    const path = `'${folder}/${literal(place.file).slice(1, -1)}'`
    if (place.kind === 'parquet') return `read_parquet(${path})`
    const quoted = (name: string): string =>
      jinjaText(`"${name.replaceAll('"', '""')}"`.replaceAll(/[{}]/g, '$&$&'))
    const columns = place.columns.map((name) => `${quoted(name)} := 'VARCHAR'`).join(', ')
    return `read_csv(${path}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', columns = struct_pack(${columns}))`
  }

  private free(name: string, taken: readonly string[]): string {
    let free = name
    for (let i = 2; taken.includes(free); i++) free = `${name}_${i}`
    return free
  }

  /** Attached files of a DuckDB profile. */
  attachments(): readonly object[] {
    const isAttached = [...this.sources.values()].some(({ database }) => database === ATTACHED)
    if (this.dialect !== 'duckdb' || !isAttached) return []
    const path = `{{ env_var('${SOURCE_VARIABLE}', ${JSON.stringify(this.location)}) }}`
    return [{ path, alias: ATTACHED, read_only: true }]
  }
}

const key = (parts: readonly string[]): string => JSON.stringify(parts)
