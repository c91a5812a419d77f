/**
 * Statements on a Snowflake account by its SQL REST API: one request is one session, so temporary tables of its statements
 * end with it. What takes long is asked for by its handle, results of several parts part by part. The token goes into a
 * header and nowhere else. Raises what the account says to.
 */

import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '../../books/operation.js'

/** Every value comes as text. */
type Cell = string | null

export interface Account {
  readonly connection: Connection
  readonly signal: AbortSignal
  /** What to say when the account does not answer as it should. */
  readonly refuse: (detail: string) => never
  /** What to say when Snowflake refuses a statement about the object. */
  readonly refuseStatement: (object: string, detail: string) => never
}

export interface Statement {
  /** What it is about, for messages. */
  readonly object: string
  readonly sql: string
}

export interface Request {
  readonly statements: readonly [Statement, ...Statement[]]
  readonly warehouse?: string
  /** Seconds that Snowflake may take. */
  readonly timeout: number
}

/** A column of a result: `fixed`, `real`, `text`, `date`, `boolean`, …, in any case. */
export interface ResultColumn {
  readonly name: string
  readonly type: string
}

interface Answer {
  readonly message?: string
  readonly statementHandle?: string
  readonly statementHandles?: readonly string[]
  readonly statementStatusUrl?: string
  readonly resultSetMetaData?: {
    readonly partitionInfo?: readonly unknown[]
    readonly rowType?: readonly ResultColumn[]
  }
  readonly data?: readonly (readonly Cell[])[]
}

export const isAccount = ({ location }: Connection): boolean => /^https?:\/\//.test(location)

const API = '/api/v2/statements'
/** Milliseconds that one answer may take: Snowflake itself answers after 45 seconds at most. */
const PATIENCE = 120_000
/** Milliseconds between two questions whether it is done, the first and the longest. */
const FIRST_WAIT = 100
const LONGEST_WAIT = 2_000

/** Results of the statements in their order, every value as text; `wanted` are the positions that are fetched. */
export async function execute(
  account: Account,
  { statements, warehouse, timeout }: Request,
  wanted: readonly number[],
): Promise<readonly (readonly (readonly Cell[])[])[]> {
  const isOne = statements.length === 1
  const answer = await answerOf(account, {
    object: isOne ? statements[0].object : 'the pipeline',
    sql: statements.map(({ sql }) => sql).join(';\n'),
    timeout,
    warehouse,
    parameters: isOne ? undefined : { MULTI_STATEMENT_COUNT: String(statements.length) },
  })
  const handles = isOne ? [answer.statementHandle] : answer.statementHandles
  if (handles?.length !== statements.length)
    return account.refuse(`it names ${handles?.length ?? 0} of ${statements.length} statements`)
  const results: (readonly (readonly Cell[])[])[] = []
  for (const i of wanted) {
    const own = isOne ? answer : await ownAnswer(account, statements[i]!.object, handles[i]!)
    results.push(await rowsOf(account, own, handles[i]))
  }
  return results
}

/** One statement whose result may be of any length: its columns, and its rows part by part, fetched as they are asked for. */
export async function query(
  account: Account,
  { object, sql }: Statement,
): Promise<{
  readonly columns: readonly ResultColumn[]
  readonly parts: AsyncIterable<readonly (readonly Cell[])[]>
}> {
  const answer = await answerOf(account, {
    object,
    sql,
    timeout: TIMEOUT,
    warehouse: undefined,
    // What a date is as text.
    parameters: { DATE_OUTPUT_FORMAT: 'YYYY-MM-DD' },
  })
  return {
    columns: answer.resultSetMetaData?.rowType ?? account.refuse('it names no columns'),
    parts: partsOf(account, answer, answer.statementHandle),
  }
}

/** Seconds that Snowflake may take to read facts. */
const TIMEOUT = 3600

function answerOf(
  account: Account,
  asked: Statement & {
    readonly timeout: number
    readonly warehouse: string | undefined
    readonly parameters: Readonly<Record<string, string>> | undefined
  },
): Promise<Answer> {
  const { database, schema } = placeOf(account.connection)
  const { object, sql, timeout, warehouse, parameters } = asked
  const body = {
    statement: sql,
    timeout,
    ...(database === undefined ? {} : { database }),
    ...(schema === undefined ? {} : { schema }),
    ...(warehouse === undefined ? {} : { warehouse }),
    ...(parameters === undefined ? {} : { parameters }),
  }
  return ask(account, 'POST', API, body).then((said) => finished(account, object, said))
}

const ownAnswer = async (account: Account, object: string, handle: string): Promise<Answer> =>
  finished(account, object, await ask(account, 'GET', `${API}/${encodeURIComponent(handle)}`))

/** Names of database and schema stand in the address: https://ACCOUNT.snowflakecomputing.com/DATABASE/SCHEMA. */
function placeOf({ location }: Connection): { readonly database?: string; readonly schema?: string } {
  const [database, schema] = new URL(location).pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  return { ...(database === undefined ? {} : { database }), ...(schema === undefined ? {} : { schema }) }
}

interface Said {
  readonly status: number
  readonly answer: Answer
}

/** The answer once it is there: 202 says that it is not yet. */
async function finished(account: Account, object: string, first: Said): Promise<Answer> {
  let said = first
  for (let wait = FIRST_WAIT; said.status === 202; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    const { statementHandle: handle } = said.answer
    if (handle === undefined) return account.refuse('it names no statement')
    await pause(wait, undefined, { signal: account.signal }).catch(async (error: unknown) => {
      await cancelled(account, handle)
      throw error
    })
    said = await ask(account, 'GET', `${API}/${encodeURIComponent(handle)}`)
  }
  if (said.status === 200) return said.answer
  if (said.status === 422)
    return account.refuseStatement(object, (said.answer.message ?? '').split('\n').join(' '))
  return account.refuse(`${hostOf(account)} answered with status ${said.status}`)
}

async function rowsOf(
  account: Account,
  answer: Answer,
  handle: string | undefined,
): Promise<readonly (readonly Cell[])[]> {
  const rows: (readonly Cell[])[] = []
  for await (const part of partsOf(account, answer, handle)) for (const row of part) rows.push(row)
  return rows
}

async function* partsOf(
  account: Account,
  answer: Answer,
  handle: string | undefined,
): AsyncGenerator<readonly (readonly Cell[])[]> {
  yield answer.data ?? []
  const parts = answer.resultSetMetaData?.partitionInfo?.length ?? 1
  for (let part = 1; part < parts; part++) {
    const path = `${API}/${encodeURIComponent(handle ?? '')}?partition=${part}`
    const more = await finished(account, 'a result', await ask(account, 'GET', path))
    yield more.data ?? []
  }
}

const hostOf = ({ connection }: Account): string => new URL(connection.location).host

/** Redirects are refused, for they would take the token elsewhere. */
async function ask(account: Account, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Said> {
  const { connection, signal } = account
  try {
    const response = await fetch(new URL(path, new URL(connection.location).origin), {
      method,
      redirect: 'error',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(connection.token === null ? {} : { authorization: `Bearer ${connection.token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    })
    const text = await response.text()
    const isJson = response.ok || response.status === 422
    return { status: response.status, answer: isJson ? (JSON.parse(text) as Answer) : {} }
  } catch (error) {
    if (signal.aborted) throw error
    return account.refuse(`${hostOf(account)} did not answer (${(error as Error).name})`)
  }
}

/** Of no consequence when it fails: the statement ends by its timeout. */
async function cancelled({ connection }: Account, handle: string): Promise<void> {
  await fetch(new URL(`${API}/${encodeURIComponent(handle)}/cancel`, new URL(connection.location).origin), {
    method: 'POST',
    redirect: 'error',
    headers: connection.token === null ? {} : { authorization: `Bearer ${connection.token}` },
    signal: AbortSignal.timeout(FIRST_WAIT * 50),
  }).catch(() => undefined)
}
