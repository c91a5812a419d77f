/**
 * One request under an Idempotency-Key: carried out once, its answer given again to whoever sends it again. A key
 * whose process died is released when nothing was committed, and answered from what was made otherwise.
 * Raises TIE-1613 (no key), TIE-1614 (used for something else), TIE-1615 (in flight), TIE-1616 (carried out, the
 * answer lost).
 */

import { createHash } from 'node:crypto'
import { type Instant, instantOf } from '../../base/dates.js'
import { Refusal, refuse } from '../../base/errors.js'
import {
  claimKey,
  findKey,
  type KeptAnswer,
  type KeyRow,
  keepAnswer,
  keyLock,
  markingBooks,
  releaseKey,
  restartKey,
} from '../../books/idempotency.js'
import type { Context } from '../../books/operation.js'
import type { Answer } from './answer.js'
import type { Route } from './routes.js'

export interface Once {
  readonly route: Route
  readonly context: Context
  readonly key: string
  /** Of what was asked. */
  readonly digest: string
  /** Hours that the answer is kept. */
  readonly hours: number
  readonly input: unknown
  /** Runs the operation. */
  work(context: Context): Promise<unknown>
  answerOf(output: unknown): Answer
  /** Called when the key is this request's to carry out. */
  admitted(): void
}

export function keyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  return /^[\x21-\x7e]{1,255}$/.test(header) ? header : refuse('TIE-1613', {})
}

/** Equal requests, equal digests, in whatever order their members stand. */
export function digestOfRequest(
  { operation }: Route,
  given: Readonly<Record<string, unknown>>,
  upload: string | undefined,
): string {
  const text = JSON.stringify([operation.name, sorted(given), upload ?? null])
  return createHash('sha256').update(text).digest('hex')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, inner]) => [key, sorted(inner)])
}

const REPLAYED = { 'Idempotency-Replayed': 'true' }

export async function carriedOutOnce(once: Once): Promise<Answer> {
  const { context, key } = once
  const { books, tenant } = context
  const answer = await books.whileHolding(keyLock(tenant, key), async () => {
    const row = await claimKey(books, {
      tenant,
      key,
      operation: once.route.operation.name,
      digest: once.digest,
      effect_id: context.newId(),
      now: context.now(),
      expires_at: later(context.now(), once.hours),
    })
    if (row.request_digest !== once.digest) refuse('TIE-1614', {})
    if (row.state === 'DONE') return replayed(row)
    once.admitted()
    return row.state === 'IN_FLIGHT' ? carriedOut(once, row.effect_id) : recovered(once, row)
  })
  return answer ?? answeredMeanwhile(once)
}

/** Whoever holds the key may only be giving its answer again. */
async function answeredMeanwhile({ context, key, digest }: Once): Promise<Answer> {
  const row = await findKey(context.books, context.tenant, key)
  if (row !== undefined && row.request_digest !== digest) refuse('TIE-1614', {})
  return row?.state === 'DONE' ? replayed(row) : refuse('TIE-1615', {})
}

const replayed = ({ status, headers, body }: KeyRow): Answer => ({
  status: status!,
  headers: { ...headers!, ...REPLAYED },
  body: body!,
})

const later = (instant: Instant, hours: number): Instant =>
  instantOf(new Date(Date.parse(instant) + hours * 3_600_000))

async function carriedOut(once: Once, effectId: string): Promise<Answer> {
  const { context, key } = once
  const { books, tenant } = context
  const marking = markingBooks(books, key, (result) => answerOfTransaction(once, result))
  try {
    const output = await once.work({ ...context, books: marking, newId: firstId(effectId, context.newId) })
    const answer = once.answerOf(output)
    await keepAnswer(books, tenant, key, answer)
    return answer
  } catch (error) {
    // Refused is not carried out. Anything else may have been committed: the row says whether.
    if (error instanceof Refusal && error.status < 500) await releaseKey(books, tenant, key)
    throw error
  }
}

/** An operation of one transaction returns its output from it. */
function answerOfTransaction({ route, answerOf }: Once, result: unknown): KeptAnswer | undefined {
  return route.operation.output.safeParse(result).success ? answerOf(result) : undefined
}

function firstId(first: string, others: () => string): () => string {
  let taken = false
  return () => {
    if (taken) return others()
    taken = true
    return first
  }
}

/** The process died after it had committed something. */
async function recovered(once: Once, { effect_id }: KeyRow): Promise<Answer> {
  const { route, context, key, input } = once
  const { recover } = route.operation
  if (recover === undefined) refuse('TIE-1616', {})
  const output = await recover(context, effect_id, input as never)
  if (output === undefined) {
    const fresh = context.newId()
    await restartKey(context.books, context.tenant, key, fresh)
    return carriedOut(once, fresh)
  }
  const answer = once.answerOf(output)
  await keepAnswer(context.books, context.tenant, key, answer)
  return { ...answer, headers: { ...answer.headers, ...REPLAYED } }
}
