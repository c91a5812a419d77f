/**
 * What a user has: the command line as a process of its own or in this one (a spawn costs a second), the
 * operations, and folders with small files. Both work on the embedded database, or on a fresh database of the
 * server that TEST_DATABASE_URL names.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { instantOf } from '#tieout/base/dates'
import { type Problem, Refusal } from '#tieout/base/errors'
import type { TenantId } from '#tieout/books/books'
import { openBooks } from '#tieout/books/open'
import type { Context } from '#tieout/books/operation'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import type { MaintainedBooks, Session } from '#tieout/books/transaction'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { runCommandLine } from '#tieout/surfaces/cli/command-line'
import { createDatabase, SERVER } from './books.js'

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
export const CLI = join(REPOSITORY, 'dist', 'cli.js')
export const EXAMPLES = join(REPOSITORY, 'examples')

/** A folder that is removed with `remove`; `write` makes a file in it and returns its path. */
export interface Folder {
  readonly path: string
  write(name: string, content: string | Uint8Array): string
  remove(): void
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'tieout-user-'))
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      writeFileSync(file, content)
      return file
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

export interface Ended {
  readonly exit: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** The command in the background, with what it has said so far. */
export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Resolves when stderr holds the text; fails when the process ends without it. */
  said(text: string): Promise<void>
  /** What stderr holds so far. */
  heard(): string
}

export function startCli(args: readonly string[], { cwd = tmpdir(), env = {} }: CliOptions = {}): Started {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'DATABASE_URL' && !name.startsWith('TIEOUT_')),
  )
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { ...inherited, ...FRAMES, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(
    ([exit, signal]): Ended => ({
      exit: exit as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
    }),
  )
  return {
    child,
    pid: child.pid!,
    ended,
    heard: () => stderr,
    async said(text) {
      let over = false
      void ended.then(() => {
        over = true
      })
      while (!stderr.includes(text)) {
        if (over) throw new Error(`it ended without saying "${text}": ${stderr}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}

/** The command from start to end. */
export const runCli = (args: readonly string[], options: CliOptions = {}): Promise<Ended> =>
  startCli(args, options).ended

// Frames of a server's books would be kept in the user's cache.
const FRAMES: Readonly<Record<string, string>> =
  SERVER === undefined || SERVER === '' ? {} : { TIEOUT_FRAMES: 'none' }

/**
 * The command line in this process, from its words to its exit code: for what needs no process of its own. With
 * `answers` somebody sits at a terminal and types them.
 */
export async function runHere(
  argv: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  directory = tmpdir(),
  open: typeof openBooks = openBooks,
  answers?: readonly string[],
): Promise<Ended> {
  const left = [...(answers ?? [])]
  let stdout = ''
  let stderr = ''
  const exit = await runCommandLine(
    {
      variables,
      directory,
      packageDirectory: REPOSITORY,
      version: '1.2.3',
      pid: process.pid,
      stdin: { isTerminal: answers !== undefined, readLine: async () => left.shift() },
      stdout: {
        isTerminal: false,
        write: (text) => {
          stdout += text
        },
      },
      stderr: {
        isTerminal: false,
        write: (text) => {
          stderr += text
        },
      },
      now: () => instantOf(new Date()),
      newId: () => randomUUID(),
      newSecret: () => randomBytes(32).toString('base64url'),
      openBooks: open,
      elapsed: () => performance.now(),
      signal: new AbortController().signal,
    },
    argv,
  )
  return { exit, signal: null, stdout, stderr }
}

/** A database for the command line: a directory, or a migrated database on the server. */
export interface CliDatabase {
  readonly db: string
  /** In this process, on books that stay open from one command to the next: opening them is most of its cost. */
  run(...args: readonly string[]): Promise<Ended>
  /** As `run`, with these variables in the environment. */
  runWith(variables: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended>
  /** As `run`, by somebody at a terminal who types the lines of `answers` when asked. */
  runAnswering(answers: readonly string[], ...args: readonly string[]): Promise<Ended>
  /** As a process of its own; the books are closed first, for one process has a directory. */
  start(args: readonly string[], options?: CliOptions): Promise<Started>
  /** What only the owner of the database can do, on the same books. */
  maintain<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** Closes the books, for whatever else opens them. */
  release(): Promise<void>
  drop(): Promise<void>
}

export async function cliDatabase(folder: Folder, name = 'db'): Promise<CliDatabase> {
  const made =
    SERVER === undefined || SERVER === ''
      ? { url: join(folder.path, name), drop: async () => {} }
      : await createDatabase(SERVER)
  let books: MaintainedBooks | undefined
  const open: typeof openBooks = async (options) => {
    const opened = books ?? (await openBooks(options))
    books = opened
    return {
      kind: opened.kind,
      location: opened.location,
      transaction: (tenant, work) => opened.transaction(tenant, work),
      maintain: (work) => opened.maintain(work),
      whileHolding: (key, work) => opened.whileHolding(key, work),
      close: async () => {},
    }
  }
  const release = async (): Promise<void> => {
    await books?.close()
    books = undefined
  }
  const here = (
    answers: readonly string[] | undefined,
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Ended> =>
    runHere(['--db', made.url, ...args], { ...FRAMES, ...variables }, tmpdir(), open, answers)
  const run = (...args: readonly string[]): Promise<Ended> => here(undefined, args)
  // A directory is migrated by whatever opens it first.
  if (SERVER) expect(await run('migrate', 'up')).toMatchObject({ exit: 0 })
  return {
    db: made.url,
    run,
    runWith: (variables, ...args) => here(undefined, args, variables),
    runAnswering: (answers, ...args) => here(answers, args),
    start: async (args, options) => {
      await release()
      return startCli(['--db', made.url, ...args], options)
    },
    maintain: async (work) =>
      (await open({ db: made.url, command: 'test', migrate: 'never' })).maintain(work),
    release,
    drop: async () => {
      await release()
      await made.drop()
    },
  }
}

/** The context of operations, as a session of the product makes it. */
export function contextOf(
  books: MaintainedBooks,
  tenant: TenantId = DEFAULT_TENANT,
  more: Partial<Context> = {},
): Context {
  return {
    books,
    tenant,
    who: 'tester',
    engineVersion: '0.0.0-test',
    now: () => instantOf(new Date()),
    newId: () => randomUUID(),
    elapsed: () => performance.now(),
    progress: { report: () => {} },
    signal: new AbortController().signal,
    ...more,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an operation's output is its own; each test says what it expects of it.
export type Output = any

/** Runs an operation as every surface does: its input is parsed first, its output after. */
export async function perform(
  context: Context,
  name: string,
  input: Readonly<Record<string, unknown>> = {},
): Promise<Output> {
  const operation = CATALOGUE.find((one) => one.name === name)
  if (operation === undefined) throw new Error(`there is no operation ${name}`)
  return operation.output.parse(await operation.run(context, operation.input.parse(input) as never))
}

/** The problems of an operation that must refuse. */
export async function refusal(work: Promise<unknown>): Promise<readonly Problem[]> {
  const error = await work.then(
    (output) => new Error(`it was not refused: ${JSON.stringify(output)}`),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Refusal)) throw error
  return error.problems
}

export const codes = (problems: readonly Problem[]): string[] => problems.map(({ code }) => code)

/** Rows of every table of the database, whatever the tenant; the schema's own bookkeeping too. */
export function tableCounts(books: MaintainedBooks): Promise<Record<string, number>> {
  return books.maintain(async (session) => {
    const tables = await session.rows<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
    )
    const counting = tables.map(
      ({ name }) =>
        `SELECT '${name.replaceAll("'", "''")}' AS name, count(*) AS n FROM public."${name.replaceAll('"', '""')}"`,
    )
    const counted = await session.rows<{ name: string; n: bigint }>(counting.join(' UNION ALL '))
    return Object.fromEntries(counted.map(({ name, n }) => [name, Number(n)]))
  })
}

/** Runs `work`, which is to refuse, and expects that nothing at all was stored. */
export async function refusedAndNothingStored(
  books: MaintainedBooks,
  work: () => Promise<unknown>,
): Promise<readonly Problem[]> {
  const before = await tableCounts(books)
  const problems = await refusal(work())
  expect(await tableCounts(books)).toEqual(before)
  for (const { remedy, message } of problems) {
    expect(message).not.toBe('')
    expect(remedy).not.toBe('')
    expect(`${message} ${remedy}`).not.toMatch(/\{\w+\}|undefined/)
  }
  return problems
}
