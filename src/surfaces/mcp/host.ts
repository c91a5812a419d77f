/**
 * What the tools of a server share: the operations by name, where configurations are, what was chosen for the session.
 * Raises
 * TIE-5064 (no such connection), TIE-5025 (one whose tables are not read here).
 */

import { join } from 'node:path'
import { heeding } from '../../books/books.js'
import type { Context, Operation } from '../../books/operation.js'
import { locationOf } from '../../mart/operations/discover.js'

export interface McpHost {
  readonly context: Context
  readonly operations: readonly Operation[]
  readonly version: string
  /** Folder of the configurations that tools name. */
  readonly marts: string
  readonly allowsWrites: boolean
  /** What clients chose, for the life of the server: whose model is asked, and where tables were discovered. */
  readonly agent: { connection: string | null; readonly discovered: Map<string, string> }
  /** Calls that have no answer yet. */
  readonly answering: Set<Promise<unknown>>
  /** One line about a bug. */
  complain(line: string): void
}

/** A name without a path: configurations are in one folder and nowhere else. */
export const configFile = ({ marts }: McpHost, name: string): string => join(marts, `${name}.yaml`)

export const operationOf = ({ operations }: McpHost, name: string): Operation | undefined =>
  operations.find((one) => one.name === name)

/** Runs an operation as every surface does: its input is parsed first, its output after. */
export async function perform(host: McpHost, name: string, input: unknown, signal: AbortSignal) {
  const operation = operationOf(host, name)
  if (operation === undefined) throw new Error(`there is no operation ${name}`)
  return carriedOut(host, operation, operation.input.parse(input), signal)
}

/** With an input that is parsed already: what transforms it is not applied twice. */
export async function carriedOut(host: McpHost, operation: Operation, input: unknown, signal: AbortSignal) {
  const either = AbortSignal.any([host.context.signal, signal])
  const context = { ...host.context, books: heeding(host.context.books, either), signal: either }
  return operation.output.parse(await operation.run(context, input as never)) as Record<string, unknown>
}

/** Where a connection's tables are; undefined when none is named and the configuration says it itself. */
export const sourceOf = ({ context }: McpHost, connection: string | undefined): string | undefined =>
  connection === undefined ? undefined : locationOf(context, { connection })
