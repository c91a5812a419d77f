/**
 * One request for one operation: who asks and may they, what they sent, what came of it. What reads ends with its
 * client; what writes is a job, which does not. Raises what operations and reading the input raise, TIE-1609 (an
 * answer the client does not take).
 */

import { type Problem, Refusal, refuse } from '../../base/errors.js'
import { heeding } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import { type Principal, refuseUnlessMay } from './access.js'
import { type Answer, answerOf, etagOf, JSON_TYPE } from './answer.js'
import { correlationId } from './correlation.js'
import { downloaded } from './download.js'
import { type Exchange, type HttpHost, problemAnswer, tagged } from './exchange.js'
import { mediaTypesOf } from './file-form.js'
import { carriedOutOnce, digestOfRequest, keyOf } from './idempotent.js'
import { expectedVersion } from './if-match.js'
import { jobDocument, jobPath } from './job-document.js'
import type { JobHandle } from './jobs.js'
import { accepts } from './negotiation.js'
import { preferenceOf, within } from './preference.js'
import { type RequestInput, type RequestParts, readInput } from './request-input.js'
import type { Route } from './routes.js'

/** All that is known of a request before it is carried out. */
interface Asked {
  readonly host: HttpHost
  readonly route: Route
  readonly principal: Principal
  readonly request: RequestInput
  readonly requestId: string
}

export async function serveOperation(host: HttpHost, c: Exchange, route: Route): Promise<Response> {
  const correlation = route.binding.correlated ? correlationId(c.req.header('x-correlation-id')) : undefined
  // Refusals give it back too.
  if (correlation?.is === 'given') c.header('X-Correlation-ID', correlation.id)
  const principal = await principalOf(host, c)
  refuseUnlessMay(principal, route.role)
  if (correlation?.is === 'refused') throw correlation.refusal
  const { download } = route.binding
  const types = download === undefined ? [JSON_TYPE] : mediaTypesOf(download)
  if (!types.some((type) => accepts(c.req.header('accept'), type))) {
    refuse('TIE-1609', { type: types.join(' or ') })
  }
  const key = route.writes ? keyOf(c.req.header('idempotency-key')) : undefined
  const received = await readInput(route, partsOf(c), host.limits)
  // A precondition is looked at last (RFC 9110, 13.2.1): what is wrong anyway is told first.
  const version = await orDiscarded(received, () =>
    route.edits ? expectedVersion(c.req.header('if-match'), principal.tenant) : undefined,
  )
  const request = withVersion(received, version)
  const asked = { host, route, principal, request, requestId: c.get('requestId') }
  return route.writes ? written(c, asked, key) : read(c, asked)
}

/** Who asks, when that one has not asked too much. */
async function principalOf({ access, rate }: HttpHost, c: Exchange): Promise<Principal> {
  const principal = await access.whoAsks(c.req.header('authorization'))
  const wait = rate.secondsToWait(principal)
  if (wait === 0) return principal
  c.header('Retry-After', String(wait))
  refuse('TIE-1621', { who: principal.who, limit: rate.perMinute })
}

async function read(c: Exchange, asked: Asked): Promise<Response> {
  const { host, route, principal, request } = asked
  const signal = AbortSignal.any([host.context.signal, c.req.raw.signal])
  const context = contextOf(asked, signal)
  const { download } = route.binding
  if (download !== undefined) return downloaded(c, context, route, download, request.input as object)
  try {
    const output = await route.operation.run(context, request.input as never)
    const answer = answerOf(route, request.input, output, request.upload?.hidePlace)
    if (answer.nextCursor !== undefined) c.header('Link', nextLink(c, answer.nextCursor))
    if (route.binding.method !== 'GET') return sent(c, answer)
    c.header('Content-Type', JSON_TYPE)
    return tagged(c, etagOf(answer, principal.tenant), answer.body)
  } catch (error) {
    throw withoutPlace(error, request)
  } finally {
    await request.upload?.discard()
  }
}

/** Begun as a job: its answer when it comes in time, otherwise where to ask for it. */
async function written(c: Exchange, asked: Asked, key: string | undefined): Promise<Response> {
  const { host, route, principal, request } = asked
  const { wait, applied } = preferenceOf(c.req.header('prefer'))
  const owner = { tenant: principal.tenant, who: principal.who, operation: route.operation.name }
  const job = await orDiscarded(request, () =>
    host.jobs.start(owner, (handle) => settled(asked, key, handle)),
  )
  await job.admitted
  const answer = job.answer ?? (wait === 0 ? undefined : await within(job.finished, wait))
  if (applied !== undefined) c.header('Preference-Applied', applied)
  if (answer !== undefined) {
    host.jobs.forget(job)
    return sent(c, answer)
  }
  c.header('Location', jobPath(job))
  return c.json(jobDocument(job), 202)
}

/** What is refused before the work begins leaves no file behind. */
async function orDiscarded<T>({ upload }: RequestInput, step: () => T): Promise<T> {
  try {
    return step()
  } catch (error) {
    await upload?.discard()
    throw error
  }
}

/** The whole of the work; what goes wrong is its answer too. */
async function settled(asked: Asked, key: string | undefined, handle: JobHandle): Promise<Answer> {
  const { host, route, request, requestId } = asked
  const { progress, signal, admitted } = handle
  const context: Context = { ...contextOf(asked, signal), progress }
  const work = (given: Context): Promise<unknown> => route.operation.run(given, request.input as never)
  const toAnswer = (output: unknown): Answer => {
    const { status, headers, body } = answerOf(route, request.input, output, request.upload?.hidePlace)
    return { status, headers, body }
  }
  try {
    if (key !== undefined) {
      const digest = digestOfRequest(route, request.given, request.upload?.digest)
      const hours = host.limits.idempotencyHours
      const { input } = request
      return await carriedOutOnce({
        route,
        context,
        key,
        digest,
        hours,
        input,
        work,
        answerOf: toAnswer,
        admitted,
      })
    }
    admitted()
    return toAnswer(await work(context))
  } catch (error) {
    return problemAnswer(host, withoutPlace(error, request), requestId, signal)
  } finally {
    await request.upload?.discard()
  }
}

function sent(c: Exchange, { status, headers, body }: Answer): Response {
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  return c.body(body, status as 200)
}

function withVersion(request: RequestInput, version: number | undefined): RequestInput {
  if (version === undefined) return request
  const expected = { expected_version: version }
  return {
    ...request,
    given: { ...request.given, ...expected },
    input: { ...(request.input as object), ...expected },
  }
}

/** Problems name the line of a file that was sent, and not where it lay. */
function withoutPlace(error: unknown, { upload }: RequestInput): unknown {
  if (upload === undefined || !(error instanceof Refusal)) return error
  const problems = JSON.parse(upload.hidePlace(JSON.stringify(error.problems))) as readonly Problem[]
  return new Refusal(problems, { cause: error })
}

/** The same request with the cursor of the next page. */
function nextLink(c: Exchange, cursor: string): string {
  const url = new URL(c.req.url)
  url.searchParams.set('cursor', cursor)
  return `<${url.pathname}${url.search}>; rel="next"`
}

const contextOf = ({ host, principal: { tenant, who } }: Asked, signal: AbortSignal): Context => ({
  ...host.context,
  books: heeding(host.context.books, signal),
  tenant,
  who,
  filesUnder: host.files,
  signal,
})

const partsOf = (c: Exchange): RequestParts => ({
  path: c.req.param() as Record<string, string>,
  query: c.req.queries(),
  headers: c.req.raw.headers,
  body: (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>,
})
