/** The routes of jobs in the OpenAPI document: they belong to the process and are no operations. Raises nothing. */

import type { ErrorCode } from '../../base/errors.js'
import { exampleOf } from './examples.js'
import { jobSchema } from './job-document.js'
import { JOB, JOB_EVENTS } from './job-routes.js'
import type { SchemaComponents } from './json-schemas.js'
import { byStatus } from './route-errors.js'
import type { JsonSchema } from './routes.js'

const ERRORS_OF_JOBS: readonly ErrorCode[] = [
  'TIE-1401',
  'TIE-1402',
  'TIE-1403',
  'TIE-1405',
  'TIE-1609',
  'TIE-1617',
  'TIE-1619',
  'TIE-9001',
]

export function jobPaths(
  components: SchemaComponents,
  refusal: (status: number, codes: readonly ErrorCode[]) => JsonSchema,
): Readonly<Record<string, JsonSchema>> {
  const schema = components.add('Job', jobSchema)
  const example = exampleOf(schema, components.schemas)
  const content = { 'application/json': { schema, example } }
  const parameters = [
    { name: 'job', in: 'path', required: true, description: 'Id of the job.', schema: { type: 'string' } },
    { $ref: '#/components/parameters/RequestId' },
  ]
  const refusals = Object.fromEntries([
    ...[...byStatus(ERRORS_OF_JOBS)].map(([status, codes]) => [status, refusal(status, codes)]),
    ['default', refusal(0, [])],
  ])
  const described = (operationId: string, summary: string): JsonSchema => ({
    operationId,
    tags: ['jobs'],
    summary,
    parameters,
  })
  return {
    [JOB]: {
      get: {
        ...described('jobsShow', 'How far a job is, and what came of it. Jobs belong to the server process.'),
        responses: {
          200: {
            description: 'The job.',
            headers: { ETag: { $ref: '#/components/headers/ETag' } },
            content,
          },
          304: { description: 'The client has it already.' },
          ...refusals,
        },
      },
      delete: {
        ...described('jobsCancel', 'Cancel a job: a run it was making becomes FAILED.'),
        responses: {
          200: { description: 'It had ended already.', content },
          202: { description: 'It was told to end.', content },
          ...refusals,
        },
      },
    },
    [JOB_EVENTS]: {
      get: {
        ...described('jobsEvents', 'The events of a job as they come, as server-sent events.'),
        parameters: [...parameters, { $ref: '#/components/parameters/LastEventId' }],
        responses: {
          200: {
            description:
              '`progress` with stage, rows and part; at the end `done` or `failed` with the outcome.',
            headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } },
            content: { 'text/event-stream': {} },
          },
          ...refusals,
        },
      },
    },
  }
}
