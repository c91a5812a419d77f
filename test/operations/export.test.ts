import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '#tieout/base/digest'
import type { Context } from '#tieout/books/operation'
import { openRun, type RunId, sealRun } from '#tieout/books/runs'
import { ControlTotals } from '#tieout/rollup/bundle/control-totals'
import type { UseCase } from '#tieout/rollup/use-case'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import { openBundle, sealOf, verifyBundle } from '../support/bundles.js'
import {
  cliDatabase,
  codes,
  contextOf,
  EXAMPLES,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusal,
} from '../support/cli.js'

const DATE = '2025-12-24'
const STRUCTURE = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\n'
const FACTS = `cc,pnl_date,book,amt,note
A,2025-12-24,B1,10.50,first
A,2025-12-24,,5.25,
B,2025-12-24,B2,7,"a, b"
Z,2025-12-24,B1,1.00,nobody's
A,2025-12-23,B1,99.00,yesterday
`
const useCase = (source: string): string => `use_case: Bundled
structure: S
source: ${source}
measures: {daily: amt}
drivers: [{nodes: leaves, column: cc}]
rules:
  - {node: A, where: "book = 'B1'", note: Only the first book.}
`

let db: TestBooks
let folder: Folder
let context: Context
let run: Output

/** A tenant of its own with the structure, the use case and a run. */
async function bundled(source: string): Promise<{ context: Context; run: Output }> {
  const made = contextOf(db.books, await newTenant(db.books))
  await perform(made, 'structures import', { name: 'S', file: folder.write('s.csv', STRUCTURE) })
  if (source.includes('fact_bundled'))
    await perform(made, 'facts import', { file: folder.write('f.csv', FACTS), table: 'fact_bundled' })
  await perform(made, 'use-cases apply', { file: folder.write('u.yaml', useCase(source)) })
  return { context: made, run: await perform(made, 'runs create', { use_case: 'Bundled', date: DATE }) }
}

const BOOKS = '{table: fact_bundled, date: pnl_date, scenario: null}'
const place = (name: string): string => join(folder.path, name)

beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  ;({ context, run } = await bundled(BOOKS))
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

describe('export run', () => {
  test('puts everything into one file that verifies without the database', async () => {
    const out = await perform(context, 'export run', { run: run.run_id.slice(0, 8), file: place('r.zip') })
    const contents = openBundle(out.file)
    expect(out.bytes).toBe(statSync(out.file).size)
    expect([...contents.keys()]).toEqual([...out.files.map(({ name }: Output) => name), 'manifest.json'])
    expect(sealOf(contents)).toBe(out.seal)
    // The facts of the date, in order of arrival, with the columns that bindings, rules and measures name.
    expect(
      contents
        .get('facts.csv')!
        .split('\r\n')
        .map((line) => line.replace(/^\d+,/, '')),
    ).toEqual([
      'fact_seq,amt,book,cc,pnl_date',
      '10.50,B1,A,2025-12-24',
      '5.25,,A,2025-12-24',
      expect.stringMatching(/^7(?:\.00)?,B2,B,2025-12-24$/),
      '1.00,B1,Z,2025-12-24',
      '',
    ])
    // A = 10.50 of 15.75; the root 23.75 in all, 18.50 adjusted.
    expect(contents.get('results.csv')!.split('\r\n')).toEqual([
      'node_id,parent_node_id,node_name,depth,is_leaf,measure,scenario,natural,direct,adjusted,plug,fact_count,rule',
      'R,,Root,0,false,daily,ACTUAL,23.75,0.00,18.50,5.25,4,',
      "A,R,Alpha,1,true,daily,ACTUAL,15.75,15.75,10.50,5.25,2,where book = 'B1'",
      "B,R,Beta,1,true,daily,ACTUAL,7.00,7.00,7.00,0.00,1,auto cc = 'B'",
      'UNASSIGNED,R,Unassigned,1,true,daily,ACTUAL,1.00,1.00,1.00,0.00,1,',
      '',
    ])
    expect(contents.get('structure.csv')!.split('\r\n')[2]).toBe('A,R,Alpha,,node_id')
    expect(contents.get('use-case.yaml')).toContain('note: Only the first book.')
    expect(JSON.parse(contents.get('use-case.json')!).rules).toEqual([
      {
        no: 1,
        node: 'A',
        flavour: 'filter',
        text: "where book = 'B1'",
        note: 'Only the first book.',
        scope: 'node',
        where: { op: 'eq', column: 'book', value: { text: 'B1' } },
      },
    ])
    expect(JSON.parse(contents.get('run.json')!)).toMatchObject({
      run_id: run.run_id,
      kind: 'rollup',
      pnl_date: DATE,
      triggered_by: 'tester',
      engine_version: '0.0.0-test',
      policy: 'most_specific',
      result_digest: run.result_digest,
      input_digest: run.input_digest,
      parameters: { facts: 4, tie_out: run.tie_out },
      findings: [{ code: 'FACTS_UNASSIGNED' }],
    })
    expect(verifyBundle(out.file, '--seal', out.seal)).toMatchObject({ status: 0 })
  })

  test('gives the same bytes every time, also after facts, rules and structure have moved', async () => {
    const own = await bundled(BOOKS)
    const write = (name: string): Promise<Output> =>
      perform(own.context, 'export run', { run: own.run.run_id, file: place(name) })
    const first = await write('first.zip')
    const facts = FACTS.replace('10.50', '77.00')
    await perform(own.context, 'facts import', { file: folder.write('g.csv', facts), table: 'fact_bundled' })
    const structure = STRUCTURE.replace('Beta', 'Gamma')
    await perform(own.context, 'structures import', { name: 'S', file: folder.write('t.csv', structure) })
    await perform(own.context, 'use-cases apply', {
      file: folder.write('v.yaml', useCase(BOOKS).replace('B1', 'B2')),
    })
    expect(await write('second.zip')).toEqual({ ...first, file: place('second.zip') })
    expect(readFileSync(place('second.zip')).equals(readFileSync(place('first.zip')))).toBe(true)
  })

  test('keeps the exact text of hostile names, where a spreadsheet export would guard it', async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    const names = ['=1+1', '@cmd', '-2', '"quoted", and\nbroken', "O'Hare", '\u{1F600}', ' spaces ', '+49']
    const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`
    const nodes = names.map((name, i) => `N${i},ROOT,${cell(name)}\n`).join('')
    const structure = `node_id,parent_node_id,node_name\nROOT,,"=HYPERLINK(""x"")"\n${nodes}`
    await perform(own, 'structures import', { name: 'H', file: folder.write('h.csv', structure) })
    const facts = names.map((name, i) => `${cell(name)},${i + 1}.25\n`).join('')
    await perform(own, 'facts import', {
      file: folder.write('hf.csv', `who,amt\n${facts}`),
      table: 'fact_hostile',
    })
    const yaml = `use_case: Hostile
structure: H
source: {table: fact_hostile, date: null, scenario: null}
measures: {daily: amt}
drivers: [{nodes: leaves, column: who, value: node_name}]
rules:
  - {node: N3, where: "who like '\\"quoted\\", and_br%' or who = '=1+1'"}
`
    await perform(own, 'use-cases apply', { file: folder.write('h.yaml', yaml) })
    const made = await perform(own, 'runs create', { use_case: 'Hostile', date: DATE })
    const out = await perform(own, 'export run', { run: made.run_id, file: place('h.zip') })
    const contents = openBundle(out.file)
    for (const name of names) {
      const exact = /[",\n]|^\s/.test(name) ? cell(name) : name
      for (const file of ['structure.csv', 'results.csv', 'facts.csv'])
        expect(contents.get(file), `${name} in ${file}`).toContain(`,${exact}`)
    }
    expect(verifyBundle(out.file)).toMatchObject({ status: 0, stderr: '' })
  })

  test('reports its progress', async () => {
    const stages: string[] = []
    const telling = {
      ...context,
      progress: { report: (stage: string, done: number) => void stages.push(`${stage} ${done}`) },
    }
    await perform(telling, 'export run', { run: run.run_id, file: place('p.zip') })
    expect(stages).toContain('writing facts 4')
  })
})

describe('facts in a file read in place', () => {
  test('are bundled with their row in the file; a file that has changed is refused', async () => {
    const file = folder.write('place.csv', FACTS)
    const own = await bundled(`{engine: duckdb, path: ${file}, date: pnl_date, scenario: null}`)
    const out = await perform(own.context, 'export run', { run: own.run.run_id, file: place('d.zip') })
    expect(openBundle(out.file).get('facts.csv')!.split('\r\n').slice(0, 4)).toEqual([
      'row,amt,book,cc,pnl_date',
      '1,10.50,B1,A,2025-12-24',
      '2,5.25,,A,2025-12-24',
      '3,7.00,B2,B,2025-12-24',
    ])
    expect(verifyBundle(out.file)).toMatchObject({ status: 0, stderr: '' })
    folder.write('place.csv', FACTS.replace('10.50', '10.51'))
    await refusedAndNothingLeft(own.context, { run: own.run.run_id, file: place('moved.zip') }, ['TIE-2803'])
    // Restored, it is the run's again, to the byte.
    folder.write('place.csv', FACTS)
    const again = await perform(own.context, 'export run', { run: own.run.run_id, file: place('again.zip') })
    expect(again.seal).toBe(out.seal)
  })
})

async function refusedAndNothingLeft(
  using: Context,
  input: Output,
  expected: readonly string[],
): Promise<void> {
  const before = readdirSync(folder.path).sort()
  expect(codes(await refusal(perform(using, 'export run', input)))).toEqual(expected)
  expect(readdirSync(folder.path).sort()).toEqual(before)
}

describe('a run with fact adjustments in force', () => {
  const sample = (name: string): string => join(EXAMPLES, 'adjustments', name)

  test('is bundled with them and with what each did; the run from before them is what it was', async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    await perform(own, 'structures import', { name: 'ADJUSTED', file: sample('structure.csv') })
    await perform(own, 'facts import', { file: sample('facts.csv'), table: 'fact_adjusted' })
    await perform(own, 'use-cases apply', { file: sample('use-case.yaml') })
    const run = { use_case: 'Adjusted Desk', date: '2025-12-24' }
    const before = await perform(own, 'runs create', run)
    await perform(own, 'adjustments add', { use_case: 'Adjusted Desk', file: sample('adjustments.yaml') })
    const after = await perform(own, 'runs create', run)
    const written = async (id: string, name: string): Promise<string> =>
      (await perform(own, 'export run', { run: id, file: place(name) })).file

    const plain = await written(before.run_id, 'before.zip')
    expect(verifyBundle(plain)).toMatchObject({ status: 0 })
    expect(openBundle(plain).has('adjustments.json')).toBe(false)

    const adjusted = await written(after.run_id, 'after.zip')
    const verified = verifyBundle(adjusted)
    expect(verified).toMatchObject({ status: 0, stderr: '' })
    expect(verified.stdout).toContain('✓ 10 fact adjustments in force did, step by step, what was recorded')
    const contents = openBundle(adjusted)
    expect(contents.get('results.csv')).toMatch(/^[^\n]*,direct,adjustment,adjusted,plug,/)
    const document = JSON.parse(contents.get('adjustments.json')!)
    expect(document.adjustments).toHaveLength(10)
    expect(document.steps.at(-1)).toMatchObject({ adjustment_no: 10, column_name: 'ytd_pnl' })
  })
})

describe('refuses, and leaves nothing behind', () => {
  test('an unknown run, a failed run', async () => {
    await refusedAndNothingLeft(
      context,
      { run: '00000000-0000-0000-0000-000000000000', file: place('x.zip') },
      ['TIE-1103'],
    )
    const own = contextOf(db.books, await newTenant(db.books))
    const id = own.newId()
    await openRun(own.books, own.tenant, {
      id: id as RunId,
      kind: 'rollup',
      run_name: 'Never ended',
      executed_at: own.now(),
      triggered_by: 'tester',
      parameters: {},
      engine_version: '0',
    })
    await refusedAndNothingLeft(own, { run: id, file: place('x.zip') }, ['TIE-1106'])
  })

  test('a file that is there already, unless it may be replaced', async () => {
    const file = folder.write('there.zip', 'something else')
    await refusedAndNothingLeft(context, { run: run.run_id, file }, ['TIE-2801'])
    expect(readFileSync(file, 'utf8')).toBe('something else')
    const out = await perform(context, 'export run', { run: run.run_id, file, overwrite: true })
    expect(verifyBundle(out.file)).toMatchObject({ status: 0 })
  })

  test('a path that cannot be written', async () => {
    const file = join(folder.path, 'no', 'such', 'folder', 'r.zip')
    await refusedAndNothingLeft(context, { run: run.run_id, file }, ['TIE-2802'])
    await refusedAndNothingLeft(context, { run: run.run_id, file: folder.path, overwrite: true }, [
      'TIE-2802',
    ])
  })

  test('a run whose stored figures were tampered with', async () => {
    const own = await bundled(BOOKS)
    await db.books.maintain(async (session) => {
      await session.script(`SET session_replication_role = replica;
        UPDATE fact_calculated_results SET adjusted = adjusted + 1 WHERE calculation_run_id = '${own.run.run_id}' AND node_id = 'A';
        SET session_replication_role = DEFAULT`)
    })
    await refusedAndNothingLeft(own.context, { run: own.run.run_id, file: place('x.zip') }, ['TIE-2804'])
  })

  test('a run of inputs that the format has no place for', async () => {
    const own = contextOf(db.books, await newTenant(db.books))
    await perform(own, 'structures import', { name: 'S', file: folder.write('s.csv', STRUCTURE) })
    const id = own.newId() as RunId
    const parameters = { structure: 'S', structure_version: 1 }
    await openRun(own.books, own.tenant, {
      id,
      kind: 'rollup',
      run_name: 'From the future',
      executed_at: own.now(),
      triggered_by: 'tester',
      parameters,
      engine_version: '9',
    })
    const digest = digestOf('x')
    await own.books.transaction(own.tenant, (tx) =>
      sealRun(tx, {
        id,
        result_digest: digest,
        finished_at: own.now(),
        calculation_duration_ms: 1,
        findings: [],
        digests: { facts: digest, weather: digest },
      }),
    )
    await refusedAndNothingLeft(own, { run: id, file: place('x.zip') }, ['TIE-2805'])
  })

  test.each(['reading facts', 'writing facts'])('when it is interrupted while %s', async (stageOfAbort) => {
    const stop = new AbortController()
    const report = (stage: string): void => {
      if (stage === stageOfAbort) stop.abort()
    }
    const interrupted = { ...context, progress: { report }, signal: stop.signal }
    const before = readdirSync(folder.path).sort()
    await expect(
      perform(interrupted, 'export run', { run: run.run_id, file: place('x.zip') }),
    ).rejects.toThrow(/abort/i)
    expect(readdirSync(folder.path).sort()).toEqual(before)
  })
})

describe('control totals', () => {
  const recorded = {
    facts: 2,
    scenarios: ['ACTUAL'],
    tie_out: [{ scenario: 'ACTUAL', measure: 'daily', facts: '3.50' }],
  }
  const spec = {
    scenarios: ['ACTUAL', 'PRIOR'],
    source: { scenario: 's' },
    measures: [{ name: 'daily', column: 'amt' }],
  } as unknown as UseCase

  test.each<[string, (string | null)[][], string | undefined]>([
    [
      '1.25 + 2.25 = 3.50',
      [
        ['1', '1.25', 'ACTUAL'],
        ['2', '2.25', 'ACTUAL'],
      ],
      undefined,
    ],
    [
      'a missing amount is 0',
      [
        ['1', '3.5', 'ACTUAL'],
        ['2', null, 'ACTUAL'],
      ],
      undefined,
    ],
    [
      'a fact without a scenario counts in none',
      [
        ['1', '3.5', 'ACTUAL'],
        ['2', '9', null],
      ],
      undefined,
    ],
    [
      'a cent',
      [
        ['1', '1.25', 'ACTUAL'],
        ['2', '2.26', 'ACTUAL'],
      ],
      'daily of ACTUAL sums to 3.51 where the run recorded 3.50',
    ],
    ['a fact too few', [['1', '3.50', 'ACTUAL']], '1 fact in place of 2 facts'],
    [
      'a new scenario',
      [
        ['1', '3.50', 'ACTUAL'],
        ['2', '0', 'PRIOR'],
      ],
      'there are facts of PRIOR, of which the run had none',
    ],
    [
      'a scenario gone',
      [
        ['1', '3.50', null],
        ['2', '0', null],
      ],
      'daily of ACTUAL sums to nothing where the run recorded 3.50',
    ],
  ])('%s', (_, facts, expected) => {
    const totals = new ControlTotals(spec, ['amt', 's'])
    for (const fact of facts) totals.add(fact)
    expect(totals.differenceFrom(recorded)).toBe(expected)
  })
})

test('the command line exports the same bytes in every time zone, and says what it wrote', {
  tags: ['long'],
}, async () => {
  const own = makeFolder()
  const database = await cliDatabase(own)
  try {
    expect(await database.run('demo')).toMatchObject({ exit: 0 })
    const { runs } = JSON.parse((await database.run('runs', 'list', '--json')).stdout)
    const write = async (zone: string, ...more: readonly string[]) => {
      const started = await database.start(
        ['export', 'run', runs[0].id, join(own.path, `${zone.length}.zip`), ...more],
        {
          env: { TZ: zone },
        },
      )
      return started.ended
    }
    expect(await write('UTC')).toMatchObject({ exit: 0, stdout: expect.stringContaining('seal sha256:') })
    expect(await write('America/New_York', '--format', 'csv')).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining('facts.csv,'),
    })
    expect(readFileSync(join(own.path, '3.zip')).equals(readFileSync(join(own.path, '16.zip')))).toBe(true)
    expect(await write('UTC')).toMatchObject({ exit: 3, stderr: expect.stringContaining('TIE-2801') })
  } finally {
    await database.drop()
    own.remove()
  }
})
