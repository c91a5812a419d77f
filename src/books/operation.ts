/**
 * An operation: one definition per verb of the product. The command line, HTTP and the reference pages are
 * folds over the list of all operations, so a verb is written once.
 */

import type { z } from 'zod'
import type { Instant } from '../base/dates.js'
import { type ErrorCode, refuse } from '../base/errors.js'
import { unstorable } from '../base/text.js'
import type { Books, TenantId } from './books.js'

/** What an operation is given; only the composition root reads the clock, the environment and randomness. */
export interface Context {
  readonly books: Books
  readonly tenant: TenantId
  /** Who asked, as runs and imports record it. */
  readonly who: string
  readonly engineVersion: string
  now(): Instant
  newId(): string
  /** Milliseconds of a clock that only goes forward. */
  elapsed(): number
  readonly progress: Progress
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal
}

export interface Progress {
  /** A stage with the rows done so far, and which part of the work that is (0 to 1) where it can be told. */
  report(stage: string, done: number, part?: number): void
}

export type Effect = 'read' | 'append' | 'purge'

export interface Operation {
  /** Words of the command: `runs create`. */
  readonly name: string
  readonly summary: string
  readonly effect: Effect
  readonly input: z.ZodObject
  readonly output: z.ZodType
  /** Refusals of its own, for the reference; those of the books can always come. */
  readonly errors: readonly ErrorCode[]
  /** Inputs that the command line takes by position, in this order. */
  readonly positional: readonly string[]
  /** Inputs whose flag has another name than the input, such as `pnl_date` as --date. */
  readonly flags?: Readonly<Record<string, string>>
  /** Where HTTP serves it. */
  readonly http?: HttpBinding
  /** True when the output carries violations: the command line then exits with 1. */
  readonly violated?: (output: never) => boolean
  readonly run: (context: Context, input: never) => Promise<unknown>
}

/** The route of an operation. Inputs named in the path come from it; the others from the query, or from the body of a request that has one. */
export interface HttpBinding {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/api/v1/runs/{run}`. */
  readonly path: string
  /** The input that is a file on the command line: here it is the request's body, and the others come from the query. */
  readonly upload?: string
  /** Of a route that makes something: where it then is, such as `/api/v1/runs/{run_id}`, filled in from the output. */
  readonly location?: string
}

interface Definition<I extends z.ZodObject, O extends z.ZodType>
  extends Omit<Operation, 'run' | 'input' | 'output' | 'violated'> {
  readonly input: I
  readonly output: O
  readonly violated?: (output: z.output<O>) => boolean
  readonly run: (context: Context, input: z.output<I>) => Promise<z.input<O>>
}

/** The operation of a definition whose types fit its schemas; texts that no database can hold are refused first. */
export const operation = <I extends z.ZodObject, O extends z.ZodType>(
  definition: Definition<I, O>,
): Operation => ({
  ...definition,
  run: async (context: Context, input: z.output<I>) => {
    for (const [name, value] of Object.entries(input)) refuseUnstorable(name, value)
    return definition.run(context, input)
  },
})

function refuseUnstorable(name: string, value: unknown): void {
  const what = typeof value === 'string' ? unstorable(value) : undefined
  if (what !== undefined) refuse('TIE-1007', { name, what })
}
