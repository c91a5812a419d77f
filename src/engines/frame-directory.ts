/**
 * Frames in a directory, bounded in bytes: those used longest ago are removed first. Several processes may use
 * it at once: a file appears whole under its name or not at all, and one that is gone, damaged or foreign is a
 * frame that is not kept. Raises nothing: whatever the file system refuses, the frame is read again.
 */

import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../base/digest.js'
import { type FrameHeader, type ReadFacts, readFrame, readHeader, writeFrame } from './frame-file.js'

const KIND = '.frame'
const DRAFT = '.draft'
/** A draft this old has nobody who writes it. */
const ABANDONED_MS = 3_600_000

export interface DirectoryUse {
  readonly directory: string
  readonly files: number
  readonly bytes: number
}

interface FoundFile {
  readonly name: string
  readonly bytes: number
  /** When it was written or last used, in milliseconds. */
  readonly used: number
}

export class FrameDirectory {
  constructor(
    private readonly directory: string,
    private readonly limit: number,
    private readonly now: () => number,
  ) {}

  /** A frame of the place whose header serves. A file that lies about itself is removed. */
  async find(place: string, serves: (header: FrameHeader) => boolean): Promise<ReadFacts | undefined> {
    const names = await readdir(this.directory).catch(() => [])
    for (const name of names) {
      if (!name.startsWith(`${placeName(place)}-`) || !name.endsWith(KIND)) continue
      const path = join(this.directory, name)
      const header = await readHeader(path)
      const known = header?.place === place
      if (known && !serves(header)) continue
      const facts = known ? await readFrame(path) : undefined
      if (facts !== undefined) {
        const used = new Date(this.now())
        await utimes(path, used, used).catch(() => {})
        return facts
      }
      await rm(path, { force: true }).catch(() => {})
    }
    return undefined
  }

  async keep(place: string, columns: string, facts: ReadFacts): Promise<void> {
    const name = `${placeName(place)}-${shortened(columns)}`
    const draft = join(this.directory, `${name}.${randomUUID()}${DRAFT}`)
    try {
      await mkdir(this.directory, { recursive: true })
      await writeFrame(draft, place, facts)
      await rename(draft, join(this.directory, `${name}${KIND}`))
      await this.shrink()
    } catch {
      await rm(draft, { force: true }).catch(() => {})
    }
  }

  async use(): Promise<DirectoryUse> {
    const files = (await this.files()).filter(({ name }) => name.endsWith(KIND))
    const { directory } = this
    return { directory, files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  private async shrink(): Promise<void> {
    const files = await this.files()
    const remove = (name: string): Promise<void> =>
      rm(join(this.directory, name), { force: true }).catch(() => {})
    for (const { name, used } of files)
      if (name.endsWith(DRAFT) && used < this.now() - ABANDONED_MS) await remove(name)
    const kept = files.filter(({ name }) => name.endsWith(KIND)).sort((a, b) => a.used - b.used)
    let bytes = kept.reduce((sum, file) => sum + file.bytes, 0)
    for (const file of kept) {
      if (bytes <= this.limit) return
      await remove(file.name)
      bytes -= file.bytes
    }
  }

  private async files(): Promise<FoundFile[]> {
    const names = await readdir(this.directory).catch(() => [])
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith(KIND) || name.endsWith(DRAFT))
        .map(async (name): Promise<FoundFile[]> => {
          const file = await stat(join(this.directory, name)).catch(() => undefined)
          return file === undefined ? [] : [{ name, bytes: file.size, used: file.mtimeMs }]
        }),
    )
    return found.flat()
  }
}

const placeName = (place: string): string => shortened(digestOf(place))

const shortened = (digest: string): string => digest.replace('sha256:', '').slice(0, 32)
