/**
 * One import of revenue events: lines are read once, checked, copied into a temporary table and taken over from there.
 * Any problem, and nothing is kept; or, where the feed must not stop, what is refused becomes a dead event and the rest is
 * kept. Streams: a file may be of any length.
 *
 * Raises TIE-4201 to TIE-4214, TIE-4220, TIE-4221, TIE-2413, and what the lines of the source raise.
 */

import { type Digest, digestOfBytes } from '../../base/digest.js'
import { type Place, type Problem, problem } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { Context } from '../../books/operation.js'
import { FileProblems } from '../../engines/csv-table.js'
import { numbersAsText, type TextLine } from '../../engines/ndjson.js'
import { eventDigest, parseEvent } from '../revenue-event.js'
import { buryEvents, type DeadEvent } from './dead-events.js'
import {
  conflicting,
  createStaging,
  discoverChannels,
  exceeding,
  insertEvents,
  lockEvents,
  orphaned,
  prepareLookups,
  type Refused,
  STAGING,
  stagedRow,
  unstage,
} from './event-staging.js'

export interface EventSource {
  /** For messages and records. */
  readonly name: string
  readonly digest: Digest
  /** Of a file: its lines. Of a request: the events, whose line is their place in the list. */
  readonly lines: AsyncIterable<readonly TextLine[]> | Iterable<readonly TextLine[]>
  placeOf(line: number): Place
}

export interface EventCounts {
  readonly new: number
  readonly same: number
  readonly refused: number
  readonly import_id: string | null
}

export class EventImport {
  private readonly problems: FileProblems
  private readonly dead: DeadEvent[] = []
  private rows = 0
  private done = 0

  constructor(
    private readonly context: Context,
    private readonly tx: Tx,
    private readonly source: EventSource,
    /** What is refused becomes a dead event. */
    private readonly deadLetter: boolean,
  ) {
    this.problems = new FileProblems(source.name)
  }

  async run(): Promise<EventCounts> {
    const { tx, context, source } = this
    const newest = await lockEvents(tx)
    await createStaging(tx)
    await tx.copyIn(STAGING, this.copied())
    await prepareLookups(tx)
    await this.checkStaged()
    this.problems.stop()
    const importId = context.newId()
    const now = context.now()
    await tx.execute('SAVEPOINT before_import')
    await tx.execute(
      `INSERT INTO attribution_imports (tenant_id, import_id, kind, file_name, file_digest, row_count, imported_at, imported_by)
       VALUES ($1, $2, 'events', $3, $4, $5, $6, $7)`,
      [context.tenant, importId, source.name, source.digest, this.rows, now, context.who],
    )
    context.progress.report('storing events', this.rows)
    await discoverChannels(tx, now, context.who)
    const fresh = await insertEvents(tx, { importId, newest, recordedAt: now })
    // A file that brings nothing new leaves no trace.
    if (fresh === 0) await tx.execute('ROLLBACK TO before_import')
    await buryEvents(tx, this.dead, { name: source.name, at: now, who: context.who })
    context.signal.throwIfAborted()
    return {
      new: fresh,
      same: this.rows - fresh,
      refused: this.dead.length,
      import_id: fresh === 0 ? null : importId,
    }
  }

  private async *copied(): AsyncGenerator<Uint8Array> {
    const { progress, signal } = this.context
    for await (const batch of this.source.lines) {
      yield* copyRows(batch.flatMap((line) => this.staged(line) ?? []))
      this.done += batch.length
      progress.report('reading events', this.done)
      signal.throwIfAborted()
    }
  }

  private staged({ line, text, problems }: TextLine): [ReturnType<typeof stagedRow>] | undefined {
    const read = problems === undefined ? readEvent(text) : { is: 'refused' as const, problems }
    if (read.is === 'refused') {
      this.refuse(line, text, read.problems)
      return undefined
    }
    this.rows += 1
    return [stagedRow(this.rows, line, read.event, eventDigest(read.event), text)]
  }

  private refuse(line: number, payload: string, problems: readonly Problem[]): void {
    const place = this.source.placeOf(line)
    const placed = problems.map((one) => ({ ...one, place }))
    if (this.deadLetter) {
      this.dead.push({ line, payload, digest: digestOfBytes(Buffer.from(payload)), problems: placed })
    } else for (const one of placed) this.problems.add(one)
  }

  /**
   * What events say of one another and of the books. A row that is taken out can leave others without their original, or
   * with more left of it, so it is asked again until nothing is found.
   */
  private async checkStaged(): Promise<void> {
    for (;;) {
      let found = await conflicting(this.tx)
      // What was refused already is missing here, and others would seem to adjust nothing.
      if (found.length === 0 && !this.problems.any) {
        found = await orphaned(this.tx)
        if (found.length === 0) found = await exceeding(this.tx)
      }
      if (found.length === 0) return
      for (const row of found) this.refuse(Number(row.line), row.payload, [this.problemOf(row)])
      if (!this.deadLetter) return
      this.rows -= await unstage(
        this.tx,
        found.map(({ row_no }) => row_no),
      )
    }
  }

  private problemOf({ key, original, why, taken, left_over }: Refused): Problem {
    const names = { key, original: original ?? '' }
    switch (why) {
      case 'conflict_there':
        return problem('TIE-4208', { key, where: '' })
      case 'conflict_here':
        return problem('TIE-4208', { key, where: `, earlier in ${this.source.name}` })
      case 'no_original':
        return problem('TIE-4209', names)
      case 'no_purchase':
        return problem('TIE-4210', { ...names, why: 'that is no purchase' })
      case 'currency':
        return problem('TIE-4210', { ...names, why: `that is in ${taken}, this in ${left_over}` })
      default:
        return problem('TIE-4211', { ...names, taken: taken ?? '', left: left_over ?? '' })
    }
  }
}

/** An event in JSON, with every problem of it. */
export function readEvent(text: string): ReturnType<typeof parseEvent> {
  let value: unknown
  try {
    value = JSON.parse(numbersAsText(text))
  } catch {
    return { is: 'refused', problems: [problem('TIE-4212', { detail: 'it is no JSON' })] }
  }
  return parseEvent(value)
}

/** A dry run is the same transaction, rolled back. */
class RolledBack<T> extends Error {
  constructor(readonly result: T) {
    super('dry run')
  }
}

export async function importEvents(
  context: Context,
  source: EventSource,
  { deadLetter, dryRun }: { readonly deadLetter: boolean; readonly dryRun: boolean },
): Promise<EventCounts> {
  try {
    return await context.books.transaction(context.tenant, async (tx) => {
      const counts = await new EventImport(context, tx, source, deadLetter).run()
      if (dryRun) throw new RolledBack(counts)
      return counts
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.result as EventCounts
    throw error
  }
}
