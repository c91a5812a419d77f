/**
 * Where facts are read: a source has typed columns and delivers a frame of the ones asked for. The engines
 * (books, DuckDB) implement it; calculations see nothing else of them.
 */

import type { Frame } from './frame.js'

/** How a column's values compare: text by code point, numbers exactly, dates as ISO text. */
export type ColumnType = 'text' | 'numeric' | 'date' | 'boolean'

export interface FactColumn {
  readonly name: string
  readonly type: ColumnType
}

/**
 * Rows of a frame: facts, tuples that the engine has grouped by the coded columns, or whichever it delivers
 * sooner. Work on single facts, such as adjusting them, must ask for facts.
 */
export type RowsOfFrame = 'facts' | 'tuples' | 'either'

export interface FrameRequest {
  /** Columns to code against a dictionary, in this order. */
  readonly coded: readonly string[]
  /** Numeric columns to sum, in this order. */
  readonly amounts: readonly string[]
  /** Only rows whose column equals the text; a null never equals. */
  readonly where: readonly { readonly column: string; readonly equals: string }[]
  /** Only facts that had arrived by then (see `horizon`); null: all. */
  readonly through: bigint | null
  /** By default either. */
  readonly rows?: RowsOfFrame
  /** What becomes of the other columns of a kept frame that serves: by default they go. */
  readonly others?: 'go' | 'stay'
  /** Called now and then with the rows read so far. */
  readonly onRows?: (rows: number) => void
}

export interface FactSource {
  /** As messages name it: the table or the file. */
  readonly name: string
  readonly columns: readonly FactColumn[]
  /** The arrival number of the newest fact, which later facts exceed; null where a source keeps none. */
  horizon(): Promise<bigint | null>
  /** Raises TIE-2402 when an amount is not a finite number. */
  read(request: FrameRequest): Promise<Frame>
  /** Facts whose value in the column is null, which no date or scenario can select; only those that had arrived by then. */
  countNulls(column: string, through: bigint | null): Promise<number>
  /**
   * What stands for the content of the source as it is now: two sources of one identity hold the same facts up
   * to any horizon. Null where nothing does.
   */
  identity(): Promise<string | null>
}
