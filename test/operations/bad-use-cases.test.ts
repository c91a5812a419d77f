import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  perform,
  refusedAndNothingStored,
} from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
  context = contextOf(db.books, db.tenant)
  const structure = folder.write(
    's.csv',
    'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\nC,B,Gamma\n',
  )
  await perform(context, 'structures import', { name: 'S', file: structure })
  const facts = folder.write(
    'f.csv',
    'cc,pnl_date,scenario,amt,qty\nA,2025-12-24,ACTUAL,1.50,2\nB,2025-12-24,ACTUAL,2,3\n',
  )
  await perform(context, 'facts import', { file: facts, table: 'fact_a' })
  const undated = folder.write('n.csv', 'cc,amt\nA,1.50\n')
  await perform(context, 'facts import', { file: undated, table: 'fact_undated' })
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

interface Parts {
  readonly name?: string
  readonly structure?: string
  readonly source?: string
  readonly measures?: string
  readonly drivers?: string
  readonly rules?: readonly string[]
}

const useCase = ({
  name = 'U',
  structure = 'S',
  source = '{table: fact_a, date: pnl_date, scenario: scenario}',
  measures = '{daily: amt}',
  drivers = '[{nodes: leaves, column: cc, value: node_id}]',
  rules = [],
}: Parts = {}): string =>
  [
    `use_case: ${name}`,
    `structure: ${structure}`,
    `source: ${source}`,
    `measures: ${measures}`,
    `drivers: ${drivers}`,
    'rules:',
    ...rules.map((rule) => `  - ${rule}`),
  ]
    .join('\n')
    .replace(/rules:$/, 'rules: []')

let made = 0
const apply = (content: string | Uint8Array, more: object = {}) =>
  perform(context, 'use-cases apply', { file: folder.write(`u${++made}.yaml`, content), ...more })
const refused = (content: string | Uint8Array) => refusedAndNothingStored(db.books, () => apply(content))

test('every problem of a file is told at once, each where it stands', async () => {
  const problems = await refused(
    useCase({
      measures: '{daily: amount}',
      rules: [
        `{node: A, where: "amtt = 1"}`,
        `{node: Z, where: "amt = and"}`,
        `{node: B, formula: "A +"}`,
        `{node: R, where: "qty = 2", measure_name: qyt}`,
        `{node: R, where: "qty = 2", measure_name: qty, into: dayly}`,
        `{node: C, where: "cc = 5 and qty = 'x'"}`,
        `{node: C, formula: "NOPE + [Beta]"}`,
        `{node: A}`,
      ],
    }),
  )
  expect(problems.map(({ code, place }) => [code, place?.line])).toEqual([
    ['TIE-2304', 4],
    ['TIE-2202', 7],
    ['TIE-2306', 8],
    ['TIE-2201', 8],
    ['TIE-2201', 9],
    ['TIE-2304', 10],
    ['TIE-2303', 11],
    ['TIE-2203', 12],
    ['TIE-2203', 12],
    ['TIE-2204', 13],
    ['TIE-2310', 14],
  ])
  expect(problems[1]!.remedy).toContain('Did you mean "amt"?')
  expect(problems[5]!.remedy).toContain('Did you mean "qty"?')
  expect(problems[6]!.message).toBe('There is no measure "dayly" in this use case; it has daily.')
  for (const { place } of problems) expect(place?.file).toContain(`u${made}.yaml`)
})

test('a rule that cannot be read is shown with a caret under the very character', async () => {
  const rule = `{node: A, where: "cc = 'A' and amt = and"}`
  const [problem, ...rest] = await refused(useCase({ rules: [rule] }))
  expect(rest).toEqual([])
  expect(problem!.code).toBe('TIE-2201')
  const [text, caret] = problem!.place!.frame!.split('\n')
  expect(text).toBe("cc = 'A' and amt = and")
  expect(caret).toBe(`${' '.repeat(text!.lastIndexOf('and'))}^`)
  // The column of the file points to it as well.
  expect(problem!.place!.column).toBe(`  - ${rule}`.lastIndexOf('and') + 1)
})

test.each<[string, Parts, string[]]>([
  ['a structure that is not there', { structure: 'T' }, ['TIE-1101']],
  ['a table that is not there', { source: '{table: fact_b, date: pnl_date, scenario: null}' }, ['TIE-1104']],
  ['silence about date and scenario', { source: '{table: fact_a}' }, ['TIE-2312', 'TIE-2312']],
  [
    'a date column that is not there',
    { source: '{table: fact_undated, date: pnl_date, scenario: null}' },
    ['TIE-2304'],
  ],
  ['a date column that is no date', { source: '{table: fact_a, date: cc, scenario: null}' }, ['TIE-2302']],
  [
    'a scenario column that is not there',
    { source: '{table: fact_a, date: pnl_date, scenario: scenari}' },
    ['TIE-2304'],
  ],
  ['a measure of text', { measures: '{daily: cc}' }, ['TIE-2305']],
  ['no measure at all', { measures: '{}' }, ['TIE-2302']],
  [
    'a driver column that is not there',
    { drivers: '[{nodes: all, column: ccc, value: node_id}]' },
    ['TIE-2304'],
  ],
  [
    'a driver on a node that is not there',
    { drivers: '[{nodes: [A, Q], column: cc, value: node_id}]' },
    ['TIE-2306'],
  ],
  [
    'the same binding twice',
    { drivers: '[{nodes: leaves, column: cc, value: node_id}, {nodes: [A], column: cc, value: node_id}]' },
    ['TIE-2307'],
  ],
  [
    'two rules for one measure of a node',
    { rules: [`{node: A, where: "qty = 1"}`, `{node: A, formula: "B"}`] },
    ['TIE-2308'],
  ],
  ['a rule without anything', { rules: ['{node: A}'] }, ['TIE-2310']],
  ['a rule with both', { rules: [`{node: A, where: "qty = 1", formula: "B"}`] }, ['TIE-2310']],
  ['a rule on UNASSIGNED', { rules: [`{node: UNASSIGNED, where: "qty = 1"}`] }, ['TIE-2306']],
  ['an unknown key', { rules: [`{node: A, wheer: "qty = 1"}`] }, ['TIE-2302']],
  ['an unknown scope', { rules: [`{node: A, where: "qty = 1", scope: tabel}`] }, ['TIE-2302']],
  [
    'a rule that switches to text',
    { rules: [`{node: A, where: "qty = 1", measure_name: cc}`] },
    ['TIE-2305'],
  ],
  ['a sum of text', { rules: [`{node: A, formula: "sum(cc)"}`] }, ['TIE-2206']],
  ['like on a number', { rules: [`{node: A, where: "qty like '1%'"}`] }, ['TIE-2209']],
  ['a pattern that escapes nothing', { rules: [`{node: A, where: 'cc like ''a\\'''}`] }, ['TIE-2210']],
  ['a day that is none', { rules: [`{node: A, where: "pnl_date = date '2025-02-30'"}`] }, ['TIE-2211']],
  ['an open quote in a rule', { rules: [`{node: A, where: "cc = 'x"}`] }, ['TIE-2208']],
  ['parentheses without end', { rules: [`{node: A, where: "${'('.repeat(10_000)}"}`] }, ['TIE-2207']],
])('%s is refused', async (_, parts, expected) => {
  const problems = await refused(useCase(parts))
  expect(codes(problems)).toEqual(expected)
})

test('a cycle of formulas is told by the names on it', async () => {
  const [problem] = await refused(
    useCase({ rules: [`{node: A, formula: "B + 1"}`, `{node: B, formula: "A + 1"}`] }),
  )
  expect(problem).toMatchObject({ code: 'TIE-2309', place: { line: expect.any(Number) } })
  expect(problem!.message).toMatch(/(Alpha \(A\) → Beta \(B\) → Alpha|Beta \(B\) → Alpha \(A\) → Beta)/)
})

test('a formula that names its ancestor is a cycle, natural of it is none', async () => {
  const [problem] = await refused(useCase({ rules: [`{node: C, formula: "R + 1"}`] }))
  expect(problem!.code).toBe('TIE-2309')
  for (const name of ['Root', 'Gamma']) expect(problem!.message).toContain(name)
  expect(
    await apply(useCase({ rules: [`{node: C, formula: "natural(R) + 1"}`] }), { dry_run: true }),
  ).toMatchObject({
    rules: 1,
  })
})

test.each<[string, string, string]>([
  ['YAML that is none', 'use_case: [', 'TIE-2301'],
  ['a key twice', 'use_case: A\nuse_case: B\n', 'TIE-2301'],
  ['an empty file', '', 'TIE-2302'],
  ['a list', '- a\n', 'TIE-2302'],
  ['an alias', `${useCase()}\ndescription: *x\n`, 'TIE-2302'],
  ['sequences 100,000 deep', '['.repeat(100_000), 'TIE-2301'],
])('%s is refused', async (_, content, code) => {
  const problems = await refused(content)
  expect(problems[0]).toMatchObject({ code, place: { file: expect.any(String), line: expect.any(Number) } })
})

test('a dry run checks and stores nothing', async () => {
  const text = useCase({ name: 'Dry' })
  expect(await apply(text, { dry_run: true })).toMatchObject({ version: 1, changed: true, dry_run: true })
  expect(
    (await perform(context, 'use-cases list')).use_cases.map(({ name }: { name: string }) => name),
  ).not.toContain('Dry')
  expect(await apply(text)).toMatchObject({ version: 1, changed: true })
  expect(await apply(text)).toMatchObject({ version: 1, changed: false })
})

test('the exported file applies as unchanged, whatever is in it', async () => {
  await apply(
    useCase({
      name: 'Round',
      measures: '{daily: amt, units: qty}',
      rules: [
        `{node: A, where: "cc in ('A','B') and not (qty between 1 and 2 or cc like 'x%')", scope: table, note: "why: because"}`,
        `{node: B, where: "cc is not null", measure_name: qty, into: daily}`,
        `{node: C, formula: "(A - natural(B)) / 3 * 1.10 + sum(amt where qty >= 2)", into: units}`,
      ],
    }),
  )
  const { yaml } = await perform(context, 'use-cases export', { use_case: 'Round' })
  expect(await apply(yaml)).toMatchObject({ use_case: 'Round', version: 1, changed: false })
  expect((await perform(context, 'use-cases export', { use_case: 'Round' })).yaml).toBe(yaml)
})

test('a run of what is not there, and of a date that is none', async () => {
  await apply(useCase({ name: 'Runs' }))
  const create = (input: object) =>
    refusedAndNothingStored(db.books, () => perform(context, 'runs create', { date: '2025-12-24', ...input }))
  expect(codes(await create({ use_case: 'Runz' }))).toEqual(['TIE-1102'])
  for (const date of ['2025-02-30', '24.12.2025', '', '2025-12-24T00:00', "' or 1=1"])
    expect(codes(await create({ use_case: 'Runs', date }))).toEqual(['TIE-2501'])
})

test('a date without facts is a run with a finding, not an error', async () => {
  await apply(useCase({ name: 'Runs' }))
  const run = await perform(context, 'runs create', { use_case: 'Runs', date: '1999-12-31' })
  expect(run).toMatchObject({ status: 'COMPLETED', facts: 0, cells: 0 })
  expect(run.findings.map(({ code }: { code: string }) => code)).toContain('SCENARIO_MISSING')
})

test('a structure that moved away under a use case fails the run, names the cause and keeps no result', async () => {
  const write = (rows: string) => folder.write('moving.csv', `node_id,parent_node_id,node_name\n${rows}`)
  await perform(context, 'structures import', { name: 'M', file: write('R,,Root\nA,R,Alpha\nB,R,Beta\n') })
  await apply(useCase({ name: 'Moving', structure: 'M', rules: [`{node: B, formula: "A * 2"}`] }))
  await perform(context, 'structures import', { name: 'M', file: write('R,,Root\nA,R,Alpha\n') })
  const failed = await perform(context, 'runs create', { use_case: 'Moving', date: '2025-12-24' }).catch(
    (e) => e,
  )
  expect(codes(failed.problems)).toEqual(['TIE-2306', 'TIE-2502'])
  expect(failed.problems[0].message).toContain('"B" (rule 1 on B)')
  const { runs } = await perform(context, 'runs list', { use_case: 'Moving' })
  expect(runs).toHaveLength(1)
  const shown = await perform(context, 'runs show', { run: runs[0].id })
  expect(shown).toMatchObject({ status: 'FAILED', results_count: 0, findings: [], result_digest: null })
  expect(shown.error.problems[0].code).toBe('TIE-2306')
  const refusedResults = await perform(context, 'runs results', { run: runs[0].id }).catch((e) => e)
  expect(refusedResults.code).toBe('TIE-1106')
})

describe('at the edges', () => {
  test.each([
    ['NUL', '"a\\0b"'],
    ['half a surrogate pair', '"a\\ud800b"'],
  ])('a name with %s is refused', async (_, name) => {
    await refused(useCase({ name }))
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const [before, after] = useCase({ name: 'Caf@' }).split('@') as [string, string]
    await refused(Buffer.concat([Buffer.from(before), Buffer.from([0xe9]), Buffer.from(after)]))
  })

  test('a measure named __proto__ is kept or refused', async () => {
    const out = await apply(useCase({ name: 'P', measures: '{__proto__: amt, daily: amt}' }), {
      dry_run: true,
    })
    expect(out.measures).toEqual(['__proto__', 'daily'])
  })

  test('nesting without end is told in a few problems', async () => {
    expect((await refused('['.repeat(100_000))).length).toBeLessThan(20)
  })
})
