/**
 * An operation: one definition per verb of the product. The command line, HTTP and the reference pages are
 * folds over the list of all operations, so a verb is written once.
 */

import type { z } from 'zod'
import type { Instant } from '../base/dates.js'
import { type ErrorCode, refuse } from '../base/errors.js'
import { unstorable } from '../base/text.js'
import type { Books, TenantId } from './books.js'

/** Whom a server lets do what: read; prepare; approve what others prepared; everything. */
export type Role = 'reader' | 'preparer' | 'approver' | 'admin'

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
  /**
   * Which files of this machine the request may name: any when not said (the command line), those under a
   * directory, or none (null).
   */
  readonly filesUnder?: string | null
  /** A language model that the settings name; none by default. */
  readonly languageModel?: ModelEndpoint
  /** What a connection's name stands for, by the environment. */
  readonly connection?: (id: string) => Connection | undefined
}

/** An OpenAI-compatible endpoint. */
export interface ModelEndpoint {
  /** Up to and without /chat/completions. */
  readonly url: string
  readonly model: string
  readonly key: string | null
}

export interface Connection {
  /** A folder, a DuckDB file, a postgres:// URL, or https:// of a Snowflake account. */
  readonly location: string
  readonly token: string | null
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
  /** Lists whose flag takes words one after another, as in --versions 1 2, instead of a document. */
  readonly words?: readonly string[]
  /** Says that it asks nothing of the books, or only when that input is given: the command line then opens none. */
  readonly books?: 'none' | { readonly onlyWith: string }
  /** Where HTTP serves it. */
  readonly http?: HttpBinding
  /**
   * What a request that never got its answer had made, because the process died between the last commit and the
   * answer; undefined when nothing of it was kept. `id` is the first id that the operation took. Only operations of
   * several transactions need it: one that does all in a single transaction returns its output from that, and the
   * answer is kept with the effect.
   */
  readonly recover?: (context: Context, id: string, input: never) => Promise<unknown>
  /** True when the output carries violations: the command line then exits with 1. */
  readonly violated?: (output: never) => boolean
  readonly run: (context: Context, input: never) => Promise<unknown>
}

/**
 * The route of an operation. Inputs named in the path come from it; the others from the query, or, for POST, PUT
 * and PATCH, from the JSON body. What else a route does follows from the operation itself: one with the input
 * `cursor` and the output `next_cursor` is paged; one with the input `expected_version` takes If-Match; a GET
 * whose output has a `version` says it in its ETag; what appends takes an Idempotency-Key.
 */
export interface HttpBinding {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/api/v1/runs/{run}`. */
  readonly path: string
  /** The input that is a file on the command line: here it is the request's body, and the others come from the query. */
  readonly upload?: string
  /** Of an upload: the media types it takes, each with the extension by which the operation knows it. CSV when not said. */
  readonly mediaTypes?: Readonly<Record<string, string>>
  /** Of an upload: bytes at most; the server's limit when not said. */
  readonly uploadLimit?: number
  /** Inputs that only make sense on the command line, such as a folder to write to. */
  readonly without?: readonly string[]
  /** Inputs that name files beneath the directory that the server was started with: the operation holds them to that. */
  readonly beneath?: readonly string[]
  /** Of a GET: the answer is the file that the operation writes. */
  readonly download?: Download
  /** Of a route that makes something: where it then is, such as `/api/v1/runs/{run_id}`, filled in from output and input. */
  readonly location?: string
  /** Asks for the header X-Correlation-ID and gives it back: for contracts with systems that trace by it. */
  readonly correlated?: true
  /** Who may, where the effect does not say it: read → reader, append → preparer, purge → admin. */
  readonly role?: Role
}

export interface Download {
  /** The input that says where the file goes; a client does not give it. */
  readonly input: string
  /** Other inputs that only make sense on the command line. */
  readonly without: readonly string[]
  /** What kind of file it is; where the client chooses by an input, one for each of its values. */
  readonly form: FileForm | FormByInput
  /** The file's name without its extension, such as `lots-{allocation_version}`, filled in from the output. */
  readonly name: string
  /** The output member that tells the contents apart: its ETag. */
  readonly tag: string
}

export interface FileForm {
  readonly mediaType: string
  /** With its dot. */
  readonly extension: string
}

export interface FormByInput {
  /** An input that has a value always: required, or with a default. */
  readonly input: string
  readonly forms: Readonly<Record<string, FileForm>>
}

interface Definition<I extends z.ZodObject, O extends z.ZodType>
  extends Omit<Operation, 'run' | 'input' | 'output' | 'violated' | 'recover'> {
  readonly input: I
  readonly output: O
  readonly recover?: (context: Context, id: string, input: z.output<I>) => Promise<z.input<O> | undefined>
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

/** Lists and objects too: bodies of requests have them. */
function refuseUnstorable(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) refuseUnstorable(`A key of ${name}`, key)
      refuseUnstorable(`${name}.${key}`, inner)
    }
    return
  }
  const what = typeof value === 'string' ? unstorable(value) : undefined
  if (what !== undefined) refuse('TIE-1007', { name, what })
}
