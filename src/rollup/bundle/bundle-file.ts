/**
 * Writes a bundle: one ZIP, as a stream, whole or not at all. It grows under another name beside its place and
 * takes its own name once it is complete and on the disk. Entries have no time of their own, so the same contents
 * give the same bytes.
 *
 * Raises TIE-2801 (there is a file already), TIE-2802 (cannot be written).
 */

import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { problem, Refusal, refuse } from '../../base/errors.js'
import type { BundledFile } from './manifest.js'

/** A file of the bundle: its text, or its texts one after another. */
export interface Part {
  readonly name: string
  readonly content: string | AsyncIterable<string>
}

export interface BundlePlace {
  readonly file: string
  readonly existing: 'refuse' | 'replace'
  /** Tells this writing apart from others. */
  readonly token: string
}

export interface WrittenBundle {
  readonly bytes: number
  readonly files: readonly BundledFile[]
}

/** Before the work is done: raises TIE-2801. */
export function refuseExisting({ file, existing }: BundlePlace): void {
  if (existing === 'refuse' && existsSync(file)) refuse('TIE-2801', { file })
}

/** Makes the last part from what the others were; it may still refuse, and then there is no file. */
export type LastPart = (files: readonly BundledFile[]) => Promise<Part & { readonly content: string }>

/** Writes the parts in their order, then the last one. */
export async function writeBundle(
  place: BundlePlace,
  parts: readonly Part[],
  last: LastPart,
): Promise<WrittenBundle> {
  refuseExisting(place)
  const draft = join(dirname(place.file), `.${basename(place.file)}.${place.token}.part`)
  const handle = await attempt(place, () => open(draft, 'wx'))
  try {
    const written = await writeZip(place, handle, parts, last)
    refuseExisting(place)
    await attempt(place, () => rename(draft, place.file))
    return written
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function writeZip(
  place: BundlePlace,
  handle: FileHandle,
  parts: readonly Part[],
  last: LastPart,
): Promise<WrittenBundle> {
  const { ZipFile } = await import('yazl')
  const zip = new ZipFile()
  const output = handle.createWriteStream({ flush: true })
  const writing = pipeline(zip.outputStream, output)
  // Told where it is awaited; until then it must not pass for unhandled.
  writing.catch(() => {})
  try {
    const files: BundledFile[] = []
    for (const { name, content } of parts) {
      const counted = new CountedText(typeof content === 'string' ? [content] : content)
      await readThrough(Readable.from(counted.chunks()), writing, (stream) =>
        zip.addReadStream(stream, name, ENTRY),
      )
      files.push({ name, ...counted.digest() })
    }
    const { name, content } = await last(files)
    zip.addBuffer(Buffer.from(content, 'utf8'), name, ENTRY)
    zip.end()
    await attempt(place, () => writing)
    return { bytes: output.bytesWritten, files }
  } catch (error) {
    ;(zip.outputStream as Readable).destroy()
    await writing.catch(() => {})
    throw unwritable(place, error)
  } finally {
    await handle.close().catch(() => {})
  }
}

/** Until the stream has been read, or the disk takes no more; then nothing reads from its source any longer. */
async function readThrough(
  stream: Readable,
  writing: Promise<void>,
  begin: (stream: Readable) => void,
): Promise<void> {
  const closed = once(stream, 'close')
  closed.catch(() => {})
  const read = finished(stream)
  read.catch(() => {})
  begin(stream)
  try {
    await Promise.race([read, writing])
  } finally {
    stream.destroy()
    await closed.catch(() => {})
  }
}

/** The earliest day a ZIP can say, read by the same clock everywhere: it has no time zone. */
const ENTRY = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true } as const

/** Bytes a chunk: of one size, so that they are compressed alike. */
const CHUNK = 1 << 16

/** Texts as bytes, measured on their way. */
class CountedText {
  private readonly hash: Hash = createHash('sha256')
  private bytes = 0

  constructor(private readonly texts: Iterable<string> | AsyncIterable<string>) {}

  async *chunks(): AsyncGenerator<Buffer> {
    let held: Buffer[] = []
    let size = 0
    for await (const text of this.texts) {
      const bytes = Buffer.from(text, 'utf8')
      this.hash.update(bytes)
      this.bytes += bytes.length
      held.push(bytes)
      size += bytes.length
      if (size < CHUNK) continue
      const all = Buffer.concat(held)
      let at = 0
      for (; all.length - at >= CHUNK; at += CHUNK) yield all.subarray(at, at + CHUNK)
      held = [all.subarray(at)]
      size = all.length - at
    }
    if (size > 0) yield Buffer.concat(held)
  }

  digest(): { readonly bytes: number; readonly sha256: string } {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') }
  }
}

async function attempt<T>(place: BundlePlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw unwritable(place, error)
  }
}

/** What the file system says against the file is a refusal; anything else is what it was. */
function unwritable({ file }: BundlePlace, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (error instanceof Refusal || code === undefined || syscall === undefined) return error
  return new Refusal([problem('TIE-2802', { file, detail: message })], { cause: error })
}
