import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Problem } from '#tieout/base/errors'
import type { Context } from '#tieout/books/operation'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusal,
  refusedAndNothingStored,
} from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
  context = contextOf(db.books, db.tenant)
  const structure = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\n'
  await perform(context, 'structures import', { name: 'S', file: folder.write('s.csv', structure) })
  await facts('fact_a', 'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,1.50,2\nB,2025-12-24,PRIOR,2,3\n')
  await facts('fact_b', 'cc,pnl_date,scenario,other\nA,2025-12-24,ACTUAL,1.50\n')
  await apply('U', 'fact_a', '{daily: amt}')
  await apply('One', 'fact_a', '{daily: amt}', 'scenario: null')
  await add('U', [
    'name: First, measures: [daily], scale: 2, valid_to: 2025-12-31',
    'name: Undo, reverses: First, valid_from: 2025-12-20',
  ])
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

let made = 0
const facts = (table: string, content: string): Promise<Output> =>
  perform(context, 'facts import', { file: folder.write(`f${++made}.csv`, content), table })
const apply = (
  name: string,
  table: string,
  measures: string,
  scenario = 'scenario: scenario',
): Promise<Output> =>
  perform(context, 'use-cases apply', {
    file: folder.write(
      `u${++made}.yaml`,
      `use_case: ${name}\nstructure: S\nsource: {table: ${table}, date: pnl_date, ${scenario}}\nmeasures: ${measures}\ndrivers: [{nodes: leaves, column: cc}]\n`,
    ),
  })

/** One adjustment a line, from line 2 of the file; each has a reason and an owner. */
const fileOf = (list: readonly string[]): string =>
  folder.write(
    `a${++made}.yaml`,
    `adjustments:\n${list.map((one) => `  - {reason: r, owner: o, ${one}}\n`).join('')}`,
  )
const add = (use_case: string, list: readonly string[], more: object = {}): Promise<Output> =>
  perform(context, 'adjustments add', { use_case, file: fileOf(list), ...more })
const refused = (list: readonly string[], useCase = 'U'): Promise<readonly Problem[]> =>
  refusedAndNothingStored(db.books, () => add(useCase, list))

test('every problem of a file is told at once, each where it stands', async () => {
  const problems = await refused([
    'name: A, measures: [dialy], scale: 2',
    `name: B, measures: [daily], scale: 1e5, where: "ccc = 'A'"`,
    'name: C, measures: [daily], scale: 2, add: 3',
    'name: First, reverses: Frist',
    'name: E, measures: [daily], scale: 2, scenario: ACTAUL, valid_from: 2025-02-30',
  ])
  expect(problems.map(({ code, place }) => `${code}@${place?.line}`)).toEqual([
    'TIE-2704@2',
    'TIE-2707@3',
    'TIE-2202@3',
    'TIE-2703@4',
    'TIE-2710@5',
    'TIE-2711@5',
    'TIE-2713@6',
    'TIE-2705@6',
  ])
  const suggested = problems.map(({ remedy }) => /Did you mean (.*)\?/.exec(remedy)?.[1])
  expect(suggested).toEqual([
    '"daily"',
    undefined,
    '"cc"',
    undefined,
    undefined,
    '"First"',
    undefined,
    '"ACTUAL"',
  ])
  for (const { place } of problems) expect(place?.file).toContain(`a${made}.yaml`)
})

test('a predicate that cannot be read is shown with a caret under the very character', async () => {
  const line = `name: A, measures: [daily], scale: 2, where: "cc = 'A' and amt = and"`
  const [problem] = await refused([line])
  expect(problem).toMatchObject({
    code: 'TIE-2201',
    place: { line: 2, frame: `cc = 'A' and amt = and\n${' '.repeat(19)}^` },
  })
  expect(problem!.place!.column).toBe(`  - {reason: r, owner: o, ${line}`.lastIndexOf('and') + 1)
})

const SOUND = 'measures: [daily]'
const COMPARED = `name: A, ${SOUND}, scale: 2, compare:`

test.each<[string, string[], string, RegExp]>([
  ['no action', [`name: A, ${SOUND}`], 'TIE-2703', /has no scale, add, cap or reverses/],
  ['two actions', [`name: A, ${SOUND}, add: 1, cap: 2`], 'TIE-2703', /has add and cap at once/],
  ['no measures', ['name: A, add: 1'], 'TIE-2703', /does not say which measures/],
  ['an empty cap', [`name: A, ${SOUND}, cap: {}`], 'TIE-2703', /neither at_most nor at_least/],
  [
    'a cap upside down',
    [`name: A, ${SOUND}, cap: {at_most: 1, at_least: 1.01}`],
    'TIE-2703',
    /1\.01, which is above at most 1\./,
  ],
  [
    'a reversal with an action',
    ['name: A, reverses: Undo, scale: 2'],
    'TIE-2703',
    /reverses another and has scale/,
  ],
  ['a reversal with a measure', [`name: A, reverses: Undo, ${SOUND}`], 'TIE-2703', /has measures as well/],
  ['a reversal that rounds', ['name: A, reverses: Undo, round: 2'], 'TIE-2703', /has round as well/],
  [
    'a measure that is not there',
    ['name: A, measures: [weekly], add: 1'],
    'TIE-2704',
    /no measure "weekly" and fact_a no column/,
  ],
  ['a measure that is text', ['name: A, measures: [cc], add: 1'], 'TIE-2305', /"cc" of fact_a is text/],
  [
    'a scenario that is not there',
    [`name: A, ${SOUND}, add: 1, scenario: PROIR`],
    'TIE-2705',
    /"PROIR"; it has ACTUAL, PRIOR/,
  ],
  [
    'a compare without a condition',
    [`${COMPARED} {key: [cc], measure: daily}`],
    'TIE-2706',
    /neither a difference nor/,
  ],
  ['a difference of nothing', [`${COMPARED} {key: [cc], difference: "> 1"}`], 'TIE-2706', /of which measure/],
  [
    'a difference that is none',
    [`${COMPARED} {key: [cc], measure: daily, difference: "1000"}`],
    'TIE-2706',
    /"1000" is no comparison/,
  ],
  [
    'a difference of no number',
    [`${COMPARED} {key: [cc], measure: daily, difference: "> x"}`],
    'TIE-2707',
    /"x" is no plain decimal/,
  ],
  [
    'a key that is not there',
    [`${COMPARED} {key: [ccc], prior: missing}`],
    'TIE-2304',
    /no column "ccc" \(a key of adjustment "A"\)/,
  ],
  ['a compared text', [`${COMPARED} {key: [cc], measure: cc, difference: "> 1"}`], 'TIE-2305', /is text/],
  ['an exponent', [`name: A, ${SOUND}, scale: 1e3`], 'TIE-2707', /scale: "1e3"/],
  ['infinity', [`name: A, ${SOUND}, add: .inf`], 'TIE-2707', /add: "\.inf"/],
  ['half a place', [`name: A, ${SOUND}, add: 1, round: 2.5`], 'TIE-2707', /round: "2\.5"/],
  ['negative places', [`name: A, ${SOUND}, add: 1, round: -1`], 'TIE-2707', /round: "-1"/],
  ['too many places', [`name: A, ${SOUND}, add: 1, round: 19`], 'TIE-2707', /0 to 18/],
  [
    'a number of 101 characters',
    [`name: A, ${SOUND}, scale: 0.${'1'.repeat(99)}`],
    'TIE-2708',
    /101 characters; the limit is 100/,
  ],
  ['a name that is taken', [`name: First, ${SOUND}, add: 1`], 'TIE-2710', /"First" already: number 1/],
  [
    'a name twice',
    [`name: A, ${SOUND}, add: 1`, `name: A, ${SOUND}, add: 2`],
    'TIE-2710',
    /"A" already: number 3/,
  ],
  [
    'a later one',
    ['name: A, reverses: B', `name: B, ${SOUND}, add: 1`],
    'TIE-2711',
    /no earlier adjustment "B"/,
  ],
  ['itself', ['name: A, reverses: A'], 'TIE-2711', /no earlier adjustment "A"/],
  ['reversed already', ['name: A, reverses: First'], 'TIE-2712', /reversed already, by "Undo"/],
  [
    'reversed twice in one file',
    ['name: A, reverses: Undo', 'name: B, reverses: Undo'],
    'TIE-2712',
    /by "A"/,
  ],
  [
    'no date',
    [`name: A, ${SOUND}, add: 1, valid_to: 24.12.2025`],
    'TIE-2713',
    /valid_to: "24\.12\.2025" is no date/,
  ],
  [
    'ended before it begins',
    [`name: A, ${SOUND}, add: 1, valid_from: 2025-12-24, valid_to: 2025-12-23`],
    'TIE-2713',
    /before valid_from/,
  ],
  [
    'a reversal on other days',
    ['name: A, reverses: First, valid_from: 2026-01-01'],
    'TIE-2714',
    /"First" is in force on no day/,
  ],
  ['none at all', [], 'TIE-2702', /adjustments: is missing/],
])('%s', async (_, list, code, message) => {
  const problems = await refused(list)
  expect(problems.map((one) => `${one.code} ${one.message}`).join('\n')).toMatch(message)
  expect(codes(problems)).toEqual([code])
  expect(problems[0]!.place?.line).toBeGreaterThan(list.length > 1 && !/later/.test(_) ? 2 : 0)
})

test('reversals on different days are none twice', async () => {
  // Undo holds from the 20th; before that First may be reversed by another.
  const dry = await add('U', ['name: A, reverses: First, valid_to: 2025-12-19'], { dry_run: true })
  expect(dry.new).toBe(1)
})

describe('the file', () => {
  const refusedFile = (content: string | Uint8Array): Promise<readonly Problem[]> => {
    const file = folder.write(`a${++made}.yaml`, content)
    return refusedAndNothingStored(db.books, () =>
      perform(context, 'adjustments add', { use_case: 'U', file }),
    )
  }

  test.each<[string, string | Uint8Array, string, RegExp]>([
    ['no YAML', 'adjustments: [', 'TIE-2701', /not valid YAML/],
    ['no UTF-8', new Uint8Array([0x61, 0xff, 0x62]), 'TIE-2701', /not UTF-8/],
    ['nested 100,000 deep', '['.repeat(100_000), 'TIE-2701', /not valid YAML/],
    ['nothing', '', 'TIE-2702', /the file/],
    ['another document', 'use_case: U', 'TIE-2702', /./],
    ['no adjustments', 'adjustments: []', 'TIE-2702', /adjustments/],
    [
      'an unknown key',
      'adjustments:\n  - {name: A, reason: r, owner: o, measures: [daily], scael: 2}',
      'TIE-2702',
      /unknown key "scael"/,
    ],
    [
      'an unknown key of compare',
      'adjustments:\n  - {name: A, reason: r, owner: o, compare: {keys: [cc]}}',
      'TIE-2702',
      /unknown key "keys"/,
    ],
    [
      'an unknown key of cap',
      'adjustments:\n  - {name: A, reason: r, owner: o, cap: {atmost: 2}}',
      'TIE-2702',
      /unknown key "atmost"/,
    ],
    [
      'no reason',
      'adjustments:\n  - {name: A, owner: o, measures: [daily], scale: 2}',
      'TIE-2702',
      /reason: is missing/,
    ],
    [
      'an empty reason',
      'adjustments:\n  - {name: A, reason: "", owner: o, measures: [daily], scale: 2}',
      'TIE-2702',
      /reason/,
    ],
    [
      'no owner',
      'adjustments:\n  - {name: A, reason: r, measures: [daily], scale: 2}',
      'TIE-2702',
      /owner: is missing/,
    ],
    ['an alias', 'adjustments:\n  - &a {name: A, reason: r, owner: o}\n  - *a', 'TIE-2702', /alias/],
    ['a NUL', 'adjustments:\n  - {name: "A\\0", reason: r, owner: o}', 'TIE-2702', /NUL/],
    [
      'a long name',
      `adjustments:\n  - {name: ${'A'.repeat(201)}, reason: r, owner: o, measures: [daily], add: 1}`,
      'TIE-2702',
      /name/,
    ],
  ])('%s', async (_, content, code, message) => {
    const problems = await refusedFile(content)
    expect(new Set(codes(problems))).toEqual(new Set([code]))
    expect(problems.map((one) => one.message).join('\n')).toMatch(message)
    expect(problems[0]!.place?.line).toBeGreaterThan(0)
  })

  test('near misses of keys are told', async () => {
    const [problem] = await refusedFile(
      'adjustments:\n  - {name: A, reason: r, owner: o, measures: [daily], scael: 2}',
    )
    expect(problem!.remedy).toContain('Did you mean "scale"?')
  })

  test('that is not there', async () => {
    const file = `${folder.path}/none.yaml`
    expect(codes(await refusal(perform(context, 'adjustments add', { use_case: 'U', file })))).toEqual([
      'TIE-1005',
    ])
  })

  test('JSON is YAML', async () => {
    const content = JSON.stringify({
      adjustments: [
        { name: 'A', reason: 'r', owner: 'o', measures: ['daily'], scale: 0.1, round: 2, valid_to: null },
      ],
    })
    const file = folder.write('a.json', content)
    const dry = await perform(context, 'adjustments add', { use_case: 'U', file, dry_run: true })
    expect(dry.adjustments[0].adjustment).toBe('scale daily by 0.1, rounded to 2 places')
  })
})

test.each<[string, object, string]>([
  ['an unknown use case', { use_case: 'V' }, 'TIE-1102'],
  ['a date that is none', { date: '2025-13-01' }, 'TIE-2501'],
])('%s', async (_, more, code) => {
  const file = fileOf([`name: A, ${SOUND}, add: 1`])
  const work = () => perform(context, 'adjustments add', { use_case: 'U', file, ...more })
  expect(codes(await refusedAndNothingStored(db.books, work))).toEqual([code])
})

test('a source without scenarios has the first one, and nothing to compare', async () => {
  const dry = await add('One', [`name: A, ${SOUND}, add: 1, scenario: ACTUAL`], {
    dry_run: true,
    date: '2025-12-24',
  })
  expect(dry.steps).toMatchObject([
    { scenario: 'ACTUAL', hits: 2, before: '3.50', effect: '2.00', after: '5.50' },
  ])
  expect(codes(await refused([`name: A, ${SOUND}, add: 1, scenario: PRIOR`], 'One'))).toEqual(['TIE-2705'])
  const compared = await refused([`${COMPARED} {key: [cc], prior: missing}`], 'One')
  expect(compared).toMatchObject([{ code: 'TIE-2706', message: expect.stringContaining('has no scenarios') }])
})

describe('at the run', () => {
  test('TIE-2709: amounts of too many digits, and the run has nothing', async () => {
    // 499 digits times 100 are 501.
    await facts(
      'fact_long',
      `cc,pnl_date,scenario,amt\nA,2025-12-24,ACTUAL,${'9'.repeat(499)}\nB,2025-12-24,ACTUAL,1\n`,
    )
    await apply('Long', 'fact_long', '{daily: amt}')
    const list = [`name: Tenfold, ${SOUND}, scale: 10`, `name: Again, ${SOUND}, scale: 10`]
    const dry = await refusedAndNothingStored(db.books, () => add('Long', list, { date: '2025-12-24' }))
    expect(dry).toMatchObject([
      { code: 'TIE-2709', message: expect.stringContaining('Adjustment 2 "Again"') },
    ])
    expect(dry[0]!.message).toContain('"amt" with more than 500 digits')
    await add('Long', list)
    const problems = await refusal(perform(context, 'runs create', { use_case: 'Long', date: '2025-12-24' }))
    expect(codes(problems)).toEqual(['TIE-2709', 'TIE-2502'])
    const { runs } = await perform(context, 'runs list', { use_case: 'Long' })
    expect(runs).toMatchObject([{ status: 'FAILED' }])
    expect(codes(await refusal(perform(context, 'runs adjustments', { run: runs[0].id })))).toEqual([
      'TIE-1106',
    ])
    // One that leaves such facts out can be applied.
    await apply('Long too', 'fact_long', '{daily: amt}')
    await add(
      'Long too',
      list.map((one) => `${one}, where: "cc = 'B'"`),
    )
    const run = await perform(context, 'runs create', { use_case: 'Long too', date: '2025-12-24' })
    expect(run.tie_out[0].adjustment).toBe('99')
  })

  test('factors of many digits are exact, also far beyond doubles', async () => {
    await apply('Large', 'fact_a', '{daily: amt}')
    const list = Array.from({ length: 3 }, (_, i) => `name: S${i}, ${SOUND}, scale: ${'9'.repeat(100)}`)
    const { steps } = await add('Large', list, { date: '2025-12-24', dry_run: true })
    const last = steps.filter(({ scenario }: Output) => scenario === 'ACTUAL').at(-1)
    // 1.50 × (10^100 − 1)³
    expect(last.after.replace('.', '')).toBe(((10n ** 100n - 1n) ** 3n * 150n).toString())
  })

  describe('TIE-2716: factors in force at once have at most 300 digits', () => {
    // 99 digits each: one before the point, 98 after it.
    const scaled = (name: string, more = '') => `name: ${name}, ${SOUND}, scale: 3.${'3'.repeat(97)}1${more}`

    test('the fourth is refused, unless it is for other days or rounds', async () => {
      await apply('Digits', 'fact_a', '{daily: amt}')
      const three = [
        scaled('A'),
        scaled('B', ', valid_to: 2025-12-24'),
        scaled('C', ', valid_from: 2025-12-24'),
      ]
      const problems = await refused([...three, scaled('D', ', valid_from: 2025-12-01')], 'Digits')
      expect(problems.map(({ code, place }) => `${code}@${place?.line}`)).toEqual([
        'TIE-2716@2',
        'TIE-2716@3',
        'TIE-2716@4',
        'TIE-2716@5',
      ])
      expect(problems[0]!.message).toBe(
        'On 2025-12-24 the factors in force would have 396 digits together; the limit is 300.',
      )
      await add('Digits', three)
      expect(codes(await refused([scaled('D')], 'Digits'))).toEqual(['TIE-2716'])
      expect(
        codes(await refused([scaled('D', ', valid_from: 2025-12-24, valid_to: 2025-12-24')], 'Digits')),
      ).toEqual(['TIE-2716'])
      const dry = { dry_run: true }
      // A and C alone from the 25th on, A and B alone until the 23rd.
      expect((await add('Digits', [scaled('D', ', valid_from: 2025-12-25')], dry)).new).toBe(1)
      expect((await add('Digits', [scaled('D', ', valid_to: 2025-12-23')], dry)).new).toBe(1)
      expect(
        (
          await add(
            'Digits',
            [`name: D, ${SOUND}, scale: 0.33333, round: 2`, `name: E, ${SOUND}, add: 1.5`],
            dry,
          )
        ).new,
      ).toBe(2)
      const run = await perform(context, 'runs create', { use_case: 'Digits', date: '2025-12-24' })
      expect(run.status).toBe('COMPLETED')
      expect(await perform(context, 'runs verify', { run: run.run_id })).toMatchObject({ verdict: 'match' })
    })
  })

  test('TIE-2715: a use case that moved away from under its adjustments', async () => {
    await apply('Moved', 'fact_a', '{daily: amt}')
    await add('Moved', [`name: A, ${SOUND}, add: 1, where: "qty = 2"`, `name: B, measures: [qty], add: 1`])
    expect((await perform(context, 'runs create', { use_case: 'Moved', date: '2025-12-24' })).status).toBe(
      'COMPLETED',
    )
    await apply('Moved', 'fact_b', '{weekly: other}')
    const problems = await refusal(perform(context, 'runs create', { use_case: 'Moved', date: '2025-12-24' }))
    expect(codes(problems)).toEqual(['TIE-2704', 'TIE-2202', 'TIE-2715', 'TIE-2704', 'TIE-2715', 'TIE-2502'])
    expect(problems[2]!.message).toBe('Adjustment 1 "A" does not fit the use case any more.')
    // What was calculated before still verifies.
    const { runs } = await perform(context, 'runs list', { use_case: 'Moved' })
    const completed = runs.find(({ status }: Output) => status === 'COMPLETED')
    expect(await perform(context, 'runs verify', { run: completed.id })).toMatchObject({ verdict: 'match' })
  })

  test('a measure that moves to another column takes its adjustments along', async () => {
    await apply('Remapped', 'fact_a', '{daily: amt}')
    await add('Remapped', [`name: A, ${SOUND}, scale: 3`])
    await apply('Remapped', 'fact_a', '{daily: qty}')
    const run = await perform(context, 'runs create', { use_case: 'Remapped', date: '2025-12-24' })
    // ACTUAL has one fact: 2 becomes 6.
    expect(run.tie_out[0]).toMatchObject({ facts: '2', adjustment: '4', root_plug: '-4' })
  })
})
