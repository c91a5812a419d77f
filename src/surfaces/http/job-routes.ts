/**
 * The routes of jobs: how far one is, its events as they come, and an end to it. Jobs are the process's own and no
 * operation of the catalogue. Raises TIE-1609, TIE-1617.
 */

import { refuse } from '../../base/errors.js'
import type { Role } from '../../books/operation.js'
import { refuseUnlessMay } from './access.js'
import { digestTag, JSON_TYPE } from './answer.js'
import { type App, answerOtherMethods, type Exchange, type HttpHost, tagged } from './exchange.js'
import { eventText, jobDocument } from './job-document.js'
import type { Job, JobEvent } from './jobs.js'
import { accepts } from './negotiation.js'

export const JOB = '/api/v1/jobs/{job}'
export const JOB_EVENTS = `${JOB}/events`
const EVENT_STREAM = 'text/event-stream'
/** Milliseconds after which a silent stream says that it is alive. */
const HEARTBEAT = 15_000

export function addJobRoutes(app: App, host: HttpHost): void {
  const [one, events] = ['/api/v1/jobs/:job', '/api/v1/jobs/:job/events']
  app.get(events, async (c) => {
    const job = await jobOf(host, c)
    if (!accepts(c.req.header('accept'), EVENT_STREAM)) refuse('TIE-1609', { type: EVENT_STREAM })
    const after = Number(/^\d{1,9}$/.exec(c.req.header('last-event-id') ?? '')?.[0] ?? 0)
    c.header('Content-Type', EVENT_STREAM)
    c.header('X-Accel-Buffering', 'no')
    return c.body(eventStream(job, after))
  })
  answerOtherMethods(app, events, ['GET'])
  app.get(one, async (c) => {
    const body = JSON.stringify(jobDocument(await jobOf(host, c)))
    c.header('Content-Type', JSON_TYPE)
    return tagged(c, digestTag(body), body)
  })
  app.delete(one, async (c) => {
    const job = await jobOf(host, c, 'preparer')
    job.cancel()
    return c.json(jobDocument(job), job.answer === undefined ? 202 : 200)
  })
  answerOtherMethods(app, one, ['GET', 'DELETE'])
}

async function jobOf(host: HttpHost, c: Exchange, role: Role = 'reader'): Promise<Job> {
  const principal = await host.access.whoAsks(c.req.header('authorization'))
  refuseUnlessMay(principal, role)
  return host.jobs.find(principal.tenant, c.req.param('job')!)
}

/** What was told since the event the client heard last, then what is told until the job ends. */
export function eventStream(job: Job, after: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let stop = (): void => undefined
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string): void => controller.enqueue(encoder.encode(text))
      const tell = (told: JobEvent): void => {
        write(eventText(told))
        if (told.event === 'progress') return
        stop()
        controller.close()
      }
      const beat = setInterval(() => write(': still here\n\n'), HEARTBEAT)
      stop = () => {
        clearInterval(beat)
        job.listeners.delete(tell)
      }
      write('retry: 2000\n\n')
      const missed = job.events.filter(({ id }) => id > after)
      // A client that has heard the end hears it again: it asked, so it did not know.
      const past = missed.length === 0 && job.answer !== undefined ? job.events.slice(-1) : missed
      job.listeners.add(tell)
      for (const told of past) tell(told)
    },
    cancel: () => stop(),
  })
}
