import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { KeptFrames } from '#tieout/engines/kept-frames'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import {
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusedAndNothingStored,
  tableCounts,
} from '../support/cli.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books, await newTenant(db.books))
  const structure = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nA1,A,One\nA2,A,Two\nB,R,Beta\n'
  await perform(context, 'structures import', { name: 'S', file: folder.write('s.csv', structure) })
  const facts = `cc,pnl_date,book,amt,fee
A1,2025-12-24,B1,10.00,1.00
A1,2025-12-24,B2,15.00,1.50
A2,2025-12-24,B1,20.00,2.00
B,2025-12-24,B3,7.00,0.70
`
  await perform(context, 'facts import', { file: folder.write('f.csv', facts), table: 'fact_tried' })
  const yaml = `use_case: Tried
structure: S
source: {table: fact_tried, date: pnl_date, scenario: null}
measures: {daily: amt}
drivers: [{nodes: leaves, column: cc}]
rules:
  - {node: A1, where: "book = 'B1'"}
`
  await perform(context, 'use-cases apply', { file: folder.write('u.yaml', yaml) })
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const tryOut = (edits: object, more: object = {}): Promise<Output> =>
  perform(context, 'whatif', { use_case: 'Tried', date: '2025-12-24', edits, ...more })

/** `node: adjusted → adjusted (difference), plug → plug`. */
const lines = ({ rows }: Output): string[] =>
  rows.map(
    ({ node_id, before, after, difference }: Output) =>
      `${node_id}: ${before?.adjusted ?? '·'} → ${after?.adjusted ?? '·'} (${difference ?? '·'}), plug ${before?.plug ?? '·'} → ${after?.plug ?? '·'}`,
  )

describe('whatif', () => {
  test.each<[string, object, string[]]>([
    // A1 = 10 of 25; without the rule 25, so A = 25 + 20 = 45, R = 45 + 7 = 52.
    [
      'a rule taken away',
      { remove_rules: [{ node: 'A1' }] },
      [
        'R: 37.00 → 52.00 (15.00), plug 15.00 → 0.00',
        'A: 30.00 → 45.00 (15.00), plug 15.00 → 0.00',
        'A1: 10.00 → 25.00 (15.00), plug 15.00 → 0.00',
      ],
    ],
    [
      'a rule replaced and one added: A1 = 15, B = 2 × 20 = 40',
      {
        set_rules: [
          { node: 'A1', where: "book = 'B2'" },
          { node: 'B', formula: '2 * A2' },
        ],
      },
      [
        'R: 37.00 → 75.00 (38.00), plug 15.00 → -23.00',
        'A: 30.00 → 35.00 (5.00), plug 15.00 → 10.00',
        'A1: 10.00 → 15.00 (5.00), plug 15.00 → 10.00',
        'B: 7.00 → 40.00 (33.00), plug 0.00 → -33.00',
      ],
    ],
    [
      'another mapping: fees 1 of 2.50 in A1, 2 in A2, 0.70 in B',
      { measures: { daily: 'fee' } },
      [
        'R: 37.00 → 3.70 (-33.30), plug 15.00 → 1.50',
        'A: 30.00 → 3.00 (-27.00), plug 15.00 → 1.50',
        'A1: 10.00 → 1.00 (-9.00), plug 15.00 → 1.50',
        'A2: 20.00 → 2.00 (-18.00), plug 0.00 → 0.00',
        'B: 7.00 → 0.70 (-6.30), plug 0.00 → 0.00',
      ],
    ],
    ['nothing edited', {}, []],
    [
      'a division by zero empties the cell and what is made of it',
      { set_rules: [{ node: 'B', formula: '1 / 0' }] },
      ['R: 37.00 → · (·), plug 15.00 → ·', 'B: 7.00 → · (·), plug 0.00 → ·'],
    ],
  ])('%s', async (_, edits, expected) => {
    const before = await tableCounts(db.books)
    const out = await tryOut(edits)
    expect(lines(out)).toEqual(expected)
    expect(out).toMatchObject({ trial: true, version: 1, facts: 4, cells: 6, changed: expected.length })
    expect(await tableCounts(db.books)).toEqual(before)
  })

  test('gives the digest that a run has once the edits are saved', async () => {
    const edits = { policy: 'top_down', set_rules: [{ node: 'A', where: "book != 'B1'" }] }
    const { result_digest, policy } = await tryOut(edits)
    expect(policy).toEqual({ before: 'most_specific', after: 'top_down' })
    const { yaml } = await perform(context, 'use-cases export', { use_case: 'Tried' })
    await perform(context, 'use-cases apply', {
      file: folder.write('saved.yaml', yaml.replace('use_case: Tried', 'use_case: Saved')),
    })
    const run = () => perform(context, 'runs create', { use_case: 'Saved', date: '2025-12-24' })
    expect((await run()).result_digest).toBe(result_digest.before)
    await perform(context, 'use-cases update', { use_case: 'Saved', ...edits })
    expect((await run()).result_digest).toBe(result_digest.after)
  })

  test('findings that the edits bring come first', async () => {
    const { findings, new_findings } = await tryOut({ set_rules: [{ node: 'B', where: "book = 'B33'" }] })
    expect(new_findings).toBe(1)
    expect(findings[0]).toMatchObject({ code: 'RULE_MATCHES_NOTHING', node_id: 'B' })
    expect(findings[0].suggestion).toContain("book = 'B3'")
  })

  test.each<[object, string]>([
    [{ edits: { set_rules: [{ node: 'A9', formula: '1' }] } }, 'TIE-2306 /set_rules/0/node'],
    [{ edits: { set_rules: [{ node: 'A', where: "bok = 'B1'" }] } }, 'TIE-2202 /set_rules/0/where'],
    [{ edits: { set_rules: [{ node: 'A', formula: 'R + 1' }] } }, 'TIE-2309 /set_rules/0'],
    [{ edits: { rules: [{ node: 'A', formula: '(' }] } }, 'TIE-2201 /rules/0/formula'],
    [{ edits: { remove_rules: [{ node: 'A11' }] } }, 'TIE-2314 /remove_rules/0'],
    [{ edits: { source: { table: 'fact_tied', date: null, scenario: null } } }, 'TIE-1104 '],
    [{ edits: {}, date: 'today' }, 'TIE-2501 '],
    [{ edits: {}, use_case: 'Tired' }, 'TIE-1102 '],
  ])('%j: %s, nothing stored', async (input, expected) => {
    const [first] = await refusedAndNothingStored(db.books, () =>
      perform(context, 'whatif', { use_case: 'Tried', date: '2025-12-24', ...input }),
    )
    expect(`${first!.code} ${first!.place?.pointer ?? ''}`).toBe(expected)
  })
})

describe('a trial kept as a run', () => {
  const trial = (edits: object, more: object = {}) =>
    perform(context, 'runs create', { use_case: 'Tried', date: '2025-12-24', name: 'trial', edits, ...more })

  test('has the figures of the edits, is marked, verifies, and leaves the use case as it is', async () => {
    const edits = { set_rules: [{ node: 'B', formula: '2 * A2' }] }
    const made = await trial(edits)
    expect(made).toMatchObject({ trial: true, status: 'COMPLETED' })
    expect(made.result_digest).toBe((await tryOut(edits)).result_digest.after)
    expect(await perform(context, 'runs verify', { run: made.run_id })).toMatchObject({
      verdict: 'match',
      stale: [],
    })
    expect(await perform(context, 'rules list', { use_case: 'Tried' })).toMatchObject({ version: 1 })
    const { runs } = await perform(context, 'runs list', { use_case: 'Tried', limit: 1 })
    expect(runs).toMatchObject([{ id: made.run_id, trial: true }])
    // Compared with the use case as it is: B 7 → 2 × 20 = 40, and the root with it.
    const plain = await perform(context, 'runs create', { use_case: 'Tried', date: '2025-12-24' })
    expect(plain.trial).toBe(false)
    const { differing, rows } = await perform(context, 'runs compare', {
      run: plain.run_id,
      other: made.run_id,
    })
    expect(differing).toEqual(['rules'])
    expect(rows.map(({ node_id, adjusted }: Output) => [node_id, adjusted.causes])).toEqual([
      ['R', { rules: '33.00' }],
      ['B', { rules: '33.00' }],
    ])
  })

  test('edits saved after a trial get a version of their own', async () => {
    const { yaml } = await perform(context, 'use-cases export', { use_case: 'Tried' })
    const file = folder.write('after.yaml', yaml.replace('use_case: Tried', 'use_case: After'))
    await perform(context, 'use-cases apply', { file })
    const made = await trial({ remove_rules: [{ node: 'A1' }] }, { use_case: 'After' })
    const saved = await perform(context, 'rules remove', { use_case: 'After', no: 1 })
    expect(saved).toMatchObject({ version: 3, changed: true })
    expect(await perform(context, 'runs verify', { run: made.run_id })).toMatchObject({ verdict: 'match' })
  })

  test('a broken edit stores nothing', async () => {
    const problems = await refusedAndNothingStored(db.books, () =>
      trial({ set_rules: [{ node: 'A', where: '(' }] }),
    )
    expect(problems[0]).toMatchObject({ code: 'TIE-2201', place: { pointer: '/set_rules/0/where' } })
  })
})

describe('rules preview', () => {
  const preview = (rule: object): Promise<Output> =>
    perform(context, 'rules preview', { use_case: 'Tried', date: '2025-12-24', ...rule })

  test('says what the rule finds, shows facts of it, and the figures of its node and the root', async () => {
    const before = await tableCounts(db.books)
    const out = await preview({ node: 'A1', where: "book = 'B2'", examples: 2 })
    expect(out).toMatchObject({
      rule: "where book = 'B2'",
      outcome: 'decides',
      found: [{ where: "book = 'B2'", facts: 1, amounts: [{ column: 'amt', amount: '15.00' }] }],
      near_misses: [],
      changed: 3,
    })
    expect(out.examples).toEqual([{ values: { book: 'B2', cc: 'A1' }, amounts: { amt: '15.00' }, facts: 1 }])
    // A1 of 25: the saved rule takes 10, this one 15.
    expect(lines({ rows: [...out.node, ...out.root] })).toEqual([
      'A1: 10.00 → 15.00 (5.00), plug 15.00 → 10.00',
      'R: 37.00 → 42.00 (5.00), plug 15.00 → 10.00',
    ])
    expect(await tableCounts(db.books)).toEqual(before)
  })

  test('a rule that finds nothing names what it nearly found', async () => {
    const out = await preview({ node: 'B', where: "book = 'B33'" })
    expect(out).toMatchObject({ found: [{ facts: 0 }], examples: [], near_misses: ["book = 'B3'"] })
    expect(out.findings.map(({ code }: Output) => code)).toEqual(['RULE_MATCHES_NOTHING'])
  })

  test('a rule that would be skipped says why', async () => {
    const out = await preview({ node: 'A', where: "book = 'B1'" })
    expect(out).toMatchObject({ outcome: 'skipped', changed: 0 })
    expect(out.reason).toContain('One (A1) below it has a rule of its own')
  })

  test('every sum of a formula is told by itself', async () => {
    const out = await preview({ node: 'B', formula: "sum(amt where book = 'B1') - sum(fee)" })
    expect(out.found.map(({ where, facts }: Output) => `${where} ${facts}`)).toEqual([
      "book = 'B1' 2",
      'null 4',
    ])
    // 10 + 20 − (1 + 1.50 + 2 + 0.70) = 24.80
    expect(out.node[0].after.adjusted).toBe('24.80')
  })

  test.each<[object, string]>([
    [{ node: 'A9', formula: '1' }, 'TIE-2306 /node'],
    [{ node: 'A', where: "bok = 'B1'" }, 'TIE-2202 /where'],
    [{ node: 'A', formula: '1 +' }, 'TIE-2201 /formula'],
    [{ node: 'A', where: "book = 'B1'", date: 'tomorrow' }, 'TIE-2501 '],
  ])('%j: %s, nothing stored', async (rule, expected) => {
    const [first] = await refusedAndNothingStored(db.books, () => preview(rule))
    expect(`${first!.code} ${first!.place?.pointer ?? ''}`).toBe(expected)
  })
})

describe('on kept facts', () => {
  test('a second edit reads nothing, whatever columns it names, and gives the figures of a cold one', async () => {
    const frames = new KeptFrames({ memoryBytes: 1e8, directory: null, diskBytes: 0, now: () => 0 })
    const kept = { ...context, frames }
    const ask = (from: Context, edits: object): Promise<Output> =>
      perform(from, 'whatif', { use_case: 'Tried', date: '2025-12-24', edits })
    const wide = { set_rules: [{ node: 'B', formula: "sum(fee where book = 'B3')" }] }
    const narrow = { remove_rules: [{ node: 'A1' }] }
    const found = []
    for (const edits of [wide, narrow, wide]) {
      const { frame, ...rest } = await ask(kept, edits)
      const { frame: _, ...cold } = await ask(context, edits)
      expect(rest).toEqual(cold)
      found.push(frame)
    }
    expect(found).toEqual(['read', 'memory', 'memory'])
    // New facts are another place: they are read.
    const file = folder.write('late.csv', 'cc,pnl_date,book,amt,fee\nB,2025-12-24,B3,1.00,0.10\n')
    await perform(context, 'facts import', { file, table: 'fact_tried' })
    expect(await ask(kept, narrow)).toMatchObject({ frame: 'read', facts: 5 })
  })
})
