/** Bundles in tests: opened, changed, sealed again as a forger would, and given to the offline program. */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { inflateRawSync } from 'node:zlib'
import { ZipFile } from 'yazl'
import { digestOf } from '#tieout/base/digest'
import { REPOSITORY } from './cli.js'

export const VERIFIER = join(REPOSITORY, 'offline', 'verify-bundle.mjs')

/** The offline program, as an auditor runs it. */
export const verifyBundle = (file: string, ...more: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [VERIFIER, file, ...more], { encoding: 'utf8' })

/** Texts by name, in the order of the archive. */
export type Contents = ReadonlyMap<string, string>

export function openBundle(file: string): Contents {
  const zip = readFileSync(file)
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  const contents = new Map<string, string>()
  let at = zip.readUInt32LE(end + 16)
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    const [size, name, extra] = [
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
    ]
    const local = zip.readUInt32LE(at + 42)
    const data = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const text = inflateRawSync(zip.subarray(data, data + size)).toString('utf8')
    contents.set(zip.toString('utf8', at + 46, at + 46 + name), text)
    at += 46 + name + extra
  }
  return contents
}

export async function writeContents(file: string, contents: Contents): Promise<string> {
  const zip = new ZipFile()
  for (const [name, text] of contents) zip.addBuffer(Buffer.from(text, 'utf8'), name)
  zip.end()
  writeFileSync(file, await buffer(zip.outputStream))
  return file
}

export const changed = (contents: Contents, name: string, change: (text: string) => string): Contents =>
  new Map([...contents].map(([file, text]) => [file, file === name ? change(text) : text]))

/** The manifest made anew over whatever the files are: what a forger does who knows the format. */
export function sealedAgain(contents: Contents): Contents {
  return changed(contents, 'manifest.json', (text) => {
    const { seal: _, ...manifest } = JSON.parse(text)
    const files = manifest.files.map(({ name }: { name: string }) => {
      const bytes = Buffer.from(contents.get(name)!, 'utf8')
      return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    })
    return JSON.stringify({ ...manifest, files, seal: digestOf({ ...manifest, files }) })
  })
}

export const sealOf = (contents: Contents): string => JSON.parse(contents.get('manifest.json')!).seal

/** The text with the digit at `at` another one. */
export const otherDigit = (text: string, at: number): string =>
  `${text.slice(0, at)}${(Number(text[at]) + 1) % 10}${text.slice(at + 1)}`

/** Where the digits are. */
export const digitsIn = (text: string): number[] => [...text.matchAll(/\d/g)].map(({ index }) => index)
