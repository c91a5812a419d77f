/**
 * This side of the PGlite thread: asks, and gives each answer to whoever waits for it. Raises TIE-1306 when
 * the thread dies, and the server's errors as SqlError.
 */

import { Worker } from 'node:worker_threads'
import { problem, Refusal } from '../base/errors.js'
import type { SqlValue } from './books.js'
import { countLines, wholeRows } from './copy-text.js'
import type { Answers, Question, Reply, Request } from './pglite-worker.js'
import type { Connection } from './transaction.js'
import { textOfValue } from './types.js'

/** COPY commands of this size keep the thread's memory small and cost no speed. */
const COPY_IN_BYTES = 8 * 1024 * 1024
const COPY_OUT_BYTES = 1024 * 1024

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

export class PgliteThread implements Connection {
  private readonly worker = new Worker(new URL('./pglite-worker.js', import.meta.url), {
    name: 'pglite',
    // What the process was started with, such as --eval, is not for this thread.
    execArgv: [],
  })
  private readonly waiting = new Map<number, Waiting>()
  private readonly exited: Promise<void>
  private asked = 0
  private dead: Error | undefined

  constructor() {
    this.worker.on('message', (reply: Reply) => this.settle(reply))
    this.worker.on('error', (error) => this.die(String(error)))
    this.exited = new Promise((resolve) => {
      this.worker.on('exit', () => {
        this.die('the database thread ended')
        resolve()
      })
    })
  }

  async open(directory: string, template: Uint8Array<ArrayBuffer> | undefined): Promise<void> {
    await this.ask({ op: 'open', directory, template }, template === undefined ? [] : [template.buffer])
  }

  dump(): Promise<Uint8Array<ArrayBuffer>> {
    return this.ask({ op: 'dump' })
  }

  async query(sql: string, params: readonly SqlValue[]): Promise<Answers['query']> {
    return this.ask({ op: 'query', sql, params: params.map(textOfValue) })
  }

  script(sql: string): Promise<readonly string[]> {
    return this.ask({ op: 'script', sql })
  }

  async copyIn(target: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    let copied = 0
    let lines = 0
    for await (const rows of wholeRows(chunks, COPY_IN_BYTES)) {
      const linesHere = countLines(rows)
      try {
        copied += await this.ask({ op: 'copyIn', target, rows }, [rows.buffer])
      } catch (error) {
        throw withLinesBefore(error, lines)
      }
      lines += linesHere
    }
    return copied
  }

  async *copyOut(query: string): AsyncGenerator<Uint8Array> {
    const size = await this.ask({ op: 'copyOut', query })
    try {
      for (let from = 0; from < size; from += COPY_OUT_BYTES) {
        yield await this.ask({ op: 'copyOutSlice', from, to: Math.min(size, from + COPY_OUT_BYTES) })
      }
    } finally {
      if (this.dead === undefined) await this.ask({ op: 'copyOutEnd' })
    }
  }

  /** PGlite cannot be interrupted: a statement blocks its thread until it is done. */
  async cancel(): Promise<void> {}

  /** Shuts the database down, then waits for the thread to be gone. */
  async close(): Promise<void> {
    if (this.dead === undefined) {
      await this.ask({ op: 'close' }).catch(() => this.worker.terminate())
    }
    await this.exited
  }

  private ask<O extends Request & { readonly op: keyof Answers }>(
    request: O,
    transfer: ArrayBuffer[] = [],
  ): Promise<Answers[O['op']]> {
    if (this.dead !== undefined) return Promise.reject(this.dead)
    const id = ++this.asked
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      const question: Question = { id, request }
      this.worker.postMessage(question, transfer)
    })
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id)
    this.waiting.delete(reply.id)
    if (waiting === undefined) return
    if ('error' in reply) {
      const { message, ...fields } = reply.error
      waiting.reject(Object.assign(new Error(message), fields))
    } else waiting.resolve(reply.value as never)
  }

  private die(detail: string): void {
    this.dead ??= new Refusal([problem('TIE-1306', { detail })])
    for (const { reject } of this.waiting.values()) reject(this.dead)
    this.waiting.clear()
  }
}

/** PostgreSQL counts from the start of each COPY command; the caller counts from the start of its rows. */
function withLinesBefore(error: unknown, lines: number): unknown {
  if (lines > 0 && error instanceof Error && 'where' in error && typeof error.where === 'string') {
    error.where = error.where.replace(
      /(COPY .*?, line )(\d+)/,
      (_, before, line) => before + (Number(line) + lines),
    )
  }
  return error
}
