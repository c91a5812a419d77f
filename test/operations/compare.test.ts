import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, sharedTestBooks, type TestBooks } from '../support/books.js'
import { codes, contextOf, type Folder, makeFolder, type Output, perform, refusal } from '../support/cli.js'

let db: TestBooks
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

let files = 0
const write = (content: string, kind: string): string => folder.write(`f${++files}.${kind}`, content)
const newContext = async (): Promise<Context> => contextOf(db.books, await newTenant(db.books))

const structure = (context: Context, rows: string) =>
  perform(context, 'structures import', {
    name: 'S',
    file: write(`node_id,parent_node_id,node_name\n${rows}`, 'csv'),
  })
const facts = (context: Context, rows: string) =>
  perform(context, 'facts import', {
    file: write(`cc,pnl_date,scenario,book,amt,fee\n${rows}`, 'csv'),
    table: 'fact_compared',
  })
const useCase = (context: Context, more: string) =>
  perform(context, 'use-cases apply', {
    file: write(
      `use_case: Compared
structure: S
source: {table: fact_compared, date: pnl_date, scenario: scenario}
${more}`,
      'yaml',
    ),
  })
const run = async (context: Context, more: object = {}): Promise<string> =>
  (await perform(context, 'runs create', { use_case: 'Compared', date: '2025-12-24', ...more })).run_id
const compare = (context: Context, left: string, right: string, more: object = {}): Promise<Output> =>
  perform(context, 'runs compare', { run: left, other: right, ...more })

/** `node measure figure: left → right = cause …`, for ACTUAL. */
const lines = ({ rows }: Output): string[] =>
  rows
    .filter(({ scenario }: Output) => scenario === 'ACTUAL')
    .flatMap((row: Output) =>
      (['natural', 'adjusted'] as const)
        .filter((figure) => row[figure].difference !== '0' && !/^-?0\.0+$/.test(row[figure].difference))
        .map((figure) => {
          const { left, right, difference, causes } = row[figure]
          const parts = Object.entries(causes).map(([cause, value]) => `${cause} ${value}`)
          return `${row.node_id} ${row.measure} ${figure}: ${left ?? '·'} → ${right ?? '·'}, ${difference} = ${parts.join(' + ')}`
        }),
    )

const TREE = 'R,,Root\nA,R,Alpha\nA1,A,One\nA2,A,Two\n'
const MAPPING = 'measures: {daily: amt}\ndrivers: [{nodes: leaves, column: cc}]\n'

describe('a difference and its causes', () => {
  test('facts alone: what arrived is what moved', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(context, 'A1,2025-12-24,ACTUAL,B1,10.00,1.00\nA2,2025-12-24,ACTUAL,B1,20.00,2.00\n')
    await useCase(context, MAPPING)
    const left = await run(context)
    await facts(context, 'A2,2025-12-24,ACTUAL,B2,0.55,0.10\n')
    const found = await compare(context, left, await run(context))
    expect(found).toMatchObject({ differing: ['facts'], different: 3, residual_zero: true })
    expect(lines(found)).toEqual([
      'R daily natural: 30.00 → 30.55, 0.55 = facts 0.55',
      'R daily adjusted: 30.00 → 30.55, 0.55 = facts 0.55',
      'A daily natural: 30.00 → 30.55, 0.55 = facts 0.55',
      'A daily adjusted: 30.00 → 30.55, 0.55 = facts 0.55',
      'A2 daily natural: 20.00 → 20.55, 0.55 = facts 0.55',
      'A2 daily adjusted: 20.00 → 20.55, 0.55 = facts 0.55',
    ])
  })

  test('facts, mapping, hierarchy, rules and policy at once, each worth what it moves after those before it', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(
      context,
      'A1,2025-12-24,ACTUAL,B1,10.00,1.00\nA2,2025-12-24,ACTUAL,B1,20.00,2.00\nA3,2025-12-24,ACTUAL,B1,7.00,0.70\n',
    )
    await useCase(context, `${MAPPING}rules: [{node: A, where: "book = 'B1'"}]\n`)
    const left = await run(context)
    await facts(context, 'A1,2025-12-24,ACTUAL,B2,100.00,5.00\n')
    await structure(context, `${TREE}A3,A,Three\n`)
    await useCase(
      context,
      `measures: {daily: fee}\ndrivers: [{nodes: leaves, column: cc}]\nrules: [{node: A, where: "book = 'B1'"}, {node: A1, formula: "natural(A1) * 3"}]\n`,
    )
    const found = await compare(context, left, await run(context, { policy: 'top_down' }))
    expect(found).toMatchObject({
      differing: ['facts', 'mapping', 'hierarchy', 'rules', 'policy'],
      residual_zero: true,
    })
    // A adjusted, state by state: left 10 + 20 = 30 (book B1 below A); facts: the new one is of B2, still 30;
    // mapping: fees 1 + 2 = 3; hierarchy: A3 comes under A, 3.70; rules: A's filter is skipped for A1's rule,
    // A = 3 × (1 + 5) + 2 + 0.70 = 20.70; policy top_down: A's own filter stands again, 3.70.
    // A1 adjusted: 10 → 110 (facts) → 6 (mapping) → 6 → 18 (rules) → 18.
    expect(lines(found).filter((line) => /^(?:A|A1) daily adjusted/.test(line))).toEqual([
      'A daily adjusted: 30.00 → 3.70, -26.30 = facts 0.00 + mapping -27.00 + hierarchy 0.70 + rules 17.00 + policy -17.00',
      'A1 daily adjusted: 10.00 → 18.00, 8.00 = facts 100.00 + mapping -104.00 + hierarchy 0.00 + rules 12.00 + policy 0.00',
    ])
  })

  test('a rule that the state before it cannot hold counts where its node comes from', async () => {
    const context = await newContext()
    await structure(context, `${TREE}A3,A,Three\n`)
    await facts(context, 'A1,2025-12-24,ACTUAL,B1,10.00,1.00\nA3,2025-12-24,ACTUAL,B1,7.00,0.70\n')
    await useCase(context, `${MAPPING}rules: [{node: A3, formula: "1"}, {node: A1, formula: "2"}]\n`)
    const left = await run(context)
    // A3 goes, and its rule with it: without the node the fact is unassigned.
    await useCase(context, `${MAPPING}rules: [{node: A1, formula: "3"}]\n`)
    await structure(context, TREE)
    const found = await compare(context, left, await run(context))
    // Root adjusted: 2 + 1 = 3; hierarchy without A3 and its rule: 2 + 7 unassigned = 9; rules: 3 + 7 = 10.
    expect(lines(found).filter((line) => line.startsWith('R daily adjusted'))).toEqual([
      'R daily adjusted: 3.00 → 10.00, 7.00 = hierarchy 6.00 + rules 1.00',
    ])
    expect(found.residual_zero).toBe(true)
    // The node that only the left has comes last.
    expect(found.rows.at(-1)).toMatchObject({
      node_id: 'A3',
      natural: { left: '7.00', right: null, difference: '-7.00' },
    })
  })

  test('a cell that is empty on one side has no difference, and is told', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(context, 'A1,2025-12-24,ACTUAL,B1,10.00,0\nA2,2025-12-24,ACTUAL,B1,5.00,0\n')
    await useCase(context, `${MAPPING}rules: [{node: A1, formula: "1 / (natural(A2) - 5)"}]\n`)
    const left = await run(context)
    await facts(context, 'A2,2025-12-24,ACTUAL,B1,1.00,0\n')
    const { rows } = await compare(context, left, await run(context))
    expect(rows.find(({ node_id }: Output) => node_id === 'A1').adjusted).toEqual({
      left: null,
      right: '1.00',
      difference: null,
      causes: {},
      residual: null,
    })
  })

  test('two dates of one use case: the difference is of facts', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(context, 'A1,2025-12-23,ACTUAL,B1,10.00,1.00\nA1,2025-12-24,ACTUAL,B1,11.50,1.00\n')
    await useCase(context, MAPPING)
    const found = await compare(context, await run(context, { date: '2025-12-23' }), await run(context))
    expect(lines(found)[0]).toBe('R daily natural: 10.00 → 11.50, 1.50 = facts 1.50')
  })

  test('a run and itself', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(context, 'A1,2025-12-24,ACTUAL,B1,10.00,1.00\n')
    await useCase(context, MAPPING)
    const id = await run(context)
    expect(await compare(context, id, await run(context))).toMatchObject({
      differing: [],
      different: 0,
      rows: [],
    })
    const all = await compare(context, id, id, { all: true, measure: 'daily', scenario: 'ACTUAL' })
    expect(all.rows).toHaveLength(5)
  })
})

describe('refused', () => {
  test('runs of different use cases, runs without results, unknown runs', async () => {
    const context = await newContext()
    await structure(context, TREE)
    await facts(context, 'A1,2025-12-24,ACTUAL,B1,10.00,1.00\n')
    await useCase(context, MAPPING)
    const left = await run(context)
    const { yaml } = await perform(context, 'use-cases export', { use_case: 'Compared' })
    await perform(context, 'use-cases apply', { file: write(yaml.replace('Compared', 'Other'), 'yaml') })
    const other = (await perform(context, 'runs create', { use_case: 'Other', date: '2025-12-24' })).run_id
    expect(codes(await refusal(compare(context, left, other)))).toEqual(['TIE-2606'])
    expect(codes(await refusal(compare(context, left, 'deadbeef')))).toEqual(['TIE-1103'])
  })

  test('when the file that was read in place has moved, and the causes need its facts', async () => {
    const context = await newContext()
    await structure(context, TREE)
    const path = write('cc,pnl_date,scenario,book,amt,fee\nA1,2025-12-24,ACTUAL,B1,10.00,1.00\n', 'csv')
    const apply = (rules: string) =>
      perform(context, 'use-cases apply', {
        file: write(
          `use_case: Compared\nstructure: S\nsource: {engine: duckdb, path: ${path}, date: pnl_date, scenario: scenario}\n${MAPPING}${rules}`,
          'yaml',
        ),
      })
    await apply('')
    const left = await run(context)
    folder.write(
      path.split('/').at(-1)!,
      'cc,pnl_date,scenario,book,amt,fee\nA1,2025-12-24,ACTUAL,B1,12.00,1.00\n',
    )
    await apply('rules: [{node: A2, formula: "5"}]\n')
    const right = await run(context)
    // Facts 10 → 12 and a rule worth 5: the right run's facts are the file as it is.
    expect(lines(await compare(context, left, right))[1]).toBe(
      'R daily adjusted: 10.00 → 17.00, 7.00 = facts 2.00 + rules 5.00',
    )
    folder.write(
      path.split('/').at(-1)!,
      'cc,pnl_date,scenario,book,amt,fee\nA1,2025-12-24,ACTUAL,B1,13.00,1.00\n',
    )
    expect(codes(await refusal(compare(context, left, right)))).toEqual(['TIE-2607'])
  })
})

describe('random pairs of runs', () => {
  const cents = fc.integer({ min: -99_999, max: 99_999 }).map((n) => (n / 100).toFixed(2))
  const node = fc.constantFrom('A1', 'A2', 'A3', 'B1', 'B2')
  const fact = fc
    .tuple(node, fc.constantFrom('ACTUAL', 'PRIOR'), fc.constantFrom('X', 'Y', ''), cents, cents)
    .map(([cc, scenario, book, amt, fee]) => `${cc},2025-12-24,${scenario},${book},${amt},${fee}\n`)
  const edges = fc
    .record({
      a: fc.constantFrom('R', 'B'),
      a3: fc.constantFrom('A', 'B', ''),
      b2: fc.constantFrom('R', 'B', ''),
    })
    .map(({ a, a3, b2 }) =>
      [
        'R,,Root',
        'B,R,Beta',
        `A,${a},Alpha`,
        'A1,A,A one',
        'A2,A,A two',
        'B1,B,B one',
        ...(a3 === '' ? [] : [`A3,${a3},A three`]),
        ...(b2 === '' ? [] : [`B2,${b2},B two`]),
      ].join('\n'),
    )
  const text = fc.constantFrom(
    'where: "book = \'X\'"',
    'where: "book is null or amt > 100"',
    'where: "book != \'Y\'", scope: table',
    'measure_name: fee, into: daily',
    'where: "book = \'Y\'", measure_name: daily, into: daily',
    'formula: "natural(A1) - 2 * natural(B1)"',
    'formula: "sum(fee where book = \'X\') / 3", into: daily',
    'formula: "1 / natural(A2)"',
  )
  const rules = fc
    .uniqueArray(fc.tuple(fc.constantFrom('A', 'A1', 'A2', 'B', 'B1', 'R'), text), {
      selector: ([n]) => n,
      maxLength: 4,
    })
    .map((list) => list.map(([n, rule]) => `  - {node: ${n}, ${rule}}\n`).join(''))
  const mapping = fc.constantFrom(
    '{daily: amt}',
    '{daily: fee}',
    '{daily: amt, fees: fee}',
    '{daily: fee, gross: amt}',
  )
  const state = fc.record({
    facts: fc.array(fact, { minLength: 1, maxLength: 12 }),
    edges,
    rules,
    mapping,
    policy: fc.constantFrom('most_specific', 'top_down'),
  })

  const units = (amount: string): bigint => {
    const [whole, fraction = ''] = amount.split('.')
    return BigInt(`${whole}${fraction.padEnd(30, '0')}`)
  }

  async function causesSum(pairs: number): Promise<void> {
    const context = await newContext()
    const seen = new Set<string>()
    const made = async ({ facts: rows, edges: tree, rules: ruled, mapping: measures, policy }: Output) => {
      await facts(context, rows.join(''))
      await structure(context, `${tree}\n`)
      await useCase(
        context,
        `measures: ${measures}\npolicy: ${policy}\ndrivers: [{nodes: leaves, column: cc}]\nrules:\n${ruled === '' ? '  []\n' : ruled}`,
      )
      return run(context)
    }
    let before: string | undefined
    let compared = 0
    await fc.assert(
      fc.asyncProperty(state, async (now) => {
        const id = await made(now).catch((error: { code?: string }) => {
          // A random rule may name a node that this structure does not have.
          if (error.code === undefined) throw error
          return undefined
        })
        if (id === undefined) return
        if (before !== undefined) {
          const { rows, differing, residual_zero } = await compare(context, before, id, { all: true })
          compared += 1
          for (const cause of differing) seen.add(cause)
          expect(residual_zero).toBe(true)
          for (const row of rows) {
            for (const figure of [row.natural, row.adjusted]) {
              if (figure.difference === null) continue
              const sum = Object.values<string>(figure.causes).reduce(
                (total, effect) => total + units(effect),
                0n,
              )
              expect(sum).toBe(units(figure.difference))
              expect(units(figure.right ?? '0') - units(figure.left ?? '0')).toBe(sum)
            }
          }
        }
        before = id
      }),
      { seed: 20251224, numRuns: Math.ceil(pairs * 1.3), endOnFailure: true },
    )
    expect(compared).toBeGreaterThanOrEqual(pairs)
    expect([...seen].sort()).toEqual(['facts', 'hierarchy', 'mapping', 'policy', 'rules'])
  }

  test('of 10 the causes sum to every difference', () => causesSum(10))

  test('of 100 as well', { tags: ['long'] }, () => causesSum(100))
})
