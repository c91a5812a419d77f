import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TenantId, Tx } from '#tieout/books/books'
import type { Context } from '#tieout/books/operation'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import {
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusal,
  tableCounts,
} from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books)
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const STRUCTURE = 'node_id,parent_node_id,node_name\nR,,Root\nA,R,Alpha\nB,R,Beta\n'
const FACTS = 'cc,pnl_date,amt\nA,2025-12-24,10.00\nB,2025-12-24,20.00\nB,2025-12-24,5.00\n'

const yamlOf = (name: string, rule = 'amt > 5', table = 'fact_kept'): string => `use_case: ${name}
structure: KEPT
source: {table: ${table}, date: pnl_date, scenario: null}
measures: {daily: amt}
drivers:
  - {nodes: leaves, column: cc, value: node_id}
rules:
  - {node: B, where: "${rule}"}
`

let made = 0
const write = (content: string, kind = 'csv'): string => folder.write(`file${++made}.${kind}`, content)

async function prepare(as: Context, facts = FACTS, name = 'Kept', table = 'fact_kept'): Promise<Output> {
  await perform(as, 'structures import', { name: 'KEPT', file: write(STRUCTURE) })
  await perform(as, 'facts import', { file: write(facts), table })
  await perform(as, 'use-cases apply', { file: write(yamlOf(name, 'amt > 5', table), 'yaml') })
  return perform(as, 'runs create', { use_case: name, date: '2025-12-24' })
}

/** A file of the same facts under another digest is an import of its own; a tenant of its own keeps tests apart. */
async function tenant(): Promise<Context> {
  return contextOf(db.books, await newTenant(db.books))
}

const adjust = (as: Context, action: string, name = 'Haircut'): Promise<Output> => {
  const content = `adjustments: [{name: ${name}, reason: r, owner: o, ${action}}]\n`
  return perform(as, 'adjustments add', { use_case: 'Kept', file: write(content, 'yaml') })
}

const asOwner = <T>(of: Context, work: (tx: Tx) => Promise<T>): Promise<T> =>
  db.books.transaction(of.tenant, (tx) => tx.asOwner(() => work(tx)))

/** What only somebody with the keys of the database can do. */
const tamper = (of: Context, table: string, sql: string): Promise<number> =>
  asOwner(of, async (tx) => {
    await tx.execute(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
    const changed = await tx.execute(sql)
    await tx.execute(`ALTER TABLE ${table} ENABLE TRIGGER USER`)
    return changed
  })

describe('what is kept refuses to change', () => {
  beforeAll(async () => {
    await prepare(context)
    const entries = `use_case: Entries
structure: KEPT
source: {table: fact_pnl_entries, date: pnl_date, scenario: scenario}
measures: {daily: daily_amount}
`
    await perform(context, 'use-cases apply', { file: write(entries, 'yaml') })
    const facts = write('pnl_date,scenario,daily_amount\n2025-12-24,ACTUAL,1\n')
    await perform(context, 'facts import', { file: facts, use_case: 'Entries' })
    await adjust(context, 'measures: [daily], scale: 0.5')
    await perform(context, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
  })

  const changes: readonly [string, string][] = [
    ['fact_kept', 'amt = 0'],
    ['fact_pnl_entries', 'daily_amount = 0'],
    ['fact_imports', "file_name = 'x'"],
    ['fact_tables', "physical_name = 'tenants'"],
    ['fact_calculated_results', 'fact_count = 0'],
    ['run_findings', "message = 'x'"],
    ['calculation_runs', "run_name = 'x'"],
    ['calculation_runs', "status = 'FAILED', error = '{}'"],
    ['structure_versions', "digest = 'x'"],
    ['dim_hierarchy', "node_name = 'x'"],
    ['use_case_versions', "digest = 'x'"],
    ['metadata_rules', "rule_text = 'x'"],
    ['fact_adjustments', "reason = 'x'"],
    ['fact_adjustments', "definition = '{}'"],
    ['fact_adjustments', "valid_to = '2025-12-01'"],
    ['run_adjustments', 'effect = 0, amount_after = amount_before'],
  ]
  const statements = changes.flatMap(([table, set]) => [
    `UPDATE ${table} SET ${set}`,
    `DELETE FROM ${table}`,
    `TRUNCATE ${table} CASCADE`,
  ])

  test.each([...new Set(statements)])('%s', async (sql) => {
    const before = await tableCounts(db.books)
    const run = (tx: Tx) => tx.execute(sql)
    // Row by row the triggers refuse; without the right the statement itself is refused.
    const refusals = /refuses (UPDATE|DELETE|TRUNCATE)|permission denied/
    await expect(db.books.transaction(context.tenant, run)).rejects.toThrow(refusals)
    await expect(asOwner(context, run)).rejects.toThrow(/refuses (UPDATE|DELETE|TRUNCATE)|is append-only/)
    expect(await tableCounts(db.books)).toEqual(before)
  })

  test('a completed run takes no further steps of adjustments', async () => {
    const { runs } = await perform(context, 'runs list', { use_case: 'Kept' })
    const add = (tx: Tx) =>
      tx.execute(
        `INSERT INTO run_adjustments (tenant_id, run_id, ordinal, adjustment_no, column_name, scenario, hits,
           amount_before, effect, amount_after) VALUES ($1, $2, 99, 1, 'amt', 'ACTUAL', 1, 1, 1, 2)`,
        [context.tenant, runs[0].id],
      )
    await expect(db.books.transaction(context.tenant, add)).rejects.toThrow(/refuses INSERT/)
    await expect(asOwner(context, add)).rejects.toThrow(/refuses INSERT/)
  })

  test('a completed run takes no further results and no further findings', async () => {
    const { runs } = await perform(context, 'runs list', { use_case: 'Kept' })
    const add = (tx: Tx) =>
      tx.execute(
        `INSERT INTO fact_calculated_results (tenant_id, calculation_run_id, ordinal, node_id, measure, scenario,
           "natural", direct, adjusted, plug, fact_count) VALUES ($1, $2, 99, 'X', 'm', 's', 1, 1, 1, 0, 1)`,
        [context.tenant, runs[0].id],
      )
    await expect(db.books.transaction(context.tenant, add)).rejects.toThrow(/refuses INSERT/)
    await expect(asOwner(context, add)).rejects.toThrow(/refuses INSERT/)
  })
})

describe('two tenants', () => {
  let ours: Context
  let theirs: Context
  let run: Output
  beforeAll(async () => {
    ours = await tenant()
    theirs = await tenant()
    await prepare(ours)
    await adjust(ours, 'measures: [daily], add: 0.00')
    run = await perform(ours, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
  })

  test('the second sees nothing of the first through any operation', async () => {
    expect(await perform(theirs, 'structures list')).toEqual({ structures: [] })
    expect(await perform(theirs, 'use-cases list')).toEqual({ use_cases: [] })
    expect(await perform(theirs, 'runs list')).toMatchObject({ runs: [], total: 0 })
    const { tables } = await perform(theirs, 'facts tables')
    expect(tables).toMatchObject([{ table: 'fact_pnl_entries', rows: 0, imports: 0 }])
    for (const [name, input] of [
      ['structures show', { name: 'KEPT' }],
      ['use-cases show', { use_case: 'Kept' }],
      ['use-cases export', { use_case: 'Kept' }],
      ['runs show', { run: run.run_id }],
      ['runs show', { run: run.run_id.slice(0, 8) }],
      ['runs results', { run: run.run_id }],
      ['runs verify', { run: run.run_id }],
      ['runs adjustments', { run: run.run_id }],
      ['adjustments list', { use_case: 'Kept' }],
      [
        'adjustments add',
        {
          use_case: 'Kept',
          file: write('adjustments: [{name: A, reason: r, owner: o, measures: [daily], add: 1}]', 'yaml'),
        },
      ],
      ['runs list', { use_case: 'Kept' }],
      ['runs create', { use_case: 'Kept', date: '2025-12-24' }],
      ['verify-hybrid-engine', {}],
      ['verify-hybrid-engine', { use_case: 'Kept' }],
      ['use-cases apply', { file: write(yamlOf('Kept'), 'yaml') }],
    ] as const) {
      const [problem] = await refusal(perform(theirs, name, input))
      // Not found, and no suggestion out of another's data.
      expect(problem!.code, name).toMatch(/^TIE-110/)
      expect(`${problem!.message} ${problem!.remedy}`).not.toContain('Did you mean')
    }
  })

  test('it may have tables, structures and use cases of the same names', async () => {
    const other = await prepare(theirs, 'cc,pnl_date,amt\nA,2025-12-24,1000.00\n')
    const total = async (as: Context, id: string) =>
      (await perform(as, 'runs results', { run: id })).rows[0].natural
    expect(await total(theirs, other.run_id)).toBe('1000.00')
    expect(await total(ours, run.run_id)).toBe('35.00')
    expect((await perform(ours, 'facts tables')).tables[0]).toMatchObject({ table: 'fact_kept', rows: 3 })
    // The same number and name of an adjustment belong to each of them.
    expect((await adjust(theirs, 'measures: [daily], scale: 2')).adjustments[0].no).toBe(1)
    const doubled = await perform(theirs, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
    expect(doubled.tie_out[0].adjustment).toBe('1000.00')
    expect((await perform(ours, 'adjustments list', { use_case: 'Kept' })).adjustments).toMatchObject([
      { adjustment: 'add 0 to daily' },
    ])
    // The same file is not the same import for another tenant.
    const file = write(FACTS)
    expect(await perform(theirs, 'facts import', { file, table: 'fact_kept' })).toMatchObject({
      new: 3,
      same: 0,
    })
    expect(await perform(ours, 'facts import', { file, table: 'fact_kept' })).toMatchObject({
      new: 0,
      same: 3,
    })
    expect(await perform(ours, 'runs verify', { run: run.run_id })).toMatchObject({
      verdict: 'match',
      stale: [],
    })
  })

  test.each(['tieout_app', 'tieout_owner'])(
    '%s of the one reads and enters no adjustments of the other',
    async (role) => {
      const as = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
        role === 'tieout_owner' ? asOwner(theirs, work) : db.books.transaction(theirs.tenant, work)
      for (const table of ['fact_adjustments', 'run_adjustments'])
        expect(
          await as((tx) => tx.rows(`SELECT 1 FROM ${table} WHERE tenant_id = $1`, [ours.tenant])),
        ).toEqual([])
      const { use_cases } = await perform(ours, 'use-cases list')
      const enter = (tenant: TenantId) =>
        as((tx) =>
          tx.execute(
            `INSERT INTO fact_adjustments (tenant_id, use_case_id, adjustment_no, name, definition, reason, owner, entered_by)
           VALUES ($1, $2, 9, 'X', '{}', 'r', 'o', 'me')`,
            [tenant, use_cases[0].use_case_id],
          ),
        )
      await expect(enter(ours.tenant)).rejects.toThrow(/row-level security/)
      await expect(enter(theirs.tenant)).rejects.toThrow(/violates foreign key/)
    },
  )

  test('neither role reads or writes the facts of the other by their table', async () => {
    const [physical] = await asOwner(ours, (tx) =>
      tx.rows<{ name: string }>('SELECT physical_name AS name FROM fact_tables'),
    )
    const table = `"${physical!.name}"`
    expect(await asOwner(theirs, (tx) => tx.rows(`SELECT * FROM ${table}`))).toEqual([])
    const insert = asOwner(theirs, (tx) =>
      tx.execute(
        `INSERT INTO ${table} (tenant_id, import_id, import_line, cc) SELECT $1, gen_random_uuid(), 1, 'A'`,
        [ours.tenant as TenantId],
      ),
    )
    await expect(insert).rejects.toThrow(/row-level security/)
  })
})

describe('runs keep what they were calculated with', () => {
  test("last month's run still shows last month's rule text and figures", async () => {
    const as = await tenant()
    const old = await prepare(as)
    const before = await perform(as, 'runs results', { run: old.run_id })
    const rule = before.rows.find(({ node_id }: Output) => node_id === 'B')
    expect(rule).toMatchObject({ rule: 'where amt > 5', adjusted: '20.00', plug: '5.00' })
    const applied = await perform(as, 'use-cases apply', { file: write(yamlOf('Kept', 'amt < 10'), 'yaml') })
    expect(applied).toMatchObject({ version: 2, changed: true })
    expect(await perform(as, 'runs results', { run: old.run_id })).toEqual(before)
    const fresh = await perform(as, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
    const { rows } = await perform(as, 'runs results', { run: fresh.run_id })
    expect(rows.find(({ node_id }: Output) => node_id === 'B')).toMatchObject({
      rule: 'where amt < 10',
      adjusted: '5.00',
    })
    expect((await perform(as, 'runs show', { run: old.run_id })).parameters.use_case_version).toBe(1)
    expect(await perform(as, 'runs verify', { run: old.run_id })).toMatchObject({
      verdict: 'match',
      stale: ['rules'],
    })
  })

  test('what has moved since is told, and the run still verifies', async () => {
    const as = await tenant()
    const { run_id: run } = await prepare(as)
    const stale = async () => {
      const out = await perform(as, 'runs verify', { run })
      expect(out.verdict).toBe('match')
      expect((await perform(as, 'runs show', { run })).stale).toEqual(out.stale)
      return out.stale
    }
    expect(await stale()).toEqual([])
    const facts = (content: string) =>
      perform(as, 'facts import', { file: write(content), table: 'fact_kept' })
    await facts('cc,pnl_date,amt\nA,2025-12-23,7.00\n')
    expect(await stale(), 'facts of another day').toEqual([])
    await facts('cc,pnl_date,amt\nA,2025-12-24,7.00\n')
    expect(await stale()).toEqual(['facts'])
    await perform(as, 'structures import', { name: 'KEPT', file: write(`${STRUCTURE}C,R,Gamma\n`) })
    expect(await stale()).toEqual(['facts', 'hierarchy'])
    await perform(as, 'use-cases apply', { file: write(yamlOf('Kept', 'amt > 6'), 'yaml') })
    expect(await stale()).toEqual(['facts', 'hierarchy', 'rules'])
    const mapping = yamlOf('Kept', 'amt > 6').replace('daily: amt', 'daily: amt, again: amt')
    await perform(as, 'use-cases apply', { file: write(mapping, 'yaml') })
    expect(await stale()).toEqual(['facts', 'hierarchy', 'rules', 'mapping'])
    // Put back as it was, the rules are those of the run again: by digest, not by the clock.
    await perform(as, 'use-cases apply', { file: write(yamlOf('Kept'), 'yaml') })
    await perform(as, 'structures import', { name: 'KEPT', file: write(STRUCTURE) })
    expect(await stale()).toEqual(['facts'])
    // Further adjustments are none of the run's own; on another day they do not even make it stale.
    await adjust(as, 'measures: [daily], scale: 2, valid_from: 2025-12-25', 'Later')
    expect(await stale()).toEqual(['facts'])
    await adjust(as, 'measures: [daily], scale: 2')
    expect(await stale()).toEqual(['facts', 'adjustments'])
    const fresh = await perform(as, 'runs create', { use_case: 'Kept', date: '2025-12-24' })
    expect(await perform(as, 'runs verify', { run: fresh.run_id })).toMatchObject({
      verdict: 'match',
      stale: [],
    })
    await adjust(as, 'reverses: Haircut', 'No haircut')
    expect(await perform(as, 'runs verify', { run: fresh.run_id })).toMatchObject({
      verdict: 'match',
      stale: ['adjustments'],
    })
  })
})

describe('figures that were tampered with', () => {
  const verdicts = async (as: Context, run: string) => ({
    verify: (await perform(as, 'runs verify', { run })).verdict,
    hybrid: await perform(as, 'verify-hybrid-engine', {}),
  })

  test('untouched, both say so', async () => {
    const as = await tenant()
    const { run_id } = await prepare(as)
    expect(await verdicts(as, run_id)).toMatchObject({
      verify: 'match',
      hybrid: {
        ok: true,
        use_cases: [{ cells: 4, matching: 4, match_percent: '100.00', stored_digest_ok: true }],
      },
    })
  })

  test.each([
    ['natural', '"natural" = "natural" + 1, adjusted = adjusted + 1', true],
    ['adjusted', 'adjusted = adjusted + 1, plug = plug - 1', false],
    ['fact_count', 'fact_count = fact_count + 1', true],
    ['direct', 'direct = direct + 1', false],
    ['adjustment', 'adjustment = adjustment + 1', false],
  ])('%s: both find it, and the independent roll-up says where', async (_, set, bySql) => {
    const as = await tenant()
    const { run_id } = await prepare(as)
    const changed = await tamper(
      as,
      'fact_calculated_results',
      `UPDATE fact_calculated_results SET ${set} WHERE node_id = 'A'`,
    )
    expect(changed).toBe(1)
    const { verify, hybrid } = await verdicts(as, run_id)
    expect(verify).toBe('mismatch')
    expect(hybrid.ok).toBe(false)
    expect(hybrid.use_cases[0].stored_digest_ok).toBe(false)
    expect(hybrid.use_cases[0].match_percent).toBe(bySql ? '75.00' : '100.00')
    expect(hybrid.use_cases[0].differences.map(({ node_id }: Output) => node_id)).toEqual(bySql ? ['A'] : [])
  })

  test('a row that is gone is found', async () => {
    const as = await tenant()
    const { run_id } = await prepare(as)
    await tamper(as, 'fact_calculated_results', `DELETE FROM fact_calculated_results WHERE node_id = 'A'`)
    const { verify, hybrid } = await verdicts(as, run_id)
    expect(verify).toBe('mismatch')
    expect(hybrid).toMatchObject({
      ok: false,
      use_cases: [{ differences: [{ node_id: 'A', stored: 'no such cell' }] }],
    })
  })

  test('facts that were changed under the run are found, by both', async () => {
    const as = await tenant()
    const { run_id } = await prepare(as)
    const [physical] = await asOwner(as, (tx) =>
      tx.rows<{ name: string }>('SELECT physical_name AS name FROM fact_tables'),
    )
    const table = `"${physical!.name}"`
    await tamper(as, table, `UPDATE ${table} SET amt = amt + 1 WHERE cc = 'A'`)
    const { verify, hybrid } = await verdicts(as, run_id)
    expect(verify).toBe('mismatch')
    expect(hybrid).toMatchObject({
      ok: false,
      use_cases: [{ stored_digest_ok: true, match_percent: '50.00' }],
    })
  })

  test('a digest that was changed with the figures is found by calculating again', async () => {
    const as = await tenant()
    const { run_id } = await prepare(as)
    await tamper(as, 'calculation_runs', `UPDATE calculation_runs SET result_digest = 'sha256:00'`)
    expect((await verdicts(as, run_id)).verify).toBe('mismatch')
  })
})
