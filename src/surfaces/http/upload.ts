/**
 * A file that a client sends: streamed to a directory of its own, digested on the way, removed afterwards. The
 * client's name for it is kept for messages and records, without any path; where it lies is never told.
 * Raises TIE-1602 (too large), TIE-1610 (a media type the route does not take).
 */

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { refuse } from '../../base/errors.js'
import { limited } from './json-body.js'
import type { Upload } from './routes.js'

export interface Received {
  readonly file: string
  /** SHA-256 of the bytes. */
  readonly digest: string
  /** The text without the place of the file. */
  hidePlace(text: string): string
  discard(): Promise<void>
}

export async function receiveUpload(
  { mediaTypes, limit }: Upload,
  headers: Headers,
  chunks: AsyncIterable<Uint8Array>,
  maxUpload: number,
): Promise<Received> {
  const extension = mediaTypes[mediaTypeOf(headers)]
  if (extension === undefined || !isPlain(headers)) {
    const type = headers.get('content-encoding') ?? headers.get('content-type') ?? ''
    refuse('TIE-1610', { type: type.slice(0, 100), known: Object.keys(mediaTypes).join(', ') })
  }
  const directory = await mkdtemp(join(tmpdir(), 'tieout-upload-'))
  const discard = (): Promise<void> => rm(directory, { recursive: true, force: true })
  const file = join(directory, fileName(headers.get('content-disposition'), extension))
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    await pipeline(Readable.from(limited(chunks, limit ?? maxUpload)), hashing, createWriteStream(file))
  } catch (error) {
    await discard()
    throw error
  }
  const place = JSON.stringify(`${directory}${sep}`).slice(1, -1)
  return { file, digest: hash.digest('hex'), hidePlace: (text) => text.replaceAll(place, ''), discard }
}

export const mediaTypeOf = (headers: Headers): string =>
  (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()

/** Text is UTF-8 and nothing is compressed: what else a header says is refused, not guessed at. */
export function isPlain(headers: Headers): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";]*)/i.exec(headers.get('content-type') ?? '')?.[1]
  return (
    headers.get('content-encoding') === null &&
    (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset.trim()))
  )
}

/** `attachment; filename="facts.csv"`: the name alone, with the extension of its media type. */
export function fileName(disposition: string | null, extension: string): string {
  const given = /;\s*filename\s*=\s*(?:"([^"]*)"|([^;\s]*))/i.exec(disposition ?? '')
  const name = (given?.[1] ?? given?.[2] ?? '').replace(/\.\w+$/, '')
  return `${/^[\p{L}\p{N} ()_-][\p{L}\p{N} ()._-]{0,99}$/u.test(name) ? name : 'upload'}${extension}`
}
