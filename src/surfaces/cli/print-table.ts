/** A table of a program command, in the form that was asked for. Raises nothing. */

import type { CommandContext } from './command-line.js'
import { csv, ndjson, type Table, textTable } from './table.js'

export function printTable({ options, print }: CommandContext, name: string, table: Table): void {
  if (options.json === true || options.format === 'json')
    print(`${JSON.stringify({ [name]: table.rows }, null, 2)}\n`)
  else if (options.format === 'csv') print(csv(table))
  else print(options.format === 'ndjson' ? ndjson(table) : `${textTable(table)}\n`)
}
