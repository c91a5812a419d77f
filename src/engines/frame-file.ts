/**
 * A frame as a file: a line that says what it is, a header in JSON, then for each block the columns as they are
 * in memory, so that loading is a few large reads and no parsing. Amounts beyond the exact range are text. A
 * file is taken for a frame only when its sizes and digests fit: of the header, of the dictionaries, of the
 * facts. What does not is no frame. Raises nothing of its own but the errors of the file system.
 */

import { type FileHandle, open } from 'node:fs/promises'
import { type Digest, digestOfBytes } from '../base/digest.js'
import { digestOfFacts } from './facts-digest.js'
import type { AmountColumn, Block, CodedColumn, Frame, Units } from './frame.js'
import type { FactColumn } from './source.js'

/** A frame with how many facts no request for it can select (see kept-frames.ts). */
export interface ReadFacts {
  readonly frame: Frame
  readonly unselectable: number
}

export interface FrameHeader {
  /** What the frame was read from and how, in the words of kept-frames.ts. */
  readonly place: string
  readonly coded: readonly FactColumn[]
  readonly amounts: readonly AmountColumn[]
  readonly counted: boolean
  readonly rows: number
  readonly facts: number
  readonly unselectable: number
  readonly digest: Digest
  /** Each dictionary, in JSON. */
  readonly dictionaries: readonly { readonly bytes: number; readonly digest: Digest }[]
  /** Rows of each block, and bytes of each of its columns: counts, codes, amounts. */
  readonly blocks: readonly { readonly rows: number; readonly columns: readonly number[] }[]
}

/** Raw numbers are those of a little-endian machine; others do not recognize the file. */
const MAGIC = `tieout frame 1 ${new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'le' : 'be'}\n`
/** The line, the digest of the header, the length of the header. */
const START = MAGIC.length + 'sha256:'.length + 64 + 1 + 4
/** Columns begin at whole doubles. */
const ALIGNMENT = 8
const MAX_HEADER = 64 * 1024 * 1024

/** Writes the file, which must not be there yet. */
export async function writeFrame(path: string, place: string, facts: ReadFacts): Promise<void> {
  const { frame, unselectable } = facts
  const dictionaries = frame.coded.map(({ dictionary }) => Buffer.from(JSON.stringify(dictionary), 'utf8'))
  const blocks = frame.blocks.map(columnsOf)
  const header: FrameHeader = {
    place,
    coded: frame.coded.map(({ name, type }) => ({ name, type })),
    amounts: frame.amounts,
    counted: frame.blocks.some(({ counts }) => counts !== null),
    rows: frame.rows,
    facts: frame.facts,
    unselectable,
    digest: frame.digest,
    dictionaries: dictionaries.map((bytes) => ({ bytes: bytes.length, digest: digestOfBytes(bytes) })),
    blocks: blocks.map((columns, i) => ({
      rows: frame.blocks[i]!.rows,
      columns: columns.map(({ length }) => length),
    })),
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8')
  const start = Buffer.from(`${MAGIC}${digestOfBytes(text)}\n0000`, 'latin1')
  start.writeUInt32LE(text.length, start.length - 4)
  const file = await open(path, 'wx')
  try {
    await writeParts(file, [start, text, ...dictionaries])
    for (const columns of blocks) await writeParts(file, columns.flatMap(padded))
  } finally {
    await file.close()
  }
}

/** The header of a file that is a frame's by its looks. */
export async function readHeader(path: string): Promise<FrameHeader | undefined> {
  return withFile(path, async (file) => (await headerOf(file))?.header)
}

/** The frame in the file; undefined when the file does not hold what it says. */
export async function readFrame(path: string): Promise<ReadFacts | undefined> {
  return withFile(path, async (file) => {
    const found = await headerOf(file)
    if (found === undefined) return undefined
    const { header } = found
    let { end: at } = found
    const coded: CodedColumn[] = []
    for (const [i, { bytes, digest }] of header.dictionaries.entries()) {
      const text = await readBytes(file, at, bytes)
      if (digestOfBytes(text) !== digest) return undefined
      coded.push({ ...header.coded[i]!, dictionary: JSON.parse(text.toString('utf8')) })
      at += bytes
    }
    const blocks: Block[] = []
    for (const { rows, columns } of header.blocks) {
      const length = columns.reduce((sum, bytes) => sum + aligned(bytes), 0)
      blocks.push(blockOf(header, rows, columns, await readBytes(file, at, length)))
      at += length
    }
    const { amounts, rows, facts, digest, unselectable } = header
    const frame: Frame = { coded, amounts, blocks, rows, facts, digest }
    // The digest is one of whole numbers: a fraction could be lost in it.
    const sound = blocks.every(holdsWholeNumbers) && digestOfFacts(coded, amounts, blocks) === digest
    return sound ? { frame, unselectable } : undefined
  })
}

function holdsWholeNumbers({ rows, counts, amounts }: Block): boolean {
  for (const units of [...(counts === null ? [] : [counts]), ...amounts]) {
    if (!(units instanceof Float64Array)) continue
    for (let row = 0; row < rows; row++) if (Math.floor(units[row]!) !== units[row]) return false
  }
  return true
}

/** Undefined also for whatever goes wrong with a file that is damaged, is no frame or is gone. */
async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    return await work(file)
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

async function headerOf(file: FileHandle): Promise<{ header: FrameHeader; end: number } | undefined> {
  const start = await readBytes(file, 0, START)
  if (start.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
  const length = start.readUInt32LE(START - 4)
  if (length > MAX_HEADER) return undefined
  const text = await readBytes(file, start.length, length)
  if (start.toString('latin1', MAGIC.length, START - 4) !== `${digestOfBytes(text)}\n`) return undefined
  const header = JSON.parse(text.toString('utf8')) as FrameHeader
  const end = start.length + length
  const { size } = await file.stat()
  return size === end + sizeOf(header) ? { header, end } : undefined
}

const sizeOf = ({ dictionaries, blocks }: FrameHeader): number =>
  dictionaries.reduce((sum, { bytes }) => sum + bytes, 0) +
  blocks.reduce((sum, { columns }) => sum + columns.reduce((part, bytes) => part + aligned(bytes), 0), 0)

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** In memory of its own, so that numbers are where numbers may be. */
async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.from(new ArrayBuffer(length))
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read)
    if (bytesRead === 0) throw new Error('the file ends too soon')
    read += bytesRead
  }
  return bytes
}

async function writeParts(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    let written = 0
    while (written < part.length)
      written += (await file.write(part, written, part.length - written)).bytesWritten
  }
}

const padded = (bytes: Uint8Array): Uint8Array[] => [
  bytes,
  new Uint8Array(aligned(bytes.length) - bytes.length),
]

function columnsOf({ rows, counts, codes, amounts }: Block): Uint8Array[] {
  return [
    ...(counts === null ? [] : [bytesOf(counts, rows)]),
    ...codes.map((column) => bytesOf(column, rows)),
    ...amounts.map((units) => unitBytes(units, rows)),
  ]
}

const bytesOf = (numbers: Float64Array | Int32Array, rows: number): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, rows * numbers.BYTES_PER_ELEMENT)

const unitBytes = (units: Units, rows: number): Uint8Array =>
  units instanceof Float64Array
    ? bytesOf(units, rows)
    : Buffer.from(units.slice(0, rows).join('\n'), 'latin1')

function blockOf(
  header: FrameHeader,
  rows: number,
  columns: readonly number[],
  bytes: Buffer<ArrayBuffer>,
): Block {
  let at = 0
  let column = 0
  const next = <T>(make: (from: number, length: number) => T): T => {
    const made = make(at, columns[column]!)
    at += aligned(columns[column]!)
    column += 1
    return made
  }
  const doubles = () => next((from) => new Float64Array(bytes.buffer, from, rows))
  const integers = () => next((from) => new Int32Array(bytes.buffer, from, rows))
  const text = () => next((from, length) => bytes.toString('latin1', from, from + length))
  return {
    rows,
    counts: header.counted ? doubles() : null,
    codes: header.coded.map(integers),
    amounts: header.amounts.map(({ range }) =>
      range === 'exact' ? doubles() : text().split('\n').map(BigInt),
    ),
  }
}
