/**
 * Jobs: work that goes on whether or not its client listens. They belong to this process, are few and are forgotten
 * an hour after their end; what they made is in the books. Raises TIE-1617 (no such job of this tenant), TIE-1618
 * (too many at once).
 */

import type { Instant } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import type { TenantId } from '../../books/books.js'
import type { Context, Progress } from '../../books/operation.js'
import type { Answer } from './answer.js'

export interface JobProgress {
  readonly stage: string
  readonly rows: number
  /** Of the whole, from 0 to 1; null when it cannot be told. */
  readonly part: number | null
}

export type JobEvent =
  | { readonly id: number; readonly event: 'progress'; readonly progress: JobProgress }
  | { readonly id: number; readonly event: 'done' | 'failed'; readonly answer: Answer }

export interface JobOwner {
  readonly tenant: TenantId
  readonly who: string
  readonly operation: string
}

/** What the work of a job is given. */
export interface JobHandle {
  readonly progress: Progress
  readonly signal: AbortSignal
  /** Called when nothing can refuse the work at once any more. */
  admitted(): void
}

export interface JobLimits {
  /** Under way at once, of one tenant. */
  readonly maxJobs: number
}

type Clock = Pick<Context, 'now' | 'newId' | 'elapsed' | 'signal'>

const HOUR = 3_600_000
/** Ended jobs that are remembered. */
const REMEMBERED = 500
/** Events that a client who comes back can still hear. */
const EVENTS = 256
/** Milliseconds between two events of one stage. */
const INTERVAL = 200

export class Job {
  readonly created_at: Instant
  finished_at: Instant | undefined
  endedAt = 0
  progress: JobProgress | undefined
  answer: Answer | undefined
  readonly events: JobEvent[] = []
  readonly finished: Promise<Answer>
  readonly admitted: Promise<void>
  readonly listeners = new Set<(event: JobEvent) => void>()
  private readonly stop = new AbortController()
  private count = 0
  private toldAt = Number.NEGATIVE_INFINITY

  constructor(
    readonly id: string,
    readonly owner: JobOwner,
    private readonly clock: Clock,
    work: (handle: JobHandle) => Promise<Answer>,
  ) {
    this.created_at = clock.now()
    let admit = (): void => undefined
    const admitted = new Promise<void>((resolve) => {
      admit = resolve
    })
    this.finished = work({
      progress: { report: (stage, rows, part) => this.report(stage, rows, part) },
      signal: AbortSignal.any([clock.signal, this.stop.signal]),
      admitted: admit,
    }).then((answer) => this.end(answer))
    this.admitted = Promise.race([admitted, this.finished.then(() => undefined)])
  }

  get state(): 'running' | 'cancelled' | 'done' | 'failed' {
    if (this.answer === undefined) return 'running'
    if (this.answer.status < 400) return 'done'
    return this.stop.signal.aborted ? 'cancelled' : 'failed'
  }

  cancel(): void {
    if (this.answer === undefined) this.stop.abort(new DOMException('the job was cancelled', 'AbortError'))
  }

  private report(stage: string, rows: number, part: number | undefined): void {
    const now = this.clock.elapsed()
    if (stage === this.progress?.stage && now - this.toldAt < INTERVAL) return
    this.toldAt = now
    this.progress = { stage, rows, part: part ?? null }
    this.tell({ id: ++this.count, event: 'progress', progress: this.progress })
  }

  private end(answer: Answer): Answer {
    this.answer = answer
    this.finished_at = this.clock.now()
    this.endedAt = this.clock.elapsed()
    this.tell({ id: ++this.count, event: answer.status < 400 ? 'done' : 'failed', answer })
    return answer
  }

  private tell(event: JobEvent): void {
    this.events.push(event)
    if (this.events.length > EVENTS) this.events.shift()
    for (const listener of this.listeners) listener(event)
  }
}

export class Jobs {
  private readonly jobs = new Map<string, Job>()

  constructor(
    private readonly clock: Clock,
    private readonly limits: JobLimits,
  ) {}

  /** `work` never rejects: what goes wrong is its answer. */
  start(owner: JobOwner, work: (handle: JobHandle) => Promise<Answer>): Job {
    this.forgetOld()
    const open = this.running().filter((job) => job.owner.tenant === owner.tenant).length
    if (open >= this.limits.maxJobs) refuse('TIE-1618', { count: open })
    const job = new Job(this.clock.newId(), owner, this.clock, work)
    this.jobs.set(job.id, job)
    return job
  }

  /** A job of the tenant; those of others are not there. */
  find(tenant: TenantId, id: string): Job {
    const job = this.jobs.get(id)
    return job?.owner.tenant === tenant ? job : refuse('TIE-1617', { job: id.slice(0, 100) })
  }

  /** A job that nobody was told of. */
  forget({ id }: Job): void {
    this.jobs.delete(id)
  }

  async settled(): Promise<void> {
    await Promise.all(this.running().map((job) => job.finished))
  }

  private running(): Job[] {
    return [...this.jobs.values()].filter((job) => job.answer === undefined)
  }

  private forgetOld(): void {
    const ended = [...this.jobs.values()].filter((job) => job.answer !== undefined)
    const now = this.clock.elapsed()
    for (const [i, job] of ended.entries()) {
      if (now - job.endedAt > HOUR || i < ended.length - REMEMBERED) this.jobs.delete(job.id)
    }
  }
}
