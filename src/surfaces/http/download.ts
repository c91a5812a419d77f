/**
 * A file that a client gets: the operation writes it into a directory of its own, it is streamed from there, and the
 * directory goes with the stream, however that ends. Raises what the operation raises, TIE-1609 (a kind of file that the
 * client does not take).
 */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished, Readable } from 'node:stream'
import { refuse } from '../../base/errors.js'
import type { Context, Download } from '../../books/operation.js'
import type { Exchange } from './exchange.js'
import { formOf } from './file-form.js'
import { accepts, hasAlready } from './negotiation.js'
import type { Route } from './routes.js'

export async function downloaded(
  c: Exchange,
  context: Context,
  { operation }: Route,
  download: Download,
  input: object,
): Promise<Response> {
  const { mediaType, extension } = formOf(download, input)
  if (!accepts(c.req.header('accept'), mediaType)) refuse('TIE-1609', { type: mediaType })
  const directory = await mkdtemp(join(tmpdir(), 'tieout-download-'))
  const discard = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const file = join(directory, 'download')
    const output = operation.output.parse(
      await operation.run(context, { ...input, [download.input]: file } as never),
    ) as Readonly<Record<string, unknown>>
    const etag = `"${output[download.tag]}"`
    c.header('ETag', etag)
    if (hasAlready(c.req.header('if-none-match'), etag)) {
      await discard()
      return c.body(null, 304)
    }
    const { size } = await stat(file)
    const stream = createReadStream(file)
    finished(stream, () => void discard())
    c.header('Content-Type', mediaType.startsWith('text/') ? `${mediaType}; charset=utf-8` : mediaType)
    c.header('Content-Length', String(size))
    c.header('Content-Disposition', `attachment; filename="${filledIn(download.name, output)}${extension}"`)
    return c.body(Readable.toWeb(stream) as ReadableStream, 200)
  } catch (error) {
    await discard()
    throw error
  }
}

const filledIn = (template: string, output: Readonly<Record<string, unknown>>): string =>
  template.replace(/\{(\w+)\}/g, (_, member: string) => String(output[member]))
