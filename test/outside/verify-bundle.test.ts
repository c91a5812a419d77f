/**
 * The offline program against bundles as they are, and against forgers of every skill.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { resultDigest } from '#tieout/rollup/result-digest'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  type Contents,
  changed,
  digitsIn,
  openBundle,
  otherDigit,
  sealedAgain,
  sealOf,
  verifyBundle,
  writeContents,
} from '../support/bundles.js'
import { contextOf, EXAMPLES, type Folder, makeFolder, type Output, perform } from '../support/cli.js'
import { BOOK_DATE, type RandomBook, randomBook, randomNumbers } from '../support/random-book.js'

const HOLDS = { status: 0, stdout: expect.stringMatching(/\nEverything holds\.\n$/), stderr: '' }

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
  context = contextOf(db.books, await newTenant(db.books))
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

let written = 0
async function exported(using: Context, use_case: string, more: object = {}): Promise<string> {
  const run = await perform(using, 'runs create', { use_case, date: BOOK_DATE, ...more })
  const file = join(folder.path, `run-${++written}.zip`)
  await perform(using, 'export run', { run: run.run_id, file })
  return file
}

/** Checks the contents as a file of their own. */
async function verified(contents: Contents, ...more: readonly string[]) {
  return verifyBundle(await writeContents(join(folder.path, `forged-${++written}.zip`), contents), ...more)
}

describe('what the product writes', () => {
  test.each([
    ['America Trading P&L', 'america-trading', 'AMERICA', 'fact_pnl_gold'],
    ['Project Sterling', 'project-sterling', 'STERLING', null],
    ['Cash Equity Trading', 'cash-equity', 'CASH_EQUITY', 'fact_pnl_use_case_3'],
  ])('%s holds, under both policies', async (use_case, sample, structure, table) => {
    const file = (part: string): string => join(EXAMPLES, sample, part)
    await perform(context, 'structures import', { name: structure, file: file('structure.csv') })
    if (table !== null) await perform(context, 'facts import', { file: file('facts.csv'), table })
    await perform(context, 'use-cases apply', { file: file('use-case.yaml') })
    if (table === null) await perform(context, 'facts import', { file: file('facts.csv'), use_case })
    for (const policy of ['most_specific', 'top_down'])
      expect(verifyBundle(await exported(context, use_case, { policy })), policy).toMatchObject(HOLDS)
  })

  // Hostile names, amounts beyond what doubles hold, empty cells, two driver columns, rules of every flavour.
  test.each([1, 2, 3, 4, 5, 6])(
    'random book %i holds, from a table and from files in place',
    async (seed) => {
      const book = randomBook(seed)
      const own = contextOf(db.books, await newTenant(db.books))
      await perform(own, 'structures import', {
        name: 'RANDOM',
        file: folder.write(`s${seed}.csv`, book.structureCsv),
      })
      const facts = folder.write(`f${seed}.csv`, book.factsCsv)
      await perform(own, 'facts import', { file: facts, table: 'fact_random' })
      const parquet = await parquetOf(facts, book)
      const sources = [{ table: 'fact_random' }, { path: facts }, { path: parquet }]
      const seals = new Map<string, string>()
      for (const [i, source] of sources.entries()) {
        const policy = (i + seed) % 2 === 0 ? 'most_specific' : 'top_down'
        const yaml = book.useCaseYaml(`Book ${i}`, JSON.stringify(source), policy)
        await perform(own, 'use-cases apply', { file: folder.write('u.yaml', yaml) })
        const file = await exported(own, `Book ${i}`)
        expect(verifyBundle(file), JSON.stringify(source)).toMatchObject(HOLDS)
        seals.set(sealOf(openBundle(file)), file)
      }
      expect(seals.size).toBe(sources.length)
    },
  )

  test('a flat sum of thousands of nodes and a chain of thousands of nodes hold', async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    const ids = Array.from({ length: 3000 }, (_, i) => `N${i}`)
    const chain = ids.map((id, i) => `${id},${i === 0 ? '' : ids[i - 1]},${id}\n`).join('')
    const structure = `node_id,parent_node_id,node_name\n${chain}SUM,N0,Sum\n`
    await perform(own, 'structures import', { name: 'LONG', file: folder.write('long.csv', structure) })
    const facts = `cc,amt\n${ids.map((id, i) => `${id},${i}.5\n`).join('')}`
    await perform(own, 'facts import', { file: folder.write('long-f.csv', facts), table: 'fact_long' })
    const formula = ids.map((id) => `natural(${id})`).join(' + ')
    const yaml = `use_case: Long
structure: LONG
source: {table: fact_long, date: null, scenario: null}
measures: {daily: amt}
drivers: [{nodes: all, column: cc}]
rules: [{node: SUM, formula: "${formula}"}]
`
    await perform(own, 'use-cases apply', { file: folder.write('long.yaml', yaml) })
    expect(verifyBundle(await exported(own, 'Long'))).toMatchObject(HOLDS)
  })
})

async function parquetOf(csv: string, { facts }: RandomBook): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const file = csv.replace(/csv$/, 'parquet')
  const types = `{'pnl_date': 'DATE', 'lvl': 'DECIMAL(9,2)', 'amt': 'DECIMAL(18,2)', 'wide': 'DECIMAL(38,4)'}`
  await connection.run(
    `COPY (SELECT * FROM read_csv('${csv}', header = true, all_varchar = false, types = ${types}, auto_detect = true, quote = '"', escape = '"')) TO '${file}'`,
  )
  const count = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM '${file}'`)
  expect(count.getRows()).toEqual([[facts.length]])
  connection.closeSync()
  instance.closeSync()
  return file
}

describe('one digit changed', () => {
  const STRUCTURE = 'node_id,parent_node_id,node_name\nR,,Root\nA1,R,Alpha\nB2,R,Beta\nC3,R,Ratio\n'
  const FACTS = `cc,pnl_date,scenario,book,amt
A1,2025-12-24,ACTUAL,B1,10.50
A1,2025-12-24,ACTUAL,B2,5.25
B2,2025-12-24,ACTUAL,B1,7.00
A1,2025-12-24,PRIOR,B1,4.00
`
  const YAML = `use_case: Forged
description: Version 1 of 2025.
structure: F
source: {table: fact_forged, date: pnl_date, scenario: scenario}
measures: {daily: amt}
drivers: [{nodes: leaves, column: cc}]
rules:
  - {node: A1, where: "book = 'B1'"}
  - {node: C3, formula: "A1 * 1.5 / B2"}
`
  let contents: Contents
  let seal: string
  beforeAll(async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    await perform(own, 'structures import', { name: 'F', file: folder.write('ff.csv', STRUCTURE) })
    await perform(own, 'facts import', { file: folder.write('fff.csv', FACTS), table: 'fact_forged' })
    await perform(own, 'use-cases apply', { file: folder.write('fu.yaml', YAML) })
    contents = openBundle(await exported(own, 'Forged'))
    seal = sealOf(contents)
  })

  test('nothing changed: the contents in another ZIP hold, and have the seal', async () => {
    expect(await verified(contents, '--seal', seal)).toMatchObject(HOLDS)
  })

  test('in any file, without sealing it again: the file is named', async () => {
    expect([...contents.keys()].sort()).toEqual([
      'README.txt',
      'facts.csv',
      'manifest.json',
      'results.csv',
      'run.json',
      'structure.csv',
      'use-case.json',
      'use-case.yaml',
    ])
    for (const [name, text] of contents) {
      const digits = digitsIn(text)
      for (const at of [digits[0]!, digits[digits.length >> 1]!, digits.at(-1)!]) {
        const { status, stdout } = await verified(changed(contents, name, (was) => otherDigit(was, at)))
        expect([name, at, status]).toEqual([name, at, 1])
        expect(stdout).toContain(`${name} is not what was sealed`)
      }
    }
  })

  /** Replaces a text that stands in the file once. */
  const edit = (name: string, from: string, to: string): Contents =>
    changed(contents, name, (text) => {
      expect(text.split(from).length, `${from} in ${name}`).toBe(2)
      return text.replace(from, to)
    })

  // A1 = 10.50 of 15.75, B2 = 7.00, C3 = 10.50 × 1.5 ÷ 7.00 = 2.25; the root 22.75, 10.50 + 7.00 + 2.25 = 19.75.
  test.each<[string, string, string, string, string]>([
    [
      'a natural',
      'results.csv',
      'R,,Root,0,false,daily,ACTUAL,22.75',
      'R,,Root,0,false,daily,ACTUAL,22.76',
      '["R","daily","ACTUAL"] natural: recorded 22.76, recomputed 22.75',
    ],
    [
      'a direct',
      'results.csv',
      'ACTUAL,15.75,15.75',
      'ACTUAL,15.75,16.75',
      '["A1","daily","ACTUAL"] direct: recorded 16.75, recomputed 15.75',
    ],
    [
      'an adjusted',
      'results.csv',
      'ACTUAL,15.75,15.75,10.50',
      'ACTUAL,15.75,15.75,10.51',
      '["A1","daily","ACTUAL"] adjusted: recorded 10.51, recomputed 10.5',
    ],
    [
      'a plug',
      'results.csv',
      '19.75,3.00',
      '19.75,3.01',
      '["R","daily","ACTUAL"] plug: recorded 3.01, recomputed 3',
    ],
    [
      'a fact count',
      'results.csv',
      ',3,\r\nA1',
      ',4,\r\nA1',
      '["R","daily","ACTUAL"] fact_count: recorded 4, recomputed 3',
    ],
    [
      'a depth',
      'results.csv',
      'R,,Root,0,false,daily,PRIOR',
      'R,,Root,1,false,daily,PRIOR',
      '["R","daily","PRIOR"] depth: recorded 1, recomputed 0',
    ],
    [
      'the words of a rule',
      'results.csv',
      "2,where book = 'B1'",
      "2,where book = 'B2'",
      `["A1","daily","ACTUAL"] rule: recorded where book = 'B2', recomputed where book = 'B1'`,
    ],
    [
      'an amount of a fact',
      'facts.csv',
      '10.50',
      '10.51',
      '["R","daily","ACTUAL"] natural: recorded 22.75, recomputed 22.76',
    ],
    [
      'the book of a fact',
      'facts.csv',
      '5.25,B2',
      '5.25,B1',
      '["A1","daily","ACTUAL"] adjusted: recorded 10.5',
    ],
    [
      'the node of a fact',
      'facts.csv',
      '7.00,B1,B2',
      '7.00,B1,B3',
      '["B2","daily","ACTUAL"] natural: recorded 7.00, recomputed 0',
    ],
    [
      'the day of a fact',
      'facts.csv',
      '5.25,B2,A1,2025-12-24',
      '5.25,B2,A1,2025-12-23',
      'is not one of them',
    ],
    ['a node', 'structure.csv', 'B2,R', 'B4,R', 'the hierarchy are others'],
    [
      'a rule for programs',
      'use-case.json',
      '"const": "1.5"',
      '"const": "1.6"',
      '["C3","daily","ACTUAL"] adjusted: recorded 2.25, recomputed 2.4',
    ],
    [
      'a condition for programs',
      'use-case.json',
      '"text": "B1"',
      '"text": "B2"',
      '["A1","daily","ACTUAL"] adjusted: recorded 10.50, recomputed 5.25',
    ],
    [
      'the division',
      'run.json',
      '"scale": 12',
      '"scale": 0',
      '["C3","daily","ACTUAL"] adjusted: recorded 2.25, recomputed 2',
    ],
    [
      'the facts of the tie-out',
      'run.json',
      '"facts": "22.75"',
      '"facts": "22.74"',
      'ACTUAL daily: facts recorded 22.74, recomputed 22.75',
    ],
    ['the horizon', 'run.json', '"facts_through": "', '"facts_through": "-', 'is not one of them'],
    ['the date', 'run.json', '"pnl_date": "2025-12-24"', '"pnl_date": "2025-12-25"', 'is not one of them'],
    ['the number of facts', 'run.json', '"facts": 4,', '"facts": 5,', 'the run recorded 5 facts'],
  ])('%s, and sealed again: the cell or the input is named', async (_, name, from, to, told) => {
    const forged = sealedAgain(edit(name, from, to))
    const { status, stdout } = await verified(forged)
    expect(stdout).toContain(told)
    expect(stdout).toContain('✓ seal ')
    expect(status).toBe(1)
    expect(await verified(forged, '--seal', seal)).toMatchObject({ status: 1 })
  })

  test('anywhere among the figures and the amounts of the facts, sealed again', async () => {
    const random = randomNumbers(7)
    const fields = (line: string): string[] => line.split(',')
    for (const [name, columns] of [
      ['results.csv', [3, 7, 8, 9, 10, 11]],
      ['facts.csv', [1]],
    ] as const) {
      for (let i = 0; i < 8; i++) {
        const forged = changed(contents, name, (text) => {
          const lines = text.split('\r\n')
          const line = 1 + random(lines.length - 2)
          const cells = fields(lines[line]!)
          const column = columns[random(columns.length)]!
          const digits = digitsIn(cells[column]!)
          if (digits.length === 0) return text.replace(/\d/, '9')
          cells[column] = otherDigit(cells[column]!, digits[random(digits.length)]!)
          lines[line] = cells.join(',')
          return lines.join('\r\n')
        })
        const { status, stdout } = await verified(sealedAgain(forged))
        expect([stdout, status]).toEqual([expect.stringContaining('✗'), 1])
      }
    }
  })

  test('a figure, its plug and the result digest: the rules still give another', async () => {
    const header = contents.get('results.csv')!.split('\r\n')[0]!.split(',')
    const results = edit('results.csv', '15.75,10.50,5.25', '15.75,11.50,4.25').get('results.csv')!
    const rows = results
      .split('\r\n')
      .slice(1, -1)
      .map(
        (line) =>
          Object.fromEntries(
            line.split(',').map((field, i) => [header[i]!, field === '' ? null : field]),
          ) as Output,
      )
    const digest = resultDigest(rows.map((row) => ({ ...row, fact_count: Number(row.fact_count) })))
    const forged = new Map(contents).set('results.csv', results)
    const run = { ...JSON.parse(contents.get('run.json')!), result_digest: digest }
    const { status, stdout } = await verified(sealedAgain(forged.set('run.json', JSON.stringify(run))))
    expect(stdout).toContain(`✓ results.csv gives the digest ${digest}`)
    expect(stdout).toContain('["A1","daily","ACTUAL"] adjusted: recorded 11.50, recomputed 10.5')
    expect(status).toBe(1)
  })

  // What nothing else in the bundle depends on is held by the seal alone, and by nobody who has not noted it.
  test.each([
    ['use-case.yaml', 'Version 1', 'Version 2'],
    ['README.txt', 'Node 20', 'Node 21'],
    ['run.json', '"run_name": "Run"', '"run_name": "Rum"'],
  ])('%s, sealed again: only a seal noted elsewhere shows it', async (name, from, to) => {
    const forged = sealedAgain(edit(name, from, to))
    expect(await verified(forged)).toMatchObject(HOLDS)
    const { status, stdout } = await verified(forged, '--seal', seal)
    expect([status, stdout]).toEqual([1, expect.stringContaining('✗ the seal is the one noted')])
  })

  test.each<[string, (contents: Map<string, string>) => void, string]>([
    ['a file too many', (files) => void files.set('more.txt', 'x'), 'more.txt'],
    [
      'a file missing',
      (files) => void files.delete('structure.csv'),
      '✗ the files are those of the manifest',
    ],
    [
      'a fact left out',
      (files) => void files.set('facts.csv', files.get('facts.csv')!.replace(/\d+,7\.00.*\r\n/, '')),
      'the run recorded 4 facts',
    ],
    [
      'a fact twice',
      (files) => void files.set('facts.csv', files.get('facts.csv')!.replace(/(\d+,7\.00.*\r\n)/, '$1$1')),
      'is not one of them',
    ],
    [
      'a cell left out',
      (files) => void files.set('results.csv', files.get('results.csv')!.replace(/B2,.*\r\n/, '')),
      '["B2","daily","ACTUAL"] is missing',
    ],
    [
      'a cell twice',
      (files) => void files.set('results.csv', files.get('results.csv')!.replace(/(B2,.*\r\n)/, '$1$1')),
      'cells too many',
    ],
    [
      'a quote that is not closed',
      (files) => void files.set('facts.csv', `${files.get('facts.csv')!}"`),
      'breaks off',
    ],
    [
      'a field too many',
      (files) => void files.set('facts.csv', `${files.get('facts.csv')!}1,2\r\n`),
      'fields in',
    ],
    [
      'no number',
      (files) => void files.set('facts.csv', files.get('facts.csv')!.replace('10.50', '1e3')),
      '"1e3" is no decimal',
    ],
    ['no JSON', (files) => void files.set('run.json', '{'), 'run.json is no JSON'],
    [
      'formulas in a circle',
      (files) =>
        void files.set('use-case.json', files.get('use-case.json')!.replace('"node": "B2"', '"node": "R"')),
      'round in a circle',
    ],
    [
      'a rule of no node',
      (files) =>
        void files.set('use-case.json', files.get('use-case.json')!.replace('"node": "C3"', '"node": "C4"')),
      '"C4", which is no node',
    ],
    [
      'an unknown test',
      (files) =>
        void files.set('use-case.json', files.get('use-case.json')!.replace('"eq"', '"constructor"')),
      'unknown test "constructor"',
    ],
  ])('%s, sealed again where it can be', async (_, change, told) => {
    const forged = new Map(contents)
    change(forged)
    const sealable = [...contents.keys()].every((name) => forged.has(name))
    const { status, stdout, stderr } = await verified(sealable ? sealedAgain(forged) : forged)
    expect([stderr, stdout, status]).toEqual(['', expect.stringContaining(told), 1])
  })

  test('what is no bundle, or asked wrongly, ends with 2', async () => {
    const noManifest = new Map(contents)
    noManifest.delete('manifest.json')
    const whole = await writeContents(join(folder.path, 'whole.zip'), contents)
    const short = folder.write('short.zip', readFileSync(whole).subarray(0, 3000))
    for (const args of [
      [join(folder.path, 'nowhere.zip')],
      [folder.write('text.zip', 'PK, but no ZIP')],
      [folder.write('empty.zip', '')],
      [folder.path],
      [short],
      [await writeContents(join(folder.path, 'no-manifest.zip'), noManifest)],
      [],
      [whole, '--seal'],
      [whole, '--sea', seal],
      [whole, '--seal', seal, 'more'],
    ]) {
      const { status, stdout, stderr } = verifyBundle(args[0] ?? '--help', ...args.slice(1))
      expect([args, status, stdout]).toEqual([args, 2, ''])
      expect(stderr).toMatch(/^(?:Usage|.+ (?:is no|cannot be read|has no|is no whole)).*\n$/)
    }
  })

  test('a byte of the ZIP itself: refused, never a stack trace', async () => {
    const whole = readFileSync(await writeContents(join(folder.path, 'bytes.zip'), contents))
    const random = randomNumbers(11)
    for (let i = 0; i < 12; i++) {
      const broken = Buffer.from(whole)
      broken[random(broken.length)]! ^= 1 << random(8)
      const { status, stderr } = verifyBundle(folder.write('broken.zip', broken))
      expect(stderr).not.toMatch(/\n {4}at /)
      expect([0, 1, 2]).toContain(status)
    }
  })
})

describe('fact adjustments', () => {
  let contents: Contents
  beforeAll(async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    const sample = (name: string): string => join(EXAMPLES, 'adjustments', name)
    const more = folder.write(
      'more.yaml',
      `adjustments:
  - {name: both ends, cap: {at_most: 900, at_least: -20.5}, measures: [daily, ytd], round: 1, reason: r, owner: o}
  - {name: apart, add: 0.125, measures: [ytd], round: 2, reason: r, owner: o,
     compare: {key: [desk, strategy], measure: ytd, absolute_difference: ">= 1", prior: present}}
  - {name: back, reverses: No late fee, reason: r, owner: o}
`,
    )
    await perform(own, 'structures import', { name: 'ADJUSTED', file: sample('structure.csv') })
    await perform(own, 'facts import', { file: sample('facts.csv'), table: 'fact_adjusted' })
    await perform(own, 'use-cases apply', { file: sample('use-case.yaml') })
    for (const file of [sample('adjustments.yaml'), more])
      await perform(own, 'adjustments add', { use_case: 'Adjusted Desk', file })
    contents = openBundle(await exported(own, 'Adjusted Desk'))
  })

  test('follow from the facts, step by step', async () => {
    const { status, stdout } = await verified(contents)
    expect(stdout).toContain('✓ 13 fact adjustments in force did, step by step, what was recorded')
    expect(status).toBe(0)
  })

  test('one digit of any step, sealed again: the step is named', async () => {
    const random = randomNumbers(11)
    const text = contents.get('adjustments.json')!
    const digits = digitsIn(text).filter((at) => at > text.indexOf('"steps"'))
    expect(digits.length).toBeGreaterThan(100)
    for (let i = 0; i < 25; i++) {
      const at = digits[random(digits.length)]!
      const forged = changed(contents, 'adjustments.json', (was) => otherDigit(was, at))
      const { status, stdout } = await verified(sealedAgain(forged))
      expect([text.slice(at - 30, at + 10), status, stdout]).toEqual([
        text.slice(at - 30, at + 10),
        1,
        expect.stringMatching(/✗ (13 fact adjustments|it can be read)/),
      ])
    }
  })

  test.each([
    ['adjustments.json', '"factor": "0.975"', '"factor": "0.974"', 'the adjustments are others'],
    ['adjustments.json', '"factor": "0.975"', '"factor": "0.974"', 'step 1, amount_after: recorded'],
    ['adjustments.json', '"valid_to": "2025-12-31"', '"valid_to": "2025-12-21"', 'is not in force on'],
    ['results.csv', 'ACTUAL,3513.08,0.00,-', 'ACTUAL,3513.08,0.00,-1', 'adjustment: recorded'],
  ])('%s, %s, sealed again', async (name, from, to, told) => {
    expect(contents.get(name)).toContain(from)
    const forged = changed(contents, name, (text) => text.replace(from, to))
    const { status, stdout } = await verified(sealedAgain(forged))
    expect(stdout).toContain(told)
    expect(status).toBe(1)
  })
})
