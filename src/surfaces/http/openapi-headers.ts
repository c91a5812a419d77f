/** Headers that many routes take or give, as components of the OpenAPI document. Raises nothing. */

import type { JsonSchema } from './routes.js'

type Components = Readonly<Record<string, JsonSchema>>

const text = (description: string, example: string): JsonSchema => ({
  description,
  schema: { type: 'string' },
  example,
})

const parameter = (
  name: string,
  description: string,
  example: string,
  form: JsonSchema = {},
  required = false,
): JsonSchema => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string', ...form },
  example,
})

export const PARAMETERS: Components = {
  RequestId: parameter(
    'X-Request-Id',
    'What the client calls this request: letters, digits, `.`, `_` and `-`, at most 100. Made when it is not given.',
    'batch-7.1',
  ),
  CorrelationId: parameter(
    'X-Correlation-ID',
    'What other systems know this request by: letters, digits, `.`, `_` and `-`, at most 100. Given back with the answer.',
    '5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20',
    { pattern: '^[A-Za-z0-9._-]{1,100}$' },
    true,
  ),
  IfNoneMatch: parameter(
    'If-None-Match',
    'ETags the client has: 304 without a body when one of them still holds.',
    '"9f86d081884c7d659a2feaa0c55ad015"',
  ),
  IdempotencyKey: parameter(
    'Idempotency-Key',
    'Carried out once, however often it is sent: the same key and request get the answer again, another request 422, one in flight 409. Refused requests release their key. Kept for 24 hours by default.',
    '5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20',
    { pattern: '^[\\x21-\\x7e]{1,255}$' },
  ),
  Prefer: parameter(
    'Prefer',
    '`respond-async`: 202 and a job at once. `wait=N`: wait so many seconds for the end, 10 by default, at most 60.',
    'respond-async',
  ),
  LastEventId: parameter('Last-Event-ID', 'Id of the event heard last: those after it are told again.', '12'),
  IfMatch: parameter(
    'If-Match',
    'The ETag of the state that the change was made from: 412 when it has moved since. `*` for whatever is there.',
    '*',
    { pattern: '^([*]|"v[0-9]{1,15}-[0-9a-f]{40}")$' },
  ),
}

export const HEADERS: Components = {
  RequestId: text('Id of the request, also the `instance` of a problem document.', 'batch-7.1'),
  CorrelationId: text('The id that the request came with.', '5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20'),
  ETag: text(
    'Strong tag of the body. Of what has a version it begins with it: `"v3-…"`.',
    '"9f86d081884c7d659a2feaa0c55ad015"',
  ),
  Link: text('`rel="next"`: the next page, where there is one.', '</api/v1/runs?cursor=eyJwIjo>; rel="next"'),
  IdempotencyReplayed: text(
    '`true` when the request was carried out before and this is its answer again.',
    'true',
  ),
  PreferenceApplied: text('What of Prefer was followed.', 'respond-async'),
  WwwAuthenticate: text('What to send.', 'Bearer realm="tieout"'),
  RetryAfter: text('Seconds after which to try again.', '1'),
  ContentDisposition: text(
    'What the file is called.',
    'attachment; filename="5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20.zip"',
  ),
  Location: text('Where it is.', '/api/v1/runs/5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20'),
}
