/**
 * The input of an operation from a request: path, query and body, each value where the route takes it and nowhere
 * else. All that is wrong is told at once. Raises TIE-1601 to TIE-1604, TIE-1610, TIE-1611.
 */

import type { z } from 'zod'
import { type Place, type Problem, problem, Refusal, refuse, refuseAll } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import { pointerOf, readJsonObject } from './json-body.js'
import type { Route, RouteInput } from './routes.js'
import { isPlain, mediaTypeOf, type Received, receiveUpload } from './upload.js'

export interface RequestLimits {
  /** Bytes of a JSON body. */
  readonly maxBody: number
  /** Bytes of a file. */
  readonly maxUpload: number
}

export interface RequestParts {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string[]>>
  readonly headers: Headers
  readonly body: AsyncIterable<Uint8Array>
}

export interface RequestInput {
  /** As given, before the operation's schema: what a digest of the request is taken of. */
  readonly given: Readonly<Record<string, unknown>>
  readonly input: unknown
  readonly upload: Received | undefined
}

export async function readInput(
  route: Route,
  parts: RequestParts,
  limits: RequestLimits,
): Promise<RequestInput> {
  const given = {
    ...queryValues(route, parts.query),
    ...(await bodyValues(route, parts, limits)),
    ...parts.path,
  }
  if (route.upload === undefined) return { given, input: checked(route, given), upload: undefined }
  // What is wrong beside the file is told before it is received.
  const { input: name } = route.upload
  checked(route, { ...given, [name]: 'file' })
  const upload = await receiveUpload(route.upload, parts.headers, parts.body, limits.maxUpload)
  return { given, input: checked(route, { ...given, [name]: upload.file }), upload }
}

async function bodyValues(
  { body, binding, upload }: Route,
  { headers, body: chunks }: RequestParts,
  { maxBody }: RequestLimits,
): Promise<Readonly<Record<string, unknown>>> {
  if (upload !== undefined || !['POST', 'PUT', 'PATCH'].includes(binding.method)) return {}
  const type = headers.get('content-type')
  if ((type !== null && mediaTypeOf(headers) !== 'application/json') || !isPlain(headers)) {
    refuse('TIE-1610', { type: (type ?? '').slice(0, 100), known: 'application/json' })
  }
  const values = await readJsonObject(chunks, maxBody)
  if (type === null && Object.keys(values).length > 0)
    refuse('TIE-1610', { type: '', known: 'application/json' })
  refuseUnknown(
    Object.keys(values),
    body.map(({ name }) => name),
    (name) => ({ pointer: pointerOf([name]) }),
  )
  return values
}

function queryValues({ query }: Route, given: Readonly<Record<string, string[]>>): Record<string, unknown> {
  refuseUnknown(
    Object.keys(given),
    query.map(({ name }) => name),
    (parameter) => ({ parameter }),
  )
  const problems: Problem[] = []
  const values = query.flatMap((input): [string, unknown][] => {
    const texts = given[input.name]
    if (texts === undefined) return []
    const isList = input.schema.type === 'array'
    if (texts.length > 1 && !isList) {
      const params = { input: input.name, detail: 'it is given more than once' }
      problems.push(problem('TIE-1611', params, { parameter: input.name }))
    }
    return [[input.name, isList ? texts : queryValue(input, texts[0]!)]]
  })
  refuseAll(problems)
  return Object.fromEntries(values)
}

/** A query is text; the schema says what is meant. What is not of that form is left for the schema to refuse. */
function queryValue({ schema: { type } }: RouteInput, text: string): unknown {
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (type === 'number' || type === 'integer')
    return /^-?\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : text
  return text
}

function refuseUnknown(
  names: readonly string[],
  known: readonly string[],
  place: (name: string) => Place,
): void {
  refuseAll(
    names
      .filter((name) => !known.includes(name))
      .map((name) => {
        const detail = known.length === 0 ? 'there is no such input' : `known are ${known.join(', ')}`
        const params = { input: name.slice(0, 100), detail, suggestion: didYouMean(name, known) }
        return problem('TIE-1611', params, place(name))
      }),
  )
}

function checked(route: Route, given: Readonly<Record<string, unknown>>): unknown {
  const parsed = route.input.safeParse(given, { reportInput: true })
  if (parsed.success) return parsed.data
  throw new Refusal(parsed.error.issues.map((issue) => issueProblem(route, issue)))
}

function issueProblem({ body }: Route, { path, ...issue }: z.core.$ZodIssue): Problem {
  const [name = ''] = path
  const inBody = body.some((input) => input.name === name)
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined
  const params = {
    input: path.map(String).join('.'),
    detail: isMissing ? 'it is missing' : said(issue.message),
  }
  return problem('TIE-1611', params, inBody ? { pointer: pointerOf(path) } : { parameter: String(name) })
}

const said = (message: string): string => message.replace(/\.$/, '').slice(0, 300)
