/**
 * The OpenAPI 3.1 document: a fold over the routes. Schemas are converted by zod itself (draft 2020-12 is what 3.1
 * speaks), so a route is described by the very schemas that check it. Raises nothing.
 */

import { STATUS_CODES } from 'node:http'
import type { ErrorCode } from '../../base/errors.js'
import { exampleOf } from './examples.js'
import { mediaTypesOf } from './file-form.js'
import { jobSchema } from './job-document.js'
import { operationId, SchemaComponents, schemaName } from './json-schemas.js'
import { HEADERS, PARAMETERS } from './openapi-headers.js'
import { jobPaths } from './openapi-jobs.js'
import { PROBLEM_JSON, problemSchema } from './problem-document.js'
import { errorsOf } from './route-errors.js'
import type { JsonSchema, Route, RouteInput } from './routes.js'

export type OpenApi = Readonly<Record<string, unknown>>

export function openApiOf(routes: readonly Route[], version: string): OpenApi {
  const components = new SchemaComponents()
  components.add('Problem', problemSchema)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const { path, method } = route.binding
    paths[path] = { ...paths[path], [method.toLowerCase()]: described(route, components) }
  }
  Object.assign(paths, jobPaths(components, refusal))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tieout',
      version,
      description:
        'Immutable financial facts into versioned numbers that tie out. Amounts are decimal text, COB dates YYYY-MM-DD, instants ISO in UTC. Refusals are problem documents (RFC 9457) with a stable code.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    // Without a login (this machine only) nothing is asked for.
    security: [{}, { bearer: [] }],
    tags: [...new Set(routes.map(nounOf)), 'jobs'].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'tieout_<id>_<secret> or JWT',
          description:
            'An API key (--auth keys), or a JWT of the configured issuer with the claims sub, tenant and role (--auth jwt).',
        },
      },
    },
  }
}

/** The first word of the operation's name: what it is about. */
export const nounOf = ({ operation }: Route): string => operation.name.split(' ')[0]!

function described(route: Route, components: SchemaComponents): JsonSchema {
  const { operation, path, query } = route
  const body = requestBody(route, components)
  return {
    operationId: operationId(operation),
    tags: [nounOf(route)],
    summary: operation.summary,
    description: `For the role ${route.role}.`,
    'x-role': route.role,
    parameters: [
      ...path.map((input) => parameter('path', input, components)),
      ...query.map((input) => parameter('query', input, components)),
      ...headerParameters(route).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: { ...successes(route, components), ...refusals(route) },
  }
}

const parameter = (
  place: 'path' | 'query',
  { name, schema, required, description }: RouteInput,
  components: SchemaComponents,
): JsonSchema => {
  const { description: _, ...rest } = components.hoisted(schema)
  return {
    name,
    in: place,
    required,
    description,
    schema: rest,
    ...(place === 'path' ? { example: exampleOf(rest, components.schemas, name) } : {}),
  }
}

/** Names of the shared parameters that a route takes. */
const headerParameters = ({ binding, edits, writes }: Route): string[] => [
  'RequestId',
  ...(binding.correlated ? ['CorrelationId'] : []),
  ...(binding.method === 'GET' ? ['IfNoneMatch'] : []),
  ...(edits ? ['IfMatch'] : []),
  ...(writes ? ['IdempotencyKey', 'Prefer'] : []),
]

function requestBody(
  { operation, body, upload }: Route,
  components: SchemaComponents,
): JsonSchema | undefined {
  if (upload !== undefined) {
    const types = Object.keys(upload.mediaTypes).map((type) => [type, { schema: fileSchema(type) }])
    return {
      required: true,
      description: fileDescription(operation.input.shape, upload.input),
      content: Object.fromEntries(types),
    }
  }
  if (body.length === 0) return undefined
  const required = body.filter((input) => input.required).map(({ name }) => name)
  const schema = components.addPlain(`${schemaName(operation)}Body`, {
    type: 'object',
    properties: Object.fromEntries(body.map((input) => [input.name, components.hoisted(input.schema)])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  })
  // Where inputs exclude one another, only the operation knows what may stand together.
  const example = operation.input.meta()?.example ?? exampleOf(schema, components.schemas)
  return { required: required.length > 0, content: { 'application/json': { schema, example } } }
}

/** A file is bytes; a use case as JSON is an object. */
const fileSchema = (type: string): JsonSchema =>
  type === 'application/json'
    ? { type: 'object' }
    : type.startsWith('text/') || type.endsWith('yaml')
      ? { type: 'string' }
      : {}

const fileDescription = (shape: Readonly<Record<string, unknown>>, name: string): string =>
  (shape[name] as { readonly description?: string } | undefined)?.description ?? 'The file.'

const header = (name: string): JsonSchema => ({ $ref: `#/components/headers/${name}` })

function successes(route: Route, components: SchemaComponents): JsonSchema {
  const { operation, binding, writes } = route
  if (binding.download !== undefined) return file(mediaTypesOf(binding.download))
  const schema = components.add(schemaName(operation), operation.output)
  const example = exampleOf(schema, components.schemas)
  const content = { 'application/json': { schema, example } }
  const common = {
    'X-Request-Id': header('RequestId'),
    ...(binding.correlated ? { 'X-Correlation-ID': header('CorrelationId') } : {}),
  }
  const isMade = binding.location !== undefined
  const ok = {
    description: isMade ? 'A dry run: what would be made.' : 'The answer.',
    headers: {
      ...common,
      ...(binding.method === 'GET' ? { ETag: header('ETag') } : {}),
      ...(route.paged ? { Link: header('Link') } : {}),
    },
    content,
  }
  const of = writes ? { ...common, 'Idempotency-Replayed': header('IdempotencyReplayed') } : common
  const made = { description: 'Made.', headers: { ...of, Location: header('Location') }, content }
  const isDry = 'dry_run' in operation.input.shape
  return {
    ...(isMade ? { ...(isDry ? { 200: ok } : {}), 201: made } : { 200: ok }),
    ...(writes ? { 202: accepted(components) } : {}),
    ...(binding.method === 'GET'
      ? { 304: { description: 'The client has it already.', headers: { ETag: header('ETag') } } }
      : {}),
  }
}

const file = (mediaTypes: readonly string[]): JsonSchema => ({
  200: {
    description: 'The file.',
    headers: {
      'X-Request-Id': header('RequestId'),
      ETag: header('ETag'),
      'Content-Disposition': header('ContentDisposition'),
    },
    content: Object.fromEntries(mediaTypes.map((type) => [type, {}])),
  },
  304: { description: 'The client has it already.', headers: { ETag: header('ETag') } },
})

const accepted = (components: SchemaComponents): JsonSchema => ({
  description: 'Not done yet: the job that does it, and where to ask for it.',
  headers: {
    'X-Request-Id': header('RequestId'),
    Location: header('Location'),
    'Preference-Applied': header('PreferenceApplied'),
  },
  content: { 'application/json': { schema: components.add('Job', jobSchema) } },
})

const refusals = (route: Route): JsonSchema =>
  Object.fromEntries([
    ...[...errorsOf(route)].map(([status, codes]) => [status, refusal(status, codes)]),
    ['default', refusal(0, [])],
  ])

function refusal(status: number, codes: readonly ErrorCode[]): JsonSchema {
  return {
    description: STATUS_CODES[status] ?? 'Any other refusal.',
    headers: {
      'X-Request-Id': header('RequestId'),
      ...(status === 401 ? { 'WWW-Authenticate': header('WwwAuthenticate') } : {}),
      ...(status === 429 || status === 503 ? { 'Retry-After': header('RetryAfter') } : {}),
    },
    content: { [PROBLEM_JSON]: { schema: { $ref: '#/components/schemas/Problem' } } },
    ...(codes.length > 0 ? { 'x-error-codes': codes } : {}),
  }
}
