/**
 * Frames kept by what they were read from, so that the same facts are read once: in memory and, when there are
 * many, in a directory that other processes may use at the same time. A frame with more columns than are asked
 * for serves too; its digest is then taken again over the columns asked for.
 *
 * What a frame was read from is the identity of its source with the request. For a table of the books that
 * makes its content exact, since facts are only ever added and the request says up to which. For a file it is
 * as good as its name, size, times and inode: enough for a cache, as a file that was changed and looks the same
 * to the last nanosecond is not to be met by accident; whoever must be sure, as `runs verify` must, reads the
 * file again and asks for no kept frame.
 *
 * A directory that cannot be read or written costs time and nothing else. Raises nothing of its own.
 */

import { isDeepStrictEqual } from 'node:util'
import { digestOf } from '../base/digest.js'
import { compareText } from '../base/text.js'
import { digestOfFacts } from './facts-digest.js'
import { amountIndex, codedIndex, type Frame, frameBytes } from './frame.js'
import { type DirectoryUse, FrameDirectory } from './frame-directory.js'
import type { FrameHeader, ReadFacts } from './frame-file.js'
import type { FactSource, FrameRequest } from './source.js'

declare module '../books/operation.js' {
  interface Context {
    /** Frames of earlier reads; undefined: every read is a new one. */
    readonly frames?: KeptFrames | undefined
  }
}

/** Where a frame came from. */
export type FrameOrigin = 'memory' | 'disk' | 'read'

export interface FoundFacts extends ReadFacts {
  readonly from: FrameOrigin
}

export interface KeptFramesOptions {
  /** At most so many bytes in memory. */
  readonly memoryBytes: number
  /** Where frames are kept on disk; null: nowhere. */
  readonly directory: string | null
  readonly diskBytes: number
  /** Fewer facts are read again sooner than they are worth a file; 100,000 by default. */
  readonly leastOnDisk?: number
  /** Milliseconds since 1970, for telling which file was used last. */
  readonly now: () => number
}

type Columns = Pick<FrameRequest, 'coded' | 'amounts' | 'rows' | 'others'>

export class KeptFrames {
  private readonly memory: MemoryShelf
  private readonly disk: FrameDirectory | undefined
  private readonly leastOnDisk: number
  private readonly writing = new Set<Promise<void>>()

  constructor({ memoryBytes, directory, diskBytes, leastOnDisk = 100_000, now }: KeptFramesOptions) {
    this.leastOnDisk = leastOnDisk
    this.memory = new MemoryShelf(memoryBytes)
    this.disk = directory === null ? undefined : new FrameDirectory(directory, diskBytes, now)
  }

  async find(place: string, columns: Columns): Promise<FoundFacts | undefined> {
    const inMemory = this.memory.find(place, columns)
    if (inMemory !== undefined) return { ...inMemory, from: 'memory' }
    const onDisk = await this.disk?.find(place, (header) => servesHeader(header, columns))
    if (onDisk === undefined) return undefined
    this.memory.keep(place, onDisk)
    return { ...onDisk, frame: partOf(onDisk.frame, columns), from: 'disk' }
  }

  /** Writing goes on behind the calculation; `settle` waits for it. */
  keep(place: string, facts: ReadFacts): void {
    this.memory.keep(place, facts)
    if (this.disk === undefined || facts.frame.facts < this.leastOnDisk) return
    const written = this.disk.keep(place, columnsName(facts.frame), facts).finally(() => {
      this.writing.delete(written)
    })
    this.writing.add(written)
  }

  /** The directory with what is in it; undefined where frames are kept in memory alone. */
  async onDisk(): Promise<DirectoryUse | undefined> {
    return this.disk?.use()
  }

  async settle(): Promise<void> {
    await Promise.all(this.writing)
  }
}

/** The facts from a kept frame, or read from the source and kept. */
export async function readKept(
  frames: KeptFrames | undefined,
  source: FactSource,
  request: FrameRequest,
): Promise<FoundFacts> {
  const place = frames === undefined ? null : await placeOf(source, request)
  const kept = place === null ? undefined : await frames!.find(place, request)
  if (kept !== undefined) return kept
  const frame = await source.read(request)
  let unselectable = 0
  for (const { column } of request.where) unselectable += await source.countNulls(column, request.through)
  const facts = { frame, unselectable }
  // A source that changed while it was read has another place now.
  if (place !== null && (await placeOf(source, request)) === place) frames!.keep(place, facts)
  return { ...facts, from: 'read' }
}

/** What stands for the content of all columns of the request; null: the source cannot say. */
async function placeOf(source: FactSource, { where, through }: FrameRequest): Promise<string | null> {
  const identity = await source.identity()
  if (identity === null) return null
  return JSON.stringify([
    identity,
    where.map(({ column, equals }) => [column, equals]),
    through === null ? null : through.toString(),
  ])
}

/** Frames in memory, those used longest ago given up first. */
class MemoryShelf {
  /** The one used last at the end. */
  private readonly shelf: { readonly place: string; readonly facts: ReadFacts }[] = []
  private bytes = 0

  constructor(private readonly limit: number) {}

  find(place: string, columns: Columns): ReadFacts | undefined {
    const serving = this.shelf.filter((kept) => kept.place === place && serves(kept.facts.frame, columns))
    // One that has no other columns needs no new digest.
    const found = serving.find(({ facts: { frame } }) => hasOnly(frame, columns)) ?? serving[0]
    if (found === undefined) return undefined
    this.shelf.splice(this.shelf.indexOf(found), 1)
    this.shelf.push(found)
    return { ...found.facts, frame: partOf(found.facts.frame, columns) }
  }

  keep(place: string, facts: ReadFacts): void {
    this.shelf.push({ place, facts })
    this.bytes += frameBytes(facts.frame)
    while (this.bytes > this.limit) this.bytes -= frameBytes(this.shelf.shift()!.facts.frame)
  }
}

const counted = ({ blocks }: Frame): boolean => blocks.some(({ counts }) => counts !== null)

const serves = (frame: Frame, columns: Columns): boolean =>
  servesHeader({ coded: frame.coded, amounts: frame.amounts, counted: counted(frame) }, columns)

function servesHeader(
  { coded, amounts, counted: tuples }: Pick<FrameHeader, 'coded' | 'amounts' | 'counted'>,
  { coded: codes, amounts: sums, rows = 'either' }: Columns,
): boolean {
  if (rows === 'facts' ? tuples : rows === 'tuples' && !tuples) return false
  return (
    codes.every((name) => coded.some((column) => column.name === name)) &&
    sums.every((name) => amounts.some((column) => column.name === name))
  )
}

/** Whether the frame has the columns asked for, in their order, and no others. */
const hasOnly = ({ coded, amounts }: Frame, columns: Columns): boolean =>
  isDeepStrictEqual(
    [coded.map(({ name }) => name), amounts.map(({ name }) => name)],
    [columns.coded, columns.amounts],
  )

/** The frame with the columns asked for; the very frame when they are all it has, or its others may stay. */
export function partOf(frame: Frame, columns: Columns): Frame {
  if (columns.others === 'stay' || hasOnly(frame, columns)) return frame
  const codedAt = columns.coded.map((name) => codedIndex(frame, name))
  const amountsAt = columns.amounts.map((name) => amountIndex(frame, name))
  const coded = codedAt.map((column) => frame.coded[column]!)
  const amounts = amountsAt.map((column) => frame.amounts[column]!)
  const blocks = frame.blocks.map((block) => ({
    ...block,
    codes: codedAt.map((column) => block.codes[column]!),
    amounts: amountsAt.map((column) => block.amounts[column]!),
  }))
  return { ...frame, coded, amounts, blocks, digest: digestOfFacts(coded, amounts, blocks) }
}

/** Part of the name of a file: frames of one place and other columns are other files. */
function columnsName(frame: Frame): string {
  const names = (columns: readonly { readonly name: string }[]): string[] =>
    columns.map(({ name }) => name).sort(compareText)
  return digestOf([names(frame.coded), names(frame.amounts), counted(frame)])
}
