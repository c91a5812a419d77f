/** Work that outlasts its request: 202, where to ask, what is told on the way, and an end to it. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refuse } from '#tieout/base/errors'
import type { TenantId } from '#tieout/books/books'
import { type Context, operation } from '#tieout/books/operation'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { withoutLogin } from '#tieout/surfaces/http/access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { Jobs } from '#tieout/surfaces/http/jobs'
import { preferenceOf } from '#tieout/surfaces/http/preference'
import { contextOf } from '../support/cli.js'
import { type Ask, askOf, type HttpBed, hostOf, loadTour, openHttp } from '../support/http.js'

/** Work that goes on until the test says so. */
class Gate {
  context: Context | undefined
  readonly open: (outcome: 'done' | 'refused' | 'broken') => void
  private readonly opened: Promise<'done' | 'refused' | 'broken'>
  private readonly entering: Promise<void>
  private enter: () => void = () => undefined

  constructor() {
    let open: (outcome: 'done' | 'refused' | 'broken') => void = () => undefined
    this.opened = new Promise((resolve) => {
      open = resolve
    })
    this.open = open
    this.entering = new Promise((resolve) => {
      this.enter = resolve
    })
  }

  entered(): Promise<void> {
    return this.entering
  }

  async pass(context: Context): Promise<{ made: string }> {
    this.context = context
    this.enter()
    const stopped = new Promise<never>((_, reject) => {
      context.signal.addEventListener('abort', () => reject(new Error('stopped')))
    })
    const outcome = await Promise.race([this.opened, stopped])
    if (outcome === 'refused') refuse('TIE-1102', { use_case: 'x' })
    if (outcome === 'broken') throw new Error('secret')
    return { made: 'it' }
  }
}

let bed: HttpBed
beforeAll(async () => {
  bed = await openHttp()
  await loadTour(bed.ask)
})
afterAll(() => bed?.close())

const A = '00000000-0000-0000-0000-000000000001' as TenantId
const B = '00000000-0000-0000-0000-00000000000b' as TenantId

/** A server with one slow operation, for two tenants that share its jobs. */
function slow(maxJobs = 16): {
  readonly gate: Gate
  readonly ask: Ask
  readonly other: Ask
  readonly complaints: string[]
} {
  const gate = new Gate()
  const complaints: string[] = []
  const slowly = operation({
    name: 'slow make',
    summary: 'Takes its time.',
    effect: 'append',
    input: z.object({}),
    output: z.object({ made: z.string() }),
    errors: [],
    positional: [],
    http: { method: 'POST', path: '/api/v1/slow', location: '/api/v1/slow/{made}' },
    run: (context) => gate.pass(context),
  })
  const jobs = new Jobs(contextOf(bed.db.books), { maxJobs })
  const appOf = (tenant: TenantId): Ask => {
    const access = withoutLogin(contextOf(bed.db.books, tenant))
    const complain = (line: string) => complaints.push(line)
    return askOf(makeApp(hostOf(bed.db, { operations: [slowly], jobs, access, complain })))
  }
  return { gate, ask: appOf(A), other: appOf(B), complaints }
}

const begin = async (ask: Ask): Promise<string> => {
  const begun = await ask('POST', '/api/v1/slow', { headers: { prefer: 'respond-async' } })
  expect(begun).toMatchObject({ status: 202, json: { state: 'running', operation: 'slow make' } })
  expect(begun.headers.get('preference-applied')).toBe('respond-async')
  return begun.headers.get('location')!
}
const ended = async (ask: Ask, job: string) => {
  for (;;) {
    const { json } = await ask('GET', job)
    if (json.state !== 'running') return json
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

interface Event {
  readonly id: number
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

const eventsIn = (text: string): Event[] =>
  [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/g)].map(([, id, event, data]) => ({
    id: Number(id),
    event: event!,
    data: JSON.parse(data!),
  }))

describe('a job', () => {
  test('is told of at once, then says how far it is, then what came of it and where', async () => {
    const { gate, ask } = slow()
    const job = await begin(ask)
    await gate.entered()
    expect(await ask('GET', job)).toMatchObject({ json: { state: 'running', progress: null, result: null } })
    gate.context!.progress.report('reading facts', 1000, 0.5)
    expect((await ask('GET', job)).json.progress).toEqual({ stage: 'reading facts', rows: 1000, part: 0.5 })
    gate.open('done')
    expect(await ended(ask, job)).toMatchObject({
      state: 'done',
      status: 201,
      location: '/api/v1/slow/it',
      result: { made: 'it' },
      problem: null,
    })
  })

  test('that is refused keeps the problem; a bug keeps its secret', async () => {
    const refused = slow()
    const first = await begin(refused.ask)
    refused.gate.open('refused')
    expect(await ended(refused.ask, first)).toMatchObject({
      state: 'failed',
      status: 404,
      result: null,
      problem: { code: 'TIE-1102' },
    })
    const broken = slow()
    const second = await begin(broken.ask)
    broken.gate.open('broken')
    const told = await ended(broken.ask, second)
    expect(told).toMatchObject({ state: 'failed', status: 500, problem: { code: 'TIE-9001' } })
    expect(JSON.stringify(told)).not.toContain('secret')
    expect(broken.complaints.join()).toContain('secret')
  })

  test('is cancelled by DELETE, once', async () => {
    const { gate, ask, complaints } = slow()
    const job = await begin(ask)
    await gate.entered()
    expect(await ask('DELETE', job)).toMatchObject({ status: 202 })
    expect(await ended(ask, job)).toMatchObject({
      state: 'cancelled',
      status: 499,
      problem: { code: 'TIE-2504' },
    })
    expect(await ask('DELETE', job)).toMatchObject({ status: 200, json: { state: 'cancelled' } })
    expect(complaints).toEqual([])
  })

  test('TIE-1617: of another tenant, or none at all, is not there', async () => {
    const { gate, ask, other } = slow()
    const job = await begin(ask)
    for (const path of [job, `${job}/events`, '/api/v1/jobs/none']) {
      expect(await other('GET', path)).toMatchObject({ status: 404, json: { code: 'TIE-1617' } })
    }
    expect(await other('DELETE', job)).toMatchObject({ status: 404 })
    expect((await ask('GET', job)).json.state).toBe('running')
    gate.open('done')
    await ended(ask, job)
  })

  test('TIE-1618: too many at once of one tenant; another tenant still may', async () => {
    const { gate, ask, other } = slow(2)
    const jobs = [await begin(ask), await begin(ask)]
    expect(await ask('POST', '/api/v1/slow')).toMatchObject({ status: 429, json: { code: 'TIE-1618' } })
    const third = await begin(other)
    gate.open('done')
    for (const job of jobs) await ended(ask, job)
    await ended(other, third)
    await begin(ask)
  })

  test('goes on when its client is gone', async () => {
    const { gate, ask } = slow()
    const abandoned = ask('POST', '/api/v1/slow', { headers: { prefer: 'wait=0' } })
    const job = (await abandoned).headers.get('location')!
    await gate.entered()
    expect(gate.context!.signal.aborted).toBe(false)
    gate.open('done')
    expect(await ended(ask, job)).toMatchObject({ state: 'done' })
  })
})

describe('Prefer', () => {
  test.each([
    [undefined, 10],
    ['respond-async', 0],
    ['wait=3', 3],
    ['wait = 3; x=y', 3],
    ['wait=100000', 60],
    ['respond-async, wait=5', 0],
    ['handling=strict', 10],
    ['wait=-1', 10],
    ['wait=abc', 10],
  ])('%s: %d s', (header, wait) => expect(preferenceOf(header).wait).toBe(wait))

  test('a wait that is too short gives the job, one that is long enough the answer', async () => {
    const short = slow()
    const begun = await short.ask('POST', '/api/v1/slow', { headers: { prefer: 'wait=0' } })
    expect([begun.status, begun.headers.get('preference-applied')]).toEqual([202, 'wait=0'])
    short.gate.open('done')
    const long = slow()
    const answer = long.ask('POST', '/api/v1/slow', { headers: { prefer: 'wait=30' } })
    await long.gate.entered()
    long.gate.open('done')
    expect(await answer).toMatchObject({ status: 201, json: { made: 'it' } })
  })

  test('a request that cannot be carried out is refused at once, not by a job', async () => {
    const { ask } = bed
    const send = (json: object) =>
      ask('POST', '/api/v1/use-cases/Tour/runs', {
        json,
        headers: { prefer: 'respond-async', 'idempotency-key': 'prefer' },
      })
    const job = (await send({ date: '2025-12-24' })).headers.get('location')!
    await ended(ask, job)
    expect(await send({ date: '2025-12-23' })).toMatchObject({ status: 422, json: { code: 'TIE-1614' } })
    expect(await send({ date: '2025-12-24' })).toMatchObject({ status: 201 })
  })
})

describe('events', () => {
  test('tell each stage and the end, then the stream ends', async () => {
    const { gate, ask } = slow()
    const job = await begin(ask)
    await gate.entered()
    const stream = ask('GET', `${job}/events`, { headers: { accept: 'text/event-stream' } })
    gate.context!.progress.report('reading facts', 10)
    gate.context!.progress.report('reading facts', 11)
    gate.context!.progress.report('storing results', 5, 1)
    gate.open('done')
    const { text, headers, status } = await stream
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const events = eventsIn(text)
    // Two reports of one stage within a moment are one.
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      [1, 'progress'],
      [2, 'progress'],
      [3, 'done'],
    ])
    expect(events[0]!.data).toEqual({ stage: 'reading facts', rows: 10, part: null })
    expect(events[2]!.data).toMatchObject({
      status: 201,
      location: '/api/v1/slow/it',
      result: { made: 'it' },
    })
  })

  test('after Last-Event-ID are told again, and none that was heard', async () => {
    const { gate, ask } = slow()
    const job = await begin(ask)
    await gate.entered()
    for (const stage of ['one', 'two', 'three']) gate.context!.progress.report(stage, 1)
    gate.open('refused')
    await ended(ask, job)
    const heard = async (id: string) =>
      eventsIn((await ask('GET', `${job}/events`, { headers: { 'last-event-id': id } })).text).map(
        (one) => one.id,
      )
    expect(await heard('0')).toEqual([1, 2, 3, 4])
    expect(await heard('2')).toEqual([3, 4])
    expect(await heard('4')).toEqual([4])
    expect(await heard('x')).toEqual([1, 2, 3, 4])
  })

  test('are events, and nothing else', async () => {
    const { gate, ask } = slow()
    const job = await begin(ask)
    expect(await ask('GET', `${job}/events`, { headers: { accept: 'application/json' } })).toMatchObject({
      status: 406,
      json: { code: 'TIE-1609' },
    })
    expect((await ask('POST', `${job}/events`)).headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    gate.open('done')
    await ended(ask, job)
  })
})

test('TIE-1619: one request too many hears that the server is busy', async () => {
  const gate = new Gate()
  const reading = operation({
    name: 'slow read',
    summary: 'Takes its time.',
    effect: 'read',
    input: z.object({}),
    output: z.object({ made: z.string() }),
    errors: [],
    positional: [],
    http: { method: 'GET', path: '/api/v1/slow' },
    run: (context) => gate.pass(context),
  })
  const host = hostOf(bed.db, { operations: [reading] })
  const ask = askOf(makeApp({ ...host, limits: { ...host.limits, maxRequests: 1 } }))
  const first = ask('GET', '/api/v1/slow')
  await gate.entered()
  const second = await ask('GET', '/api/v1/slow')
  expect(second).toMatchObject({ status: 503, json: { code: 'TIE-1619' } })
  expect(second.headers.get('retry-after')).toBe('1')
  gate.open('done')
  expect(await first).toMatchObject({ status: 200 })
  expect((await ask('GET', '/api/v1/slow')).status).toBe(200)
})

test('a real run that is cancelled is FAILED and leaves nothing', async () => {
  const jobs = new Jobs(contextOf(bed.db.books), { maxJobs: 4 })
  const ask = askOf(makeApp(hostOf(bed.db, { jobs })))
  const create = CATALOGUE.find(({ name }) => name === 'runs create')!
  const cancelling = {
    ...create,
    // Cancelled while facts are read: the first report comes from inside the calculation.
    run: (context: Context, input: never) => {
      const progress = { report: () => [...jobsOf(jobs)].forEach((job) => void job.cancel()) }
      return create.run({ ...context, progress }, input)
    },
  }
  const app = askOf(makeApp(hostOf(bed.db, { jobs, operations: [cancelling] })))
  const answer = await app('POST', '/api/v1/use-cases/Tour/runs', {
    json: { date: '2025-12-24', name: 'Cancelled' },
  })
  expect(answer).toMatchObject({ status: 499, json: { code: 'TIE-2503' } })
  const { json } = await ask('GET', '/api/v1/runs')
  const run = json.runs.find((one: { run_name: string }) => one.run_name === 'Cancelled')
  expect(run.status).toBe('FAILED')
  expect((await ask('GET', `/api/v1/runs/${run.id}`)).json.results_count).toBe(0)
})

const jobsOf = (jobs: Jobs) => (jobs as unknown as { jobs: Map<string, { cancel(): void }> }).jobs.values()
