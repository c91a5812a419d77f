/**
 * PGlite in a thread of its own, because it blocks the one it runs in. A message asks, a message answers;
 * the questions are handled one after another in the order they came. Results are parsed here, so that the
 * other side gets values and not rows to parse. Raises nothing: errors travel back with PostgreSQL's fields.
 */

import { type MessagePort, parentPort } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { PARSERS, SQL_ERROR_FIELDS } from './types.js'

export type Request =
  | {
      readonly op: 'open'
      readonly directory: string
      readonly template: Uint8Array<ArrayBuffer> | undefined
    }
  | { readonly op: 'dump' }
  | { readonly op: 'query'; readonly sql: string; readonly params: readonly (string | null)[] }
  | { readonly op: 'script'; readonly sql: string }
  | { readonly op: 'copyIn'; readonly target: string; readonly rows: Uint8Array<ArrayBuffer> }
  | { readonly op: 'copyOut'; readonly query: string }
  | { readonly op: 'copyOutSlice'; readonly from: number; readonly to: number }
  | { readonly op: 'copyOutEnd' }
  | { readonly op: 'close' }

/** What each request is answered with. */
export interface Answers {
  readonly open: undefined
  readonly dump: Uint8Array<ArrayBuffer>
  readonly query: { readonly rows: readonly object[]; readonly count: number }
  readonly script: readonly string[]
  readonly copyIn: number
  /** Bytes there are to fetch in slices. */
  readonly copyOut: number
  readonly copyOutSlice: Uint8Array<ArrayBuffer>
  readonly copyOutEnd: undefined
  readonly close: undefined
}

export interface Question {
  readonly id: number
  readonly request: Request
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: Readonly<Record<string, string>> & { readonly message: string } }

const identity = (text: string): string => text

let db: PGlite | undefined
let copied: Blob | undefined

function opened(): PGlite {
  if (db === undefined) throw new Error('the database is not open')
  return db
}

async function open(directory: string, template: Uint8Array<ArrayBuffer> | undefined): Promise<void> {
  db = await PGlite.create(directory, {
    parsers: { ...PARSERS },
    // Parameters arrive as text; these two would refuse it.
    serializers: { 16: identity, 17: identity },
    ...(template === undefined ? {} : { loadDataDir: new Blob([template]) }),
  })
}

async function query(sql: string, params: readonly (string | null)[]): Promise<Answers['query']> {
  const result = await opened().query<object>(sql, [...params])
  const counted = result as { readonly rowCount?: number }
  return { rows: result.rows, count: counted.rowCount ?? result.affectedRows ?? 0 }
}

async function script(sql: string): Promise<Answers['script']> {
  const results = await opened().exec(sql)
  return results.map((result) => (result as { readonly command?: string }).command ?? '')
}

async function copyIn(target: string, rows: Uint8Array<ArrayBuffer>): Promise<number> {
  const result = await opened().query(`COPY ${target} FROM '/dev/blob'`, [], { blob: new Blob([rows]) })
  return result.affectedRows ?? 0
}

async function copyOut(sql: string): Promise<number> {
  const result = await opened().query(`COPY (${sql}) TO '/dev/blob'`)
  copied = result.blob
  return copied?.size ?? 0
}

const bytesOf = async (blob: Blob): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await blob.arrayBuffer())

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  switch (request.op) {
    case 'open':
      await open(request.directory, request.template)
      return undefined
    case 'dump':
      return bytesOf(await opened().dumpDataDir('none'))
    case 'query':
      return query(request.sql, request.params)
    case 'script':
      return script(request.sql)
    case 'copyIn':
      return copyIn(request.target, request.rows)
    case 'copyOut':
      return copyOut(request.query)
    case 'copyOutSlice':
      return bytesOf((copied ?? new Blob([])).slice(request.from, request.to))
    case 'copyOutEnd':
      copied = undefined
      return undefined
    case 'close':
      await db?.close()
      db = undefined
      return undefined
  }
}

function errorOf(error: unknown): { readonly message: string } {
  if (!(error instanceof Error)) return { message: String(error) }
  const fields = error as unknown as Readonly<Record<string, unknown>>
  const kept = SQL_ERROR_FIELDS.filter((field) => typeof fields[field] === 'string')
  return { message: error.message, ...Object.fromEntries(kept.map((field) => [field, fields[field]])) }
}

function serve(port: MessagePort): void {
  let last: Promise<void> = Promise.resolve()
  port.on('message', ({ id, request }: Question) => {
    last = last.then(async () => {
      try {
        const value = await answer(request)
        const reply: Reply = { id, value }
        port.postMessage(reply, value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : [])
      } catch (error) {
        const reply: Reply = { id, error: errorOf(error) }
        port.postMessage(reply)
      }
      // Nothing is left to wait for, so the thread may end.
      if (request.op === 'close') port.close()
    })
  })
}

if (parentPort !== null) serve(parentPort)
