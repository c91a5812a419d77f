/**
 * What a surface needs from the outside world. The composition root makes one from the real process; tests
 * make their own.
 */

import type { Instant } from '../base/dates.js'
import type { OpenOptions } from '../books/open.js'
import type { MaintainedBooks } from '../books/transaction.js'

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly directory: string
  /** Of the installed package, where the samples are. */
  readonly packageDirectory: string
  readonly version: string
  readonly pid: number
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  now(): Instant
  newId(): string
  /** 32 random bytes in base64url. */
  newSecret(): string
  openBooks(options: OpenOptions): Promise<MaintainedBooks>
  /** Milliseconds of a clock that only goes forward. */
  elapsed(): number
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
}

export interface Output {
  readonly isTerminal: boolean
  write(text: string): void
}

/** Where answers to questions come from. */
export interface Input {
  /** Whether somebody is there to answer. */
  readonly isTerminal: boolean
  /** The next line without its end; undefined when there is none. Rejects when it is interrupted. */
  readLine(): Promise<string | undefined>
}
