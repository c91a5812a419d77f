/** What is told of a job: as a document, and as events. Raises nothing. */

import { z } from 'zod'
import type { Answer } from './answer.js'
import type { Job, JobEvent } from './jobs.js'
import { problemSchema } from './problem-document.js'

const progress = z
  .object({
    stage: z.string(),
    rows: z.number().describe('Done so far in this stage.'),
    part: z.number().nullable().describe('Of the whole, from 0 to 1; null when it cannot be told.'),
  })
  .meta({ id: 'JobProgress' })

export const jobSchema = z
  .object({
    job: z.string(),
    operation: z.string(),
    state: z.enum(['running', 'done', 'failed', 'cancelled']),
    created_at: z.string(),
    created_by: z.string(),
    finished_at: z.string().nullable(),
    progress: progress.nullable(),
    status: z.number().int().nullable().describe('Of the answer, when there is one.'),
    location: z.string().nullable().describe('Where what was made is.'),
    result: z.unknown().describe('The answer of the operation; null while it runs or when it failed.'),
    problem: problemSchema.nullable(),
  })
  .meta({ id: 'Job' })

export const jobPath = ({ id }: Job): string => `/api/v1/jobs/${id}`

export function jobDocument(job: Job): z.output<typeof jobSchema> {
  const { answer } = job
  return jobSchema.parse({
    job: job.id,
    operation: job.owner.operation,
    state: job.state,
    created_at: job.created_at,
    created_by: job.owner.who,
    finished_at: job.finished_at ?? null,
    progress: job.progress ?? null,
    ...outcomeOf(answer),
  })
}

function outcomeOf(answer: Answer | undefined) {
  if (answer === undefined) return { status: null, location: null, result: null, problem: null }
  const body: unknown = JSON.parse(answer.body)
  const isDone = answer.status < 400
  return {
    status: answer.status,
    location: answer.headers.Location ?? null,
    result: isDone ? body : null,
    problem: isDone ? null : body,
  }
}

/** `progress` with how far it is; `done` and `failed` with the outcome, and then nothing more. */
export function eventText(told: JobEvent): string {
  const data = told.event === 'progress' ? told.progress : outcomeOf(told.answer)
  return `id: ${told.id}\nevent: ${told.event}\ndata: ${JSON.stringify(data)}\n\n`
}
