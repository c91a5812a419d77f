/**
 * Random cells of the samples and of a random book, explained down to their facts: whatever is shown for a
 * figure sums to the figure. `npm run test:explain` looks at 1,000 of them, the suite at fewer.
 *
 * @module-tag long
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { openTestBooks, type TestBooks } from '../support/books.js'
import { type CellOfRun, checkCell, type Looked } from '../support/check-explanation.js'
import { contextOf, EXAMPLES, makeFolder, type Output, perform } from '../support/cli.js'
import {
  BOOK_DATE,
  isUnder,
  ownerOf,
  type RandomBook,
  randomBook,
  randomNumbers,
} from '../support/random-book.js'

/** Of all together: half of them of the samples, half of the random book in its five places, or in the books alone. */
const CELLS = Number(process.env.EXPLAINED_CELLS ?? 90)
/** With few cells not every place and kind comes up. */
const THOROUGH = CELLS >= 1000
const SEED = Number(process.env.EXPLAINED_SEED ?? 1)

const folder = makeFolder()
let db: TestBooks
let context: Context
const looked: (Looked & { readonly of: string })[] = []
beforeAll(async () => {
  db = await openTestBooks()
  context = contextOf(db.books)
})
afterAll(async () => {
  await db?.close()
  folder.remove()
  const total = (of: 'parts' | 'pages' | 'facts'): number => looked.reduce((sum, one) => sum + one[of], 0)
  const kinds = [...new Set(looked.map(({ kind }) => kind))].map(
    (kind) => `${kind} ${looked.filter((one) => one.kind === kind).length}`,
  )
  console.log(
    `${looked.length} cells explained: ${total('parts')} sets of facts, ${total('facts')} facts in ${total('pages')} pages; ${kinds.join(', ')}`,
  )
})

interface Run {
  readonly run: string
  readonly rows: readonly Output[]
}
async function runOf(useCase: string, date: string, policy?: string): Promise<Run> {
  const { run_id } = await perform(context, 'runs create', {
    use_case: useCase,
    date,
    ...(policy === undefined ? {} : { policy }),
  })
  return { run: run_id, rows: (await perform(context, 'runs results', { run: run_id })).rows }
}

/** Cells in random order, with ruled ones as often as all others: those are what explanations are for. */
function cellsOf({ run, rows }: Run, count: number, seed: number): CellOfRun[] {
  const random = randomNumbers(seed)
  const ruled = rows.filter(({ rule }) => rule !== null && !rule.startsWith('auto '))
  return Array.from({ length: count }, (_, i) => {
    const from = i % 2 === 0 && ruled.length > 0 ? ruled : rows
    return { run, rows, cell: from[random(from.length)] }
  })
}

const expectedFile = JSON.parse(readFileSync(join(EXAMPLES, 'expected.json'), 'utf8'))

describe.each(Object.entries<Output>(expectedFile.use_cases))('%s', (name, sample) => {
  const file = (part: string): string => join(EXAMPLES, sample.folder, part)
  beforeAll(async () => {
    await perform(context, 'structures import', { name: sample.structure, file: file('structure.csv') })
    const builtIn = sample.table === 'fact_pnl_entries'
    if (!builtIn) await perform(context, 'facts import', { file: file('facts.csv'), table: sample.table })
    await perform(context, 'use-cases apply', { file: file('use-case.yaml') })
    if (builtIn) await perform(context, 'facts import', { file: file('facts.csv'), use_case: name })
  })

  test.each(['most_specific', 'top_down'])(
    'under %s',
    async (policy) => {
      const run = await runOf(name, expectedFile.date, policy)
      const random = randomNumbers(SEED + 5)
      for (const cell of cellsOf(run, Math.ceil(CELLS / 12), SEED + policy.length))
        looked.push({ of: name, ...(await checkCell(context, cell, random)) })
    },
    600_000,
  )
})

describe('a random book', () => {
  const book = randomBook(SEED)
  const files: readonly (readonly [place: string, source: () => string])[] = [
    ['a Parquet file', () => JSON.stringify({ engine: 'duckdb', path: join(folder.path, 'facts.parquet') })],
    ['a CSV file', () => JSON.stringify({ engine: 'duckdb', path: join(folder.path, 'facts.csv') })],
    [
      'a DuckDB table',
      () => JSON.stringify({ engine: 'duckdb', path: join(folder.path, 'facts.duckdb'), table: 'rows' }),
    ],
    [
      'a DuckDB view',
      () => JSON.stringify({ engine: 'duckdb', path: join(folder.path, 'facts.duckdb'), table: 'view' }),
    ],
  ]
  beforeAll(async () => {
    const structure = folder.write('structure.csv', book.structureCsv)
    const facts = folder.write('facts.csv', book.factsCsv)
    await perform(context, 'structures import', { name: 'RANDOM', file: structure })
    await perform(context, 'facts import', { file: facts, table: 'fact_random' })
    await writeDuck(facts)
  })

  async function writeDuck(csv: string): Promise<void> {
    const instance = await DuckDBInstance.create(join(folder.path, 'facts.duckdb'))
    const connection = await instance.connect()
    await connection.run(`CREATE TABLE "rows" AS SELECT row_id, CAST(pnl_date AS DATE) AS pnl_date, scenario, cc, book,
      CAST(lvl AS DECIMAL(9,2)) AS lvl, CAST(amt AS DECIMAL(18,2)) AS amt, CAST(wide AS DECIMAL(38,4)) AS wide
      FROM read_csv('${csv}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')`)
    await connection.run('CREATE VIEW "view" AS SELECT * FROM "rows"')
    await connection.run(`COPY "rows" TO '${join(folder.path, 'facts.parquet')}' (ROW_GROUP_SIZE 100)`)
    connection.closeSync()
    instance.closeSync()
  }

  async function explains(place: string, source: string): Promise<void> {
    const policies = ['most_specific', 'top_down'] as const
    for (const policy of policies) {
      const yaml = book.useCaseYaml(`Random in ${place}`, source, policy)
      await perform(context, 'use-cases apply', { file: folder.write('random.yaml', yaml) })
      const run = await runOf(`Random in ${place}`, BOOK_DATE)
      const random = randomNumbers(SEED + 9)
      for (const cell of cellsOf(run, Math.ceil(CELLS / 20), SEED + place.length + policy.length))
        looked.push({ of: place, ...(await checkCell(context, cell, random, expectedIds(book, cell))) })
    }
  }

  test('in the books', () => explains('the books', '{"table": "fact_random"}'), 600_000)

  test.runIf(THOROUGH).each(files)('in %s', (place, source) => explains(place, source()), 600_000)

  test.runIf(THOROUGH)('the cells were of every kind', () => {
    expect(new Set(looked.map(({ kind }) => kind))).toEqual(
      new Set(['auto', 'children', 'unassigned', 'filter', 'measure_switch', 'arithmetic']),
    )
  })
})

/** The ids of a part by the definitions: the tree's facts by the drivers, the rule's by its own condition. */
function expectedIds(
  book: RandomBook,
  { cell }: CellOfRun,
): (part: string) => ReadonlySet<string> | undefined {
  const inScope = book.facts.filter((fact) => fact.pnl_date === BOOK_DATE && fact.scenario === cell.scenario)
  const node = cell.node_id === 'UNASSIGNED' ? -1 : book.nodes.findIndex(({ id }) => id === cell.node_id)
  const owners = new Map(inScope.map((fact) => [fact, ownerOf(book, fact)]))
  const own = inScope.filter((fact) => owners.get(fact) === node)
  const tree = inScope.filter((fact) => {
    const owner = owners.get(fact)!
    if (node <= 0) return node === 0 || owner === -1
    return owner >= 0 && isUnder(book, owner, node)
  })
  const rule = book.rules.find((one) => one.node === cell.node_id)
  const of = (facts: readonly RandomBook['facts'][number][]) => new Set(facts.map(({ row_id }) => row_id!))
  const ruled = (): RandomBook['facts'] =>
    (rule!.scope === 'table' ? inScope : tree).filter((fact) => rule!.conditions[0]!(fact))
  return (part) => {
    switch (part) {
      case 'natural':
        return of(tree)
      case 'direct':
        return of(own)
      case 'rule':
        return of(ruled())
      case 'tree_only':
        return of(tree.filter((fact) => !ruled().includes(fact)))
      case 'rule_only':
        return of(ruled().filter((fact) => !tree.includes(fact)))
      case 'both':
        return of(tree.filter((fact) => ruled().includes(fact)))
      default:
        return of(inScope.filter((fact) => rule!.conditions[Number(part.slice(4)) - 1]!(fact)))
    }
  }
}
