/** The form of a presentation: how an operation's output becomes rows and text. Raises nothing. */

import type { Style } from './style.js'
import type { Table, Value } from './table.js'

export interface Presentation {
  readonly rows?: (output: never) => Table
  readonly text?: (output: never, style: Style) => string
}

export const presentation = <T>(given: {
  rows?: (output: T) => Table
  text?: (output: T, style: Style) => string
}): Presentation => given as Presentation

export type Row = Readonly<Record<string, Value>>

export const table = (columns: Table['columns'], rows: readonly Row[]): Table => ({ columns, rows })
