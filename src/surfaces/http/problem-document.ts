/**
 * Refusals as problem documents (RFC 9457): what kind, where in the request, and what to do. A bug is told by the
 * request's id alone: its message may hold what is nobody's business. Raises nothing.
 */

import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { ERRORS, type ErrorCode, type Problem, problem, Refusal } from '../../base/errors.js'

export const PROBLEM_JSON = 'application/problem+json'

export const problemSchema = z
  .object({
    type: z.string().describe('Where the code is explained.'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('What happened, in words.'),
    instance: z.string().describe('Id of the request.'),
    code: z.string().describe('Of the first problem.'),
    problems: z
      .array(
        z.object({
          code: z.string(),
          message: z.string(),
          remedy: z.string().describe('What to do.'),
          pointer: z.string().optional().describe('JSON pointer into the body.'),
          parameter: z.string().optional().describe('Name of a parameter of path or query.'),
          file: z.string().optional(),
          line: z.number().int().optional(),
          column: z.number().int().optional(),
          frame: z.string().optional().describe('The text at fault with a caret beneath it.'),
        }),
      )
      .describe('All that is wrong, at once.'),
  })
  .meta({ id: 'Problem' })

export type ProblemDocument = z.output<typeof problemSchema>

export function problemDocument({ problems }: Refusal, instance: string): ProblemDocument {
  const [first] = problems
  const { status } = ERRORS[first.code]
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return {
    type: errorPath(first.code),
    title: STATUS_CODES[status] ?? 'Refused',
    status,
    detail: `${first.message}${more}`,
    instance,
    code: first.code,
    problems: problems.map(flat),
  }
}

export const errorPath = (code: ErrorCode): string => `/errors/${code}`

const flat = ({ code, message, remedy, place }: Problem): ProblemDocument['problems'][number] => ({
  code,
  message,
  remedy,
  ...place,
})

/** What went wrong as a refusal; a bug says nothing but where to look. */
export function refusalOf(error: unknown, instance: string): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof Error && error.name === 'AbortError') return new Refusal([problem('TIE-2504', {})])
  return new Refusal([problem('TIE-9001', { detail: `request ${instance} failed.` })])
}
