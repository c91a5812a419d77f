// The roll-up kernel with the facts in memory: against DuckDB's best plan for the same cells, against one scan of
// the frame's bytes, under edits of rules, and as the work grows. Every cell is compared; a difference exits with 1.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { openDuckSource } from '#tieout/engines/duckdb-source'
import { BLOCK_ROWS, frameBytes } from '#tieout/engines/frame'
import { bindUseCase, sourceOf } from '#tieout/rollup/bind-use-case'
import { calculate, rollUpBase } from '#tieout/rollup/calculate'
import { figuresOf } from '#tieout/rollup/figures'
import { buildTree } from '#tieout/rollup/hierarchy'
import { resultDigest } from '#tieout/rollup/result-digest'
import { frameColumns } from '#tieout/rollup/searches'
import { useCaseDraftSchema } from '#tieout/rollup/use-case-draft'
import {
  BOOKS,
  ccCount,
  DATE,
  DRIVERS,
  factsQuery,
  firstLeaf,
  MEASURES,
  REGIONS,
  rulesOf,
  STRATEGIES,
  structureRows,
} from './book.mjs'
import { loadBook, PLANS } from './plans.mjs'

const AMOUNTS = Object.values(MEASURES)
const CODED = ['book', 'cc_id', 'region', 'scenario', 'strategy']
const COLUMNS = [
  ...CODED.map((name) => ({ name, type: 'text' })),
  ...AMOUNTS.map((name) => ({ name, type: 'numeric' })),
]
const TIMES = 7

/** Milliseconds by the clock, and of all processors together: on a machine that others use too, the second tells more. */
async function timed(work) {
  const before = process.cpuUsage()
  const began = performance.now()
  await work()
  const clock = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  return { clock, cpu: (user + system) / 1000 }
}

async function timesOf(count, work) {
  const times = []
  for (let i = 0; i < count; i++) times.push(await timed(() => work(i)))
  return times
}
const sorted = (times, by) => times.map((time) => time[by]).sort((a, b) => a - b)
const best = (times) => ({ clock: sorted(times, 'clock')[0], cpu: sorted(times, 'cpu')[0] })
const median = (times, by) => sorted(times, by)[Math.floor(times.length / 2)]
const worst = (times, by) => sorted(times, by).at(-1)
const ratio = (a, b) => Number((a / b).toFixed(2))
const ms = (time) => Number(time.toFixed(1))

function bookOf(size) {
  const tree = buildTree(structureRows(size.nodes))
  const useCaseOf = (rules) => {
    const draft = useCaseDraftSchema.parse({
      ...{ use_case: 'Bench', structure: 'BENCH', measures: MEASURES, drivers: DRIVERS, rules },
      source: { table: 'facts', date: null, scenario: 'scenario' },
    })
    const placeOf = () => ({})
    return bindUseCase(draft, { tree, source: sourceOf(draft, placeOf), columns: COLUMNS, placeOf })
  }
  const rules = rulesOf(size)
  return { ...size, tree, useCaseOf, rules, useCase: useCaseOf(rules.map(({ rule }) => rule)) }
}

/** The rows of DuckDB's table `f` as a frame: the same numbers for both. */
async function frameOf(connection, { nodes }) {
  const named = (prefix, count, from = 0) => [
    null,
    ...Array.from({ length: count }, (_, i) => `${prefix}${from + i}`),
  ]
  const dictionaries = {
    book: named('B', BOOKS),
    cc_id: named('N', ccCount(nodes), firstLeaf(nodes)),
    region: named('R', REGIONS),
    scenario: [null, 'ACTUAL', 'PRIOR'],
    strategy: named('S', STRATEGIES),
  }
  const codes = CODED.map((name) => `CAST(${name === 'cc_id' ? 'cc' : name} AS INTEGER)`)
  const amounts = AMOUNTS.map((name) => `CAST(${name} AS DOUBLE)`)
  const result = await connection.stream(`SELECT ${[...codes, ...amounts].join()} FROM f`)
  const blocks = []
  for (;;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    for (let from = 0; from < chunk.rowCount; ) {
      if (blocks.length === 0 || blocks.at(-1).rows === BLOCK_ROWS)
        blocks.push({
          rows: 0,
          counts: null,
          codes: codes.map(() => new Int32Array(BLOCK_ROWS)),
          amounts: amounts.map(() => new Float64Array(BLOCK_ROWS)),
        })
      const block = blocks.at(-1)
      const take = Math.min(chunk.rowCount - from, BLOCK_ROWS - block.rows)
      for (const [i, column] of [...block.codes, ...block.amounts].entries())
        column.set(chunk.getColumnVector(i).items.subarray(from, from + take), block.rows)
      block.rows += take
      from += take
    }
  }
  return {
    coded: CODED.map((name) => ({ name, type: 'text', dictionary: dictionaries[name] })),
    amounts: AMOUNTS.map((name) => ({ name, scale: 2, range: 'exact' })),
    ...withRows(blocks),
    digest: 'bench',
  }
}

function withRows(blocks) {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0)
  return { blocks, rows, facts: rows }
}

/** Every byte of the frame read once, in four sums side by side so that adding is not what takes the time. */
function scan(frame) {
  let sum = 0
  for (const { rows, codes, amounts } of frame.blocks) {
    for (const column of codes) sum += sumOfCodes(column, rows)
    for (const column of amounts) sum += sumOfAmounts(column, rows)
  }
  return sum
}

function sumOfCodes(column, rows) {
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i + 3 < rows; i += 4) {
    a = (a + column[i]) | 0
    b = (b + column[i + 1]) | 0
    c = (c + column[i + 2]) | 0
    d = (d + column[i + 3]) | 0
  }
  return a + b + c + d
}

function sumOfAmounts(column, rows) {
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i + 3 < rows; i += 4) {
    a += column[i]
    b += column[i + 1]
    c += column[i + 2]
    d += column[i + 3]
  }
  return a + b + c + d
}

async function duckPlans(connection) {
  const rows = []
  for (const [plan, statements] of Object.entries(PLANS)) {
    const times = await timesOf(4, async () => {
      for (const statement of statements) await connection.run(statement)
    })
    const reader = await connection.runAndReadAll('SELECT * FROM figures')
    rows.push({ plan, ...best(times), figures: reader.getRows() })
  }
  return rows.sort((a, b) => a.clock - b.clock)
}

/** Cells that differ from the plan's figures; a node without a row there is zero. */
function differences({ tree, nodes }, calculation, figures) {
  const known = new Map(
    figures.map(([node, scenario, ...units]) => [`${node} ${scenario}`, units.map(BigInt)]),
  )
  let different = 0
  for (const cell of calculation.cells) {
    const id = tree.nodes[cell.node].node_id
    const node = id === 'UNASSIGNED' ? nodes : Number(id.slice(1))
    const units = known.get(`${node} ${cell.scenario === 'ACTUAL' ? 1 : 2}`)
    const [natural, adjusted] = [0, 1].map((side) => units?.[cell.measure * 2 + side] ?? 0n)
    if (cell.natural.scale !== 2 || cell.adjusted?.scale !== 2) different += 1
    else if (cell.natural.units !== natural || cell.adjusted.units !== adjusted) different += 1
  }
  return different
}

/** Each is a rule that takes the place of its node's, in several versions; `top_down` lets rules high up stand. */
function editsOf(book) {
  const leaf = book.rules[0].rule.node
  const other = `N${book.nodes - 1}`
  const books = (i) => `book in ('B${(i * 7) % BOOKS}', 'B${(i * 11 + 1) % BOOKS}')`
  const strategy = (i) => `strategy != 'S${i % STRATEGIES}'`
  return {
    'filter on a leaf': (i) => ({ node: leaf, where: `${books(i)} and ${strategy(i)}` }),
    'filter on a parent of leaves': (i) => ({
      node: `N${Math.floor((book.nodes - 2) / 7) - 1 - i}`,
      where: books(i),
    }),
    'filter two levels below the root': (i) => ({
      node: `N${8 + i}`,
      where: `${books(i)} or ${strategy(i)}`,
    }),
    'filter below the root': (i) => ({ node: `N${1 + (i % 7)}`, where: `${books(i)} or ${strategy(i)}` }),
    'filter on the root': (i) => ({ node: 'N0', where: `${books(i)} or ${strategy(i)}` }),
    'filter over the table': (i) => ({ node: leaf, where: `${books(i)} or ${strategy(i)}`, scope: 'table' }),
    'measure switch': (i) => ({ node: other, where: books(i), measure_name: 'm2', into: 'daily' }),
    'formula over nodes': (i) => ({ node: 'N3', formula: `N4 - ${i + 2} * ${other}` }),
    'formula over queries': (i) => ({
      node: other,
      formula: `sum(m2 where ${books(i)}) / sum(m3 where region = 'R${i % REGIONS}')`,
      into: 'daily',
    }),
  }
}

const VERSIONS = 9

async function benchEdits(book, frame, base) {
  const policy = 'top_down'
  const rules = book.rules.map(({ rule }) => rule)
  const rows = []
  for (const [edit, rule] of Object.entries(editsOf(book))) {
    const useCases = Array.from({ length: VERSIONS }, (_, i) =>
      book.useCaseOf([...rules.filter(({ node }) => node !== rule(i).node), rule(i)]),
    )
    const figures = (useCase, kept) => {
      const calculation = calculate({ tree: book.tree, useCase, policy, frame, ...kept })
      return figuresOf(calculation, book.tree, useCase, frame)
    }
    let last
    const times = await timesOf(VERSIONS, (i) => {
      last = figures(useCases[i], { base })
    })
    const same = resultDigest(last) === resultDigest(figures(useCases.at(-1), {}))
    rows.push({
      edit,
      'median ms': ms(median(times, 'clock')),
      'worst ms': ms(worst(times, 'clock')),
      'median cpu ms': ms(median(times, 'cpu')),
      'worst cpu ms': ms(worst(times, 'cpu')),
      'same as cold': same,
    })
  }
  return rows
}

async function coldRun(connection, book) {
  const directory = mkdtempSync(join(tmpdir(), 'tieout-bench-'))
  try {
    const path = join(directory, 'facts.parquet')
    await connection.run(`COPY (${factsQuery(book)}) TO '${path}' (FORMAT parquet)`)
    let frame
    const read = await timed(async () => {
      const source = await openDuckSource({ path })
      frame = await source.read({
        ...frameColumns(book.tree, book.useCase),
        where: [{ column: 'pnl_date', equals: DATE }],
        through: null,
      })
      source.close()
    })
    let digest
    const rest = await timed(() => {
      const input = { tree: book.tree, useCase: book.useCase, policy: 'most_specific', frame }
      digest = resultDigest(figuresOf(calculate(input), book.tree, book.useCase, frame))
    })
    return { read, time: { clock: read.clock + rest.clock, cpu: read.cpu + rest.cpu }, digest }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function coldTimes(book, frame) {
  const input = { tree: book.tree, useCase: book.useCase, policy: 'most_specific', frame }
  return timesOf(TIMES, () => calculate(input))
}

export async function benchKernel(size) {
  const book = bookOf(size)
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await loadBook(connection, book)
  const frame = await frameOf(connection, book)
  const bytes = frameBytes(frame)
  console.log(
    `${size.facts.toLocaleString('en-US')} facts in memory (frame ${(bytes / 1e6).toFixed(0)} MB), 2 scenarios, 4 measures, ${size.nodes} nodes, ${size.rules} rules; DuckDB with ${availableParallelism()} threads, the kernel with one; best of ${TIMES}`,
  )
  const floor = best(await timesOf(TIMES, () => scan(frame)))
  const kernel = best(await coldTimes(book, frame))
  const calculation = calculate({ tree: book.tree, useCase: book.useCase, policy: 'most_specific', frame })
  const plans = await duckPlans(connection)
  const checked = plans.map(({ figures, ...plan }) => ({
    ...plan,
    different: differences(book, calculation, figures),
  }))
  const row = (what, { clock, cpu }) => ({
    what,
    ms: ms(clock),
    'cpu ms': ms(cpu),
    '÷ kernel': ratio(clock, kernel.clock),
    'cpu ÷ kernel': ratio(cpu, kernel.cpu),
  })
  console.table([
    row('one scan of the frame', floor),
    row('kernel: calculate, with cells and findings', kernel),
    ...checked.map(({ plan, different, ...time }) => ({
      ...row(`DuckDB: ${plan}`, time),
      'cells that differ': `${different} of ${calculation.cells.length}`,
    })),
  ])
  const [fastest] = checked
  const named = checked.find(({ plan }) => plan.startsWith('distinct tuples'))
  for (const [by, name] of [
    ['clock', 'by the clock'],
    ['cpu', 'by processor time'],
  ])
    console.log(
      `${name} the kernel is ${ratio(fastest[by], kernel[by])} times ahead of DuckDB's fastest plan (${fastest.plan}), ${ratio(named[by], kernel[by])} times ahead of ${named.plan}, and takes ${ratio(kernel[by], floor[by])} scans of the frame`,
    )

  const cold = await coldRun(connection, book)
  const heap = process.memoryUsage()
  const making = await timesOf(3, () => rollUpBase(frame, book.tree, book.useCase, 'edits'))
  const base = rollUpBase(frame, book.tree, book.useCase, 'edits')
  // What every edit finds ready: the figures of the rules as they were.
  const before = calculate({ tree: book.tree, useCase: book.useCase, policy: 'most_specific', frame, base })
  const beforeFigures = figuresOf(before, book.tree, book.useCase, frame)
  const kept = process.memoryUsage()
  const edits = await benchEdits(book, frame, base)
  console.log(
    `cold run from Parquet: read ${ms(cold.read.clock)} ms, figures and digest after ${ms(cold.time.clock)} ms (cpu ${ms(cold.time.cpu)} ms); a base for edits in ${ms(best(making).clock)} ms (cpu ${ms(best(making).cpu)} ms), ${((kept.heapUsed + kept.arrayBuffers - heap.heapUsed - heap.arrayBuffers) / 1e6).toFixed(0)} MB`,
  )
  console.log(
    'a rule edited → the figures of the whole tree, frame and base kept (every version of the rule is new)',
  )
  console.table(edits)
  const most = (column) => Math.max(...edits.map((edit) => edit[column]))
  const part = (column, by) => `1/${Math.round(cold.time[by] / most(column))}`
  console.log(
    `the slowest kind of edit beside the cold run: median ${part('median ms', 'clock')}, worst ${part('worst ms', 'clock')}; by processor time ${part('median cpu ms', 'cpu')}, ${part('worst cpu ms', 'cpu')}`,
  )

  const half = { ...frame, ...withRows(frame.blocks.slice(0, Math.ceil(frame.blocks.length / 2))) }
  const double = bookOf({ ...size, nodes: size.nodes * 2, rules: size.rules * 2 })
  await loadBook(connection, double)
  const doubleFrame = await frameOf(connection, double)
  connection.closeSync()
  instance.closeSync()
  const growth = [
    ['half the facts', best(await coldTimes(book, half))],
    ['all', kernel],
    ['all, nodes and rules doubled', best(await coldTimes(double, doubleFrame))],
  ]
  console.table(
    growth.map(([facts, { clock, cpu }]) => ({
      facts,
      ms: ms(clock),
      'cpu ms': ms(cpu),
      '÷ all': ratio(clock, kernel.clock),
      'cpu ÷ all': ratio(cpu, kernel.cpu),
    })),
  )
  console.log(
    `peak memory, both engines' data included: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  )

  const wrong = [
    ...checked.filter(({ different }) => different > 0).map(({ plan }) => `cells of ${plan}`),
    ...edits.filter((row) => !row['same as cold']).map(({ edit }) => `edit: ${edit}`),
    ...(cold.digest === resultDigest(beforeFigures) ? [] : ['digest of the cold run']),
  ]
  if (wrong.length > 0) {
    console.log(`DIFFERENT: ${wrong.join('; ')}`)
    process.exitCode = 1
  } else console.log('every cell, every edit and the cold run: the same figures')
}
