import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Context } from '#tieout/books/operation'
import { PRESENTATIONS } from '#tieout/surfaces/cli/present'
import { csv, textTable } from '#tieout/surfaces/cli/table'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { contextOf, type Folder, makeFolder, type Output, perform, tableCounts } from '../support/cli.js'

const HOSTILE = [
  `Robert'); DROP TABLE calculation_runs; --`,
  `' OR '1'='1`,
  `"quoted" 'and' \`ticked\``,
  `back\\slash \\N \\. \\x00 $1 $$ %s {0}`,
  'line\nbreak and\r\nreturn',
  'tab\tand comma, semicolon; pipe|',
  '=1+1',
  '+cmd|calc',
  '@SUM(A1)',
  '-2+3',
  '-12.50',
  '<script>alert(1)</script>&amp;',
  'Zürich Ärger ﬁn ｆｕｌｌ',
  'e\u0301 is not \u00e9',
  '会計 😀👩‍👩‍👧 🇯🇵',
  '\u202eright to left\u202c \u200bzero width\u200d',
  '\u001b[31mred\u0007bell',
  ' spaces around ',
  'null',
  'NULL',
  'true',
  '1e400',
  'NaN',
  '00123',
  '2025-12-24',
  'UNASSIGNED ',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '\\copy (select 1) to program',
  ['{{7*7}} $', '{7*7} #{7*7}'].join(''),
  'x'.repeat(200),
] as const

/** A field of a CSV file, always in quotes. */
const field = (text: string): string => `"${text.replaceAll('"', '""')}"`
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

let db: TestBooks
let context: Context
let folder: Folder
let before: Record<string, number>
beforeAll(async () => {
  folder = makeFolder()
  db = await openTestBooks()
  context = contextOf(db.books)
  before = await tableCounts(db.books)
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const NAME = HOSTILE[0]

/** Each text is a node id, its name, a fact value, a literal of a rule and a note. */
async function load(): Promise<Output> {
  const nodes = HOSTILE.map((text) => `${field(text)},ROOT,${field(`${text} too`)}`)
  const structure = folder.write(
    's.csv',
    `node_id,parent_node_id,node_name\nROOT,,${field(HOSTILE[4])}\n${nodes.join('\n')}\n`,
  )
  await perform(context, 'structures import', { name: NAME, file: structure })
  const facts = HOSTILE.map((text, i) => `${field(text)},2025-12-24,${i + 1}.25`)
  const file = folder.write('f.csv', `cc,pnl_date,amt\n${facts.join('\n')}\n`)
  await perform(context, 'facts import', { file, table: 'fact_hostile', types: 'cc=text' })
  const useCase = folder.write(
    'u.yaml',
    stringify({
      use_case: NAME,
      description: HOSTILE[15],
      structure: NAME,
      source: { table: 'fact_hostile', date: 'pnl_date', scenario: null },
      measures: { [HOSTILE[6]]: 'amt' },
      scenarios: [HOSTILE[14]],
      drivers: [{ nodes: 'leaves', column: 'cc', value: 'node_id' }],
      rules: HOSTILE.map((text) => ({ node: text, where: `cc = ${literal(text)} and cc <> ''`, note: text })),
    }),
  )
  await perform(context, 'use-cases apply', { file: useCase })
  return perform(context, 'runs create', { use_case: NAME, date: '2025-12-24', name: HOSTILE[4] })
}

describe('text that means something elsewhere is text here', () => {
  let run: Output
  let rows: Output[]
  beforeAll(async () => {
    run = await load()
    rows = (await perform(context, 'runs results', { run: run.run_id })).rows
  })

  test('structures give back every id and name', async () => {
    const { name, nodes } = await perform(context, 'structures show', { name: NAME })
    expect(name).toBe(NAME)
    expect(nodes.slice(1).map(({ node_id, node_name }: Output) => [node_id, node_name])).toEqual(
      HOSTILE.map((text) => [text, `${text} too`]),
    )
  })

  test('every rule finds exactly the fact of its own text', () => {
    expect(run.status).toBe('COMPLETED')
    expect(run.findings.map(({ code }: Output) => code)).toEqual([])
    HOSTILE.forEach((text, i) => {
      expect(rows.find(({ node_id }) => node_id === text)).toMatchObject({
        natural: `${i + 1}.25`,
        adjusted: `${i + 1}.25`,
        plug: '0.00',
        fact_count: 1,
        measure: HOSTILE[6],
        scenario: HOSTILE[14],
      })
    })
  })

  test('names of use cases, runs, notes and rules come back as they were', async () => {
    const shown = await perform(context, 'runs show', { run: run.run_id })
    expect(shown).toMatchObject({ run_name: HOSTILE[4], use_case: NAME })
    const useCase = await perform(context, 'use-cases show', { use_case: NAME })
    expect(useCase).toMatchObject({ name: NAME, description: HOSTILE[15] })
    expect(useCase.rules.map(({ note }: Output) => note)).toEqual([...HOSTILE])
    const { runs } = await perform(context, 'runs list', { use_case: NAME })
    expect(runs.map(({ id }: Output) => id)).toEqual([run.run_id])
  })

  test('the exported file applies as unchanged', async () => {
    const { yaml } = await perform(context, 'use-cases export', { use_case: NAME })
    const out = await perform(context, 'use-cases apply', { file: folder.write('export.yaml', yaml) })
    expect(out).toMatchObject({ changed: false, version: 1 })
  })

  test('both second opinions agree', async () => {
    expect(await perform(context, 'verify-hybrid-engine', { use_case: NAME })).toMatchObject({ ok: true })
    expect(await perform(context, 'runs verify', { run: run.run_id })).toMatchObject({ verdict: 'match' })
  })

  test('in CSV a formula is led by an apostrophe, numbers are not touched, quotes are doubled', () => {
    const table = PRESENTATIONS['runs results']!.rows!({ rows } as never)
    const text = csv(table)
    expect(text.split('\r\n')[0]).toBe(
      'node_id,parent_node_id,node_name,depth,is_leaf,measure,scenario,natural,direct,adjusted,plug,fact_count,rule',
    )
    for (const formula of ['=1+1', '+cmd|calc', '@SUM(A1)', '-2+3']) {
      expect(text).toContain(`\r\n'${formula},ROOT,'${formula} too,`)
    }
    // A negative number is a number, in a text cell as well.
    expect(text).toContain('\r\n-12.50,ROOT,')
    expect(text).toContain("\r\nRobert'); DROP TABLE calculation_runs; --,ROOT,")
    expect(text).toContain('"""quoted"" \'and\' `ticked`"')
    expect(text).toContain('"line\nbreak and\r\nreturn"')
    expect(text).toContain('" spaces around "')
  })

  test('on a terminal no text moves the cursor or breaks the table', () => {
    const table = PRESENTATIONS['runs results']!.rows!({ rows } as never)
    const text = textTable(table)
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(text.split('\n')).toHaveLength(rows.length + 2)
  })

  test('nothing else has moved', async () => {
    const after = await tableCounts(db.books)
    for (const [table, rows] of Object.entries(before)) expect(after[table]).toBeGreaterThanOrEqual(rows)
    expect(after.fact_hostile).toBe(HOSTILE.length)
  })
})

describe('asking for hostile names', () => {
  test.each(HOSTILE.map((text, i) => [i, text] as const))(
    '%d: refused as not there, with exit 3',
    async (_, text) => {
      const name = `${text}?`
      for (const [operation, input] of [
        ['use-cases show', { use_case: name }],
        ['use-cases export', { use_case: name }],
        ['structures show', { name }],
        ['runs show', { run: name }],
        ['runs results', { run: name }],
        ['runs verify', { run: name }],
        ['runs list', { use_case: name }],
        ['verify-hybrid-engine', { use_case: name }],
      ] as const) {
        await expect(perform(context, operation, input), operation).rejects.toMatchObject({ exit: 3 })
      }
    },
  )
})

describe('at the edges', () => {
  test('marks that turn the direction of text do not reach the terminal', () => {
    const columns = [{ key: 'a', title: 'a', align: 'left' as const }]
    expect(textTable({ columns, rows: [{ a: '\u202eevil' }] })).not.toContain('\u202e')
  })
})
