/**
 * One request for one operation: who asks and may they, what they sent, what came of it. Raises what operations
 * and reading the input raise, TIE-1403 (a role that may not), TIE-1609 (an answer the client does not take).
 */

import { type Problem, Refusal, refuse } from '../../base/errors.js'
import type { Context } from '../../books/operation.js'
import type { Principal } from './access.js'
import { answerOf, etagOf, JSON_TYPE } from './answer.js'
import { type Exchange, type HttpHost, tagged } from './exchange.js'
import { accepts } from './negotiation.js'
import { type RequestInput, type RequestParts, readInput } from './request-input.js'
import type { Route } from './routes.js'

export async function serveOperation(host: HttpHost, c: Exchange, route: Route): Promise<Response> {
  const principal = await host.access.whoAsks(c.req.header('authorization'))
  if (!accepts(c.req.header('accept'), JSON_TYPE)) refuse('TIE-1609', { type: JSON_TYPE })
  const request = await readInput(route, partsOf(c), host.limits)
  try {
    const context = contextOf(host, principal, AbortSignal.any([host.context.signal, c.req.raw.signal]))
    return await carriedOut(c, route, context, request)
  } catch (error) {
    throw withoutPlace(error, request)
  } finally {
    await request.upload?.discard()
  }
}

async function carriedOut(
  c: Exchange,
  route: Route,
  context: Context,
  { input, upload }: RequestInput,
): Promise<Response> {
  const output = await route.operation.run(context, input as never)
  const answer = answerOf(route, input, output, upload?.hidePlace)
  for (const [name, value] of Object.entries(answer.headers)) c.header(name, value)
  if (route.binding.method === 'GET')
    return tagged(c, etagOf(route, context.tenant, answer.body), answer.body)
  return c.body(answer.body, answer.status as 200)
}

/** Problems name the line of a file that was sent, and not where it lay. */
function withoutPlace(error: unknown, { upload }: RequestInput): unknown {
  if (upload === undefined || !(error instanceof Refusal)) return error
  const problems = JSON.parse(upload.hidePlace(JSON.stringify(error.problems))) as readonly Problem[]
  return new Refusal(problems, { cause: error })
}

const contextOf = (
  { context, files }: HttpHost,
  { tenant, who }: Principal,
  signal: AbortSignal,
): Context => ({
  ...context,
  tenant,
  who,
  filesUnder: files,
  signal,
})

const partsOf = (c: Exchange): RequestParts => ({
  path: c.req.param() as Record<string, string>,
  query: c.req.queries(),
  headers: c.req.raw.headers,
  body: (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>,
})
