/** Rows of a table as text, as they were read. Raises Error for a column that is not there (a caller's bug). */

export type Cell = string | null

export class Table {
  private readonly places: ReadonlyMap<string, number>

  constructor(
    readonly name: string,
    readonly columns: readonly string[],
    readonly rows: readonly (readonly Cell[])[],
  ) {
    this.places = new Map(columns.map((column, i) => [column, i]))
  }

  has(column: string): boolean {
    return this.places.has(column)
  }

  /** How to read a column of a row; nothing at all for a column that the configuration says there is none of. */
  reader(column: string | null): (row: readonly Cell[]) => Cell {
    if (column === null) return () => null
    const place = this.places.get(column)
    if (place === undefined) throw new Error(`the table ${this.name} has no column ${column}`)
    return (row) => row[place] ?? null
  }
}

/** All tables of a configuration; of the fact only what its checks and the evaluator need. */
export interface MartTables {
  readonly hierarchy: Table
  readonly mapping: Table
  /** By alias. */
  readonly dimensions: ReadonlyMap<string, Table>
  /** Terms; null where the configuration names no table of them. */
  readonly formulas: Table | null
}
