/** Frames that are kept: what comes back is what was read, and what cannot be trusted does not come back. */

import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openDuckSource } from '#tieout/engines/duckdb-source'
import { BLOCK_ROWS, type Frame } from '#tieout/engines/frame'
import { FrameDirectory } from '#tieout/engines/frame-directory'
import { KeptFrames, partOf, readKept } from '#tieout/engines/kept-frames'
import type { FactSource, FrameRequest } from '#tieout/engines/source'
import { testFiles } from '../support/files.js'
import { codedRows, frameOf, grouped, rowsOf, type TextRow, text, withRows } from '../support/frames.js'

const files = testFiles()
afterAll(() => files.remove())

const FRAMES = files.path('frames')
beforeEach(() => rmSync(FRAMES, { recursive: true, force: true }))

/** A clock that goes on by a second at every look. */
function clock(): () => number {
  let now = Date.UTC(2025, 11, 24)
  return () => {
    now += 1000
    return now
  }
}

const CODED = [text('book'), { name: 'size', type: 'numeric' } as const]
const frameWith = (rows: readonly TextRow[]): Frame => frameOf(rows, CODED, ['daily', 'mtd'])
const ROWS: TextRow[] = [
  { book: 'B1', size: '1.5', daily: '1.50', mtd: '2' },
  { book: 'Zürich 🦄', size: null, daily: '-3.25', mtd: null },
  { book: null, size: '2', daily: null, mtd: '7' },
]

describe('a frame in a directory', () => {
  const directory = (limit = 2 ** 40) => new FrameDirectory(FRAMES, limit, clock())
  const any = () => true
  const onlyFile = (): string => join(FRAMES, readdirSync(FRAMES)[0]!)

  test('comes back as it was: tuples, bigint, text of any kind', async () => {
    const row = fc.record({
      book: fc.oneof(fc.constantFrom('B1', 'B2', null), fc.string({ unit: 'grapheme', maxLength: 20 })),
      size: fc.constantFrom('1', '1.50', null),
      daily: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
      mtd: fc.integer().map((n) => (n / 4).toFixed(2)),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), fc.boolean(), async (rows, tuples) => {
        const facts = frameWith(rows)
        const range = facts.amounts.some((amount) => amount.range === 'big') ? 'big' : 'exact'
        const frame = tuples ? withRows(facts, grouped(codedRows(facts)), range) : facts
        await directory().keep('place', 'columns', { frame, unselectable: rows.length })
        const found = await directory().find('place', any)
        expect(found!.unselectable).toBe(rows.length)
        expect(codedRows(found!.frame)).toEqual(codedRows(frame))
        const { blocks: _, ...rest } = found!.frame
        const { blocks: __, ...expected } = frame
        expect(rest).toEqual(expected)
      }),
      { numRuns: 30 },
    )
  })

  test('of more than one block', async () => {
    const rows = Array.from({ length: BLOCK_ROWS + 5 }, (_, i) => ({
      book: `B${i % 9}`,
      size: '1',
      daily: `${i}`,
      mtd: '0',
    }))
    const frame = frameWith(rows)
    await directory().keep('place', 'columns', { frame, unselectable: 0 })
    expect(rowsOf((await directory().find('place', any))!.frame)).toEqual(rowsOf(frame))
  })

  test('is not found under another place, nor when it does not serve', async () => {
    await directory().keep('place', 'columns', { frame: frameWith(ROWS), unselectable: 0 })
    expect(await directory().find('elsewhere', any)).toBeUndefined()
    expect(await directory().find('place', () => false)).toBeUndefined()
    expect(readdirSync(FRAMES)).toHaveLength(1)
  })

  test('cut short at any byte, or with any byte changed, it is no frame, and its file is removed', async () => {
    await directory().keep('place', 'columns', { frame: frameWith(ROWS), unselectable: 0 })
    const path = onlyFile()
    const whole = readFileSync(path)
    // Three codes of four bytes are filled up to whole doubles; those bytes are nobody's. They are the last but the
    // two columns of amounts, 3 × 8 bytes each, and before that 12 + 4 bytes twice.
    const from = whole.length - 2 * 24 - 32
    const nobodys = (at: number): boolean =>
      (at >= from + 12 && at < from + 16) || (at >= from + 28 && at < from + 32)
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole)
      damaged[at] = damaged[at]! ^ 0x41
      const cut = at % 50 === 0 ? [whole.subarray(0, at)] : []
      for (const bytes of [...cut, ...(nobodys(at) ? [] : [damaged])]) {
        writeFileSync(path, bytes)
        const found = await directory().find('place', any)
        expect([at, bytes.length, found]).toEqual([at, bytes.length, undefined])
        expect(existsSync(path)).toBe(false)
      }
    }
  })

  test('a file of somebody else under its name is removed, one under another name is left', async () => {
    await directory().keep('place', 'columns', { frame: frameWith(ROWS), unselectable: 0 })
    const path = onlyFile()
    writeFileSync(path, 'not a frame')
    const other = join(FRAMES, 'notes.txt')
    writeFileSync(other, 'mine')
    expect(await directory().find('place', any)).toBeUndefined()
    expect(readdirSync(FRAMES)).toEqual(['notes.txt'])
  })

  test('those used longest ago are removed when there is no room', async () => {
    const facts = { frame: frameWith(ROWS), unselectable: 0 }
    const roomy = directory()
    await roomy.keep('size', 'columns', facts)
    const { bytes } = await roomy.use()
    rmSync(FRAMES, { recursive: true })
    // Room for two of them; the names of the places are of one length.
    const tight = directory(bytes * 2 + 1)
    const used = (place: string, second: number) => {
      for (const name of readdirSync(FRAMES)) {
        const path = join(FRAMES, name)
        if (readFileSync(path).includes(`"place":"${place}"`)) utimesSync(path, second, second)
      }
    }
    await tight.keep('aaaa', 'columns', facts)
    used('aaaa', 1000)
    await tight.keep('bbbb', 'columns', facts)
    used('bbbb', 2000)
    expect(await tight.find('aaaa', any)).toBeDefined() // used again, by a clock of 2025
    await tight.keep('cccc', 'columns', facts)
    expect(await tight.find('bbbb', any)).toBeUndefined()
    expect(await tight.find('aaaa', any)).toBeDefined()
    expect(await tight.use()).toMatchObject({ files: 2, bytes: bytes * 2 })
  })

  test('two at once write and read one place', async () => {
    const [one, two] = [directory(), directory()]
    const facts = { frame: frameWith(ROWS), unselectable: 0 }
    const all = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two))
    await Promise.all(all.map((each) => each.keep('place', 'columns', facts)))
    const found = await Promise.all(all.map((each) => each.find('place', any)))
    expect(found.every((each) => each?.frame.digest === facts.frame.digest)).toBe(true)
    expect(readdirSync(FRAMES)).toHaveLength(1)
  })

  test('a directory that cannot be made keeps nothing and hurts nobody', async () => {
    const path = files.write('a-file', '')
    const blocked = new FrameDirectory(join(path, 'frames'), 2 ** 40, clock())
    await blocked.keep('place', 'columns', { frame: frameWith(ROWS), unselectable: 0 })
    expect(await blocked.find('place', any)).toBeUndefined()
    expect(await blocked.use()).toMatchObject({ files: 0, bytes: 0 })
  })
})

/** A CSV file as a source that counts its reads. */
async function counting<T>(
  path: string,
  work: (source: FactSource, reads: () => number) => Promise<T>,
): Promise<T> {
  const source = await openDuckSource({ path })
  let reads = 0
  const read = (request: FrameRequest): Promise<Frame> => {
    reads += 1
    return source.read(request)
  }
  try {
    return await work({ ...source, read }, () => reads)
  } finally {
    source.close()
  }
}

const kept = (more: object = {}) =>
  new KeptFrames({
    memoryBytes: 1e9,
    directory: FRAMES,
    diskBytes: 1e9,
    leastOnDisk: 0,
    now: clock(),
    ...more,
  })

const ALL: FrameRequest = {
  coded: ['book', 'day', 'strategy'],
  amounts: ['daily', 'mtd'],
  where: [{ column: 'day', equals: '2025-12-24' }],
  through: null,
}

const csv = (daily = '1.50') =>
  files.write(
    'facts.csv',
    `book,day,strategy,daily,mtd\nB1,2025-12-24,S1,${daily},2\nB1,2025-12-24,S2,2.25,3\nB2,2025-12-24,S1,-1,4\nB2,,S1,9,9\n`,
  )

describe('readKept', () => {
  test('reads once, then finds in memory, and in another process on disk', async () => {
    await counting(csv(), async (source, reads) => {
      const frames = kept()
      const first = await readKept(frames, source, ALL)
      const second = await readKept(frames, source, ALL)
      await frames.settle()
      const third = await readKept(kept(), source, ALL)
      expect([first, second, third].map(({ from }) => from)).toEqual(['read', 'memory', 'disk'])
      expect(new Set([first, second, third].map(({ frame }) => frame.digest)).size).toBe(1)
      // The row without a day
      expect([first, second, third].map(({ unselectable }) => unselectable)).toEqual([1, 1, 1])
      expect(reads()).toBe(1)
    })
  })

  test.each<[string, Partial<FrameRequest>]>([
    ['fewer columns', { coded: ['book'], amounts: ['mtd'] }],
    ['columns in another order', { coded: ['strategy', 'day', 'book'], amounts: ['mtd', 'daily'] }],
    ['no columns', { coded: [], amounts: [] }],
  ])('a frame with more serves %s, with the digest of a read', async (_, part) => {
    await counting(csv(), async (source, reads) => {
      const frames = kept()
      await readKept(frames, source, ALL)
      await frames.settle()
      const [memory, disk] = [
        await readKept(frames, source, { ...ALL, ...part }),
        await readKept(kept(), source, { ...ALL, ...part }),
      ]
      expect([memory.from, disk.from, reads()]).toEqual(['memory', 'disk', 1])
      const read = await source.read({ ...ALL, ...part })
      for (const { frame } of [memory, disk]) {
        expect(frame.digest).toBe(read.digest)
        expect(rowsOf(frame).map(String).sort()).toEqual(rowsOf(read).map(String).sort())
      }
    })
  })

  test.each<[string, Partial<FrameRequest>]>([
    ['another column', { coded: ['book', 'day', 'strategy', 'mtd'] }],
    ['another day', { where: [{ column: 'day', equals: '2025-12-23' }] }],
    ['all days', { where: [] }],
    ['another horizon', { through: 3n }],
  ])('%s is another frame', async (_, part) => {
    await counting(csv(), async (source, reads) => {
      const frames = kept()
      await readKept(frames, source, ALL)
      expect((await readKept(frames, source, { ...ALL, ...part })).from).toBe('read')
      expect(reads()).toBe(2)
    })
  })

  test('whoever wants single facts gets no tuples', async () => {
    await counting(csv(), async (source) => {
      const frames = kept()
      const by = { ...ALL, coded: ['book'] }
      expect((await readKept(frames, source, { ...by, rows: 'tuples' })).frame.rows).toBe(2)
      expect((await readKept(frames, source, { ...by, rows: 'either' })).from).toBe('memory')
      const single = await readKept(frames, source, { ...by, rows: 'facts' })
      expect([single.from, single.frame.rows]).toEqual(['read', 3])
      expect((await readKept(frames, source, { ...by, rows: 'facts' })).from).toBe('memory')
    })
  })

  test('a file that was written again is another source, also when it is as long', async () => {
    const frames = kept()
    const first = await counting(csv(), (source) => readKept(frames, source, ALL))
    const again = await counting(csv('1.51'), (source) => readKept(frames, source, ALL))
    expect([first.from, again.from]).toEqual(['read', 'read'])
    expect(again.frame.digest).not.toBe(first.frame.digest)
  })

  test('what is read while it changes is not kept', async () => {
    const path = csv()
    await counting(path, async (source) => {
      const frames = kept()
      const read = async (request: FrameRequest): Promise<Frame> => {
        const frame = await source.read(request)
        utimesSync(path, 1, 1)
        return frame
      }
      await readKept(frames, { ...source, read }, ALL)
      expect((await readKept(frames, source, ALL)).from).toBe('read')
      await frames.settle()
    })
  })

  test('few facts are kept in memory only, and without a directory all are', async () => {
    await counting(csv(), async (source) => {
      for (const more of [{ leastOnDisk: 100_000 }, { directory: null }]) {
        const frames = kept(more)
        await readKept(frames, source, ALL)
        expect((await readKept(frames, source, ALL)).from).toBe('memory')
        await frames.settle()
        expect(existsSync(FRAMES)).toBe(false)
      }
    })
  })

  test('memory is bounded: what was used longest ago goes', async () => {
    await counting(csv(), async (source) => {
      // Three rows of three codes and two amounts, 28 bytes each, and dictionaries: some 200 bytes a frame.
      const frames = kept({ memoryBytes: 500, directory: null })
      const day = (equals: string): FrameRequest => ({ ...ALL, where: [{ column: 'day', equals }] })
      const from = async (equals: string) => (await readKept(frames, source, day(equals))).from
      expect(await from('2025-12-24')).toBe('read')
      expect(await from('2025-12-24')).toBe('memory')
      for (let i = 1; i <= 12; i++) await from(`2024-01-${String(i).padStart(2, '0')}`)
      expect(await from('2025-12-24')).toBe('read')
      const none = kept({ memoryBytes: 0, directory: null })
      await readKept(none, source, ALL)
      expect((await readKept(none, source, ALL)).from).toBe('read')
    })
  })

  test('without kept frames every read is one', async () => {
    await counting(csv(), async (source, reads) => {
      for (let i = 0; i < 2; i++) expect((await readKept(undefined, source, ALL)).from).toBe('read')
      expect(reads()).toBe(2)
    })
  })
})

test('part of a frame is that frame when it has no more', () => {
  const frame = frameWith(ROWS)
  expect(partOf(frame, { coded: ['book', 'size'], amounts: ['daily', 'mtd'] })).toBe(frame)
})
