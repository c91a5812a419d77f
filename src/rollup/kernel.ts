/**
 * The kernel: one pass over the facts of a frame. Each row is given its node (by the driver columns), its
 * scenario and, for every column that predicates test, the class of its value: values of a column that pass
 * the same tests are one class. Rows that agree in all of these become one tuple with exact sums; rules are
 * then evaluated on the few tuples instead of the many facts.
 *
 * Exactness: within a frame's exact range every partial sum is a whole number that a double holds; beyond it
 * sums are bigint. Raises nothing.
 */

import { canonicalDecimal, type Decimal, decimal, parseDecimal } from '../base/decimal.js'
import { type Block, codedIndex, type Frame } from '../engines/frame.js'
import type { ColumnType } from '../engines/source.js'
import type { Bindings } from './bindings.js'
import { KeyIndex } from './key-index.js'
import { atomicTests, compileTest, type Test } from './language/evaluate.js'
import type { Predicate } from './language/predicate.js'

export interface KernelInput {
  readonly frame: Frame
  readonly bindings: Bindings
  /** Nodes in the tree; facts that no binding claims go to the last, UNASSIGNED. */
  readonly nodeCount: number
  /** Null: the source has no scenario, every fact is of the scenario at position 0. */
  readonly scenarioColumn: string | null
  /** Predicates that will be asked about. */
  readonly predicates: readonly Predicate[]
}

/** Facts that two driver columns claim for different nodes. */
export interface Overlap {
  readonly column: string
  readonly other: string
  readonly rows: number
  /** By amount column of the frame. */
  readonly amounts: readonly Decimal[]
}

export interface Sums {
  readonly facts: number
  /** By amount column of the frame. */
  readonly amounts: readonly Decimal[]
}

export interface Tuples {
  readonly count: number
  /** Scenario labels by code; code 0 is the null scenario (or the only one, where the source has none). */
  readonly scenarios: readonly (string | null)[]
  readonly overlaps: readonly Overlap[]
  /** Sums of the facts bound to each node itself, by scenario code, then node. */
  direct(scenario: number): readonly Sums[]
  /** Sums of the facts under nodes from ≤ node < to that satisfy the predicate (null: all), of one scenario. */
  sum(
    scenario: number,
    range: { readonly from: number; readonly to: number },
    predicate: Predicate | null,
  ): Sums
}

export function aggregate(input: KernelInput): Tuples {
  const { frame, bindings, nodeCount, scenarioColumn } = input
  const claims = bindings.columns.map((column) => nodeByCode(frame, bindings, column))
  const tested = testedColumns(frame, input.predicates)
  const scenario = scenarioColumn === null ? undefined : codedIndex(frame, scenarioColumn)
  const scenarios = scenario === undefined ? [null] : frame.coded[scenario]!.dictionary
  const radices = [nodeCount, scenarios.length, ...tested.map(({ classCount }) => classCount)]
  const index = new KeyIndex(radices, frame.rows)
  const totals = new Accumulator(frame.amounts.map(({ range }) => range))
  const overlaps = new OverlapCounter(bindings.columns, frame)
  for (const block of frame.blocks) {
    const parts = [
      overlaps.owners(block, claims, nodeCount - 1),
      scenario === undefined ? undefined : block.codes[scenario]!,
      ...tested.map(({ column, classOf }) => mapped(block.codes[column]!, classOf, block.rows)),
    ]
    totals.add(index.indices(parts, block.rows), block.rows, block.amounts, index.size)
  }
  return new TupleSums(frame, index, totals, tested, scenarios, overlaps.overlaps())
}

/** The node each code of a driver column is bound to; -1 where none is. */
export interface Claim {
  readonly column: number
  readonly nodeOf: Int32Array
}

function nodeByCode(frame: Frame, { bindings }: Bindings, name: string): Claim {
  const column = codedIndex(frame, name)
  const { dictionary, type } = frame.coded[column]!
  const nodes = new Map(
    bindings.filter((b) => b.column === name).map((b) => [canonicalValue(b.value, type), b.node]),
  )
  const nodeOf = Int32Array.from(dictionary, (text) =>
    text === null ? -1 : (nodes.get(canonicalValue(text, type)) ?? -1),
  )
  return { column, nodeOf }
}

/** Values of numeric columns compare as numbers: 1.50 and 1.5 are one. */
export function canonicalValue(text: string, type: ColumnType): string {
  const number = type === 'numeric' ? parseDecimal(text) : undefined
  return number === undefined ? text : canonicalDecimal(number)
}

interface TestedColumn {
  readonly column: number
  readonly classCount: number
  /** Class of each code. */
  readonly classOf: Int32Array
  /** Whether a class passes a test, by the test's canonical text. */
  readonly passes: ReadonlyMap<string, Uint8Array>
}

const testKey = (test: Test): string => JSON.stringify(test)

function testedColumns(frame: Frame, predicates: readonly Predicate[]): TestedColumn[] {
  const byColumn = new Map<string, Map<string, Test>>()
  for (const test of predicates.flatMap((predicate) => atomicTests(predicate))) {
    const tests = byColumn.get(test.column) ?? new Map<string, Test>()
    byColumn.set(test.column, tests.set(testKey(test), test))
  }
  return [...byColumn].map(([name, tests]) => classify(frame, codedIndex(frame, name), [...tests]))
}

/** Values that pass the same tests form one class. */
function classify(frame: Frame, column: number, tests: readonly (readonly [string, Test])[]): TestedColumn {
  const { dictionary, type } = frame.coded[column]!
  const verdicts = tests.map(([, test]) => {
    const passes = compileTest(test, type)
    return Uint8Array.from(dictionary, (value) => (passes(value) ? 1 : 0))
  })
  const classes = new Map<string, number>()
  const example: number[] = []
  const classOf = Int32Array.from(dictionary, (_, code) => {
    const signature = verdicts.map((verdict) => verdict[code]).join('')
    let found = classes.get(signature)
    if (found === undefined) {
      found = classes.size
      classes.set(signature, found)
      example.push(code)
    }
    return found
  })
  const passes = new Map(
    tests.map(([key], i) => [key, Uint8Array.from(example, (code) => verdicts[i]![code]!)]),
  )
  return { column, classCount: classes.size, classOf, passes }
}

function mapped(codes: Int32Array, classOf: Int32Array, rows: number): Int32Array {
  const classes = new Int32Array(rows)
  for (let row = 0; row < rows; row++) classes[row] = classOf[codes[row]!]!
  return classes
}

/** Gives each row its node, and counts the rows that more than one column claims. */
class OverlapCounter {
  private readonly found = new Map<string, { column: string; other: string; rows: number; units: bigint[] }>()

  constructor(
    private readonly columns: readonly string[],
    private readonly frame: Frame,
  ) {}

  owners(block: Block, claims: readonly Claim[], unassigned: number): Int32Array {
    const owners = new Int32Array(block.rows).fill(-1)
    claims.forEach(({ column, nodeOf }, rank) => {
      const codes = block.codes[column]!
      for (let row = 0; row < block.rows; row++) {
        const node = nodeOf[codes[row]!]!
        if (node < 0) continue
        const owner = owners[row]!
        if (owner < 0) owners[row] = node
        else if (owner !== node) this.count(block, claims, row, rank)
      }
    })
    for (let row = 0; row < block.rows; row++) if (owners[row]! < 0) owners[row] = unassigned
    return owners
  }

  overlaps(): Overlap[] {
    return [...this.found.values()].map(({ column, other, rows, units }) => ({
      column,
      other,
      rows,
      amounts: units.map((sum, i) => decimal(sum, this.frame.amounts[i]!.scale)),
    }))
  }

  private count(block: Block, claims: readonly Claim[], row: number, rank: number): void {
    const winner = claims.findIndex(({ column, nodeOf }) => nodeOf[block.codes[column]![row]!]! >= 0)
    const key = `${winner}:${rank}`
    const seen = this.found.get(key) ?? {
      column: this.columns[winner]!,
      other: this.columns[rank]!,
      rows: 0,
      units: this.frame.amounts.map(() => 0n),
    }
    seen.rows += 1
    block.amounts.forEach((units, i) => {
      seen.units[i]! += BigInt(units[row]!)
    })
    this.found.set(key, seen)
  }
}

/** Sums by tuple, growing with the tuples found. */
class Accumulator {
  facts: Float64Array = new Float64Array(1024)
  readonly sums: (Float64Array | bigint[])[]

  constructor(private readonly ranges: readonly ('exact' | 'big')[]) {
    this.sums = ranges.map((range) => (range === 'exact' ? new Float64Array(1024) : []))
  }

  add(tuples: Int32Array, rows: number, amounts: Block['amounts'], size: number): void {
    this.reserve(size)
    for (let row = 0; row < rows; row++) this.facts[tuples[row]!]! += 1
    amounts.forEach((units, column) => {
      if (units instanceof Float64Array) addExact(this.sums[column] as Float64Array, tuples, units, rows)
      else addBig(this.sums[column] as bigint[], tuples, units, rows)
    })
  }

  private reserve(size: number): void {
    if (size > this.facts.length) {
      const length = Math.max(size, this.facts.length * 2)
      this.facts = widened(this.facts, length)
      this.ranges.forEach((range, i) => {
        if (range === 'exact') this.sums[i] = widened(this.sums[i] as Float64Array, length)
      })
    }
    this.ranges.forEach((range, i) => {
      const sums = this.sums[i]!
      if (range === 'big') while (sums.length < size) (sums as bigint[]).push(0n)
    })
  }
}

const widened = (from: Float64Array, length: number): Float64Array<ArrayBuffer> => {
  const to = new Float64Array(length)
  to.set(from)
  return to
}

function addExact(sums: Float64Array, tuples: Int32Array, units: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++) sums[tuples[row]!]! += units[row]!
}

function addBig(sums: bigint[], tuples: Int32Array, units: readonly bigint[], rows: number): void {
  for (let row = 0; row < rows; row++) sums[tuples[row]!]! += units[row]!
}

class TupleSums implements Tuples {
  readonly count: number
  /** Tuples ordered by node, and where each node's begin. */
  private readonly order: Int32Array
  private readonly starts: Int32Array

  constructor(
    private readonly frame: Frame,
    private readonly index: KeyIndex,
    private readonly totals: Accumulator,
    private readonly tested: readonly TestedColumn[],
    readonly scenarios: readonly (string | null)[],
    readonly overlaps: readonly Overlap[],
  ) {
    this.count = index.size
    const nodes = index.part(0)
    this.starts = new Int32Array(index.radices[0]! + 1)
    for (let tuple = 0; tuple < this.count; tuple++) this.starts[nodes[tuple]! + 1]! += 1
    for (let node = 0; node < index.radices[0]!; node++) this.starts[node + 1]! += this.starts[node]!
    const next = this.starts.slice()
    this.order = new Int32Array(this.count)
    for (let tuple = 0; tuple < this.count; tuple++) {
      const node = nodes[tuple]!
      this.order[next[node]!] = tuple
      next[node]! += 1
    }
  }

  direct(scenario: number): readonly Sums[] {
    return Array.from({ length: this.index.radices[0]! }, (_, node) =>
      this.sum(scenario, { from: node, to: node + 1 }, null),
    )
  }

  sum(
    scenario: number,
    { from, to }: { readonly from: number; readonly to: number },
    predicate: Predicate | null,
  ): Sums {
    const passes = predicate === null ? undefined : this.compile(predicate)
    const scenarios = this.index.part(1)
    const chosen: number[] = []
    for (let at = this.starts[from]!; at < this.starts[to]!; at++) {
      const tuple = this.order[at]!
      if (scenarios[tuple] === scenario && (passes === undefined || passes(tuple))) chosen.push(tuple)
    }
    let facts = 0
    for (const tuple of chosen) facts += this.totals.facts[tuple]!
    return {
      facts,
      amounts: this.frame.amounts.map(({ scale }, column) =>
        decimal(total(this.totals.sums[column]!, chosen), scale),
      ),
    }
  }

  /** The predicate as a test of a tuple's classes. */
  private compile(predicate: Predicate): (tuple: number) => boolean {
    switch (predicate.op) {
      case 'and': {
        const parts = predicate.args.map((arg) => this.compile(arg))
        return (tuple) => parts.every((passes) => passes(tuple))
      }
      case 'or': {
        const parts = predicate.args.map((arg) => this.compile(arg))
        return (tuple) => parts.some((passes) => passes(tuple))
      }
      case 'not': {
        const passes = this.compile(predicate.arg)
        return (tuple) => !passes(tuple)
      }
      default:
        return this.compileAtomic(predicate)
    }
  }

  private compileAtomic(test: Test): (tuple: number) => boolean {
    const key = testKey(test)
    const position = this.tested.findIndex(({ passes }) => passes.has(key))
    if (position < 0) throw new Error(`the kernel was not told of the test ${key}`)
    const passes = this.tested[position]!.passes.get(key)!
    const classes = this.index.part(2 + position)
    return (tuple) => passes[classes[tuple]!] === 1
  }
}

function total(sums: Float64Array | bigint[], tuples: readonly number[]): bigint {
  if (sums instanceof Float64Array) {
    let sum = 0
    for (const tuple of tuples) sum += sums[tuple]!
    return BigInt(sum)
  }
  let sum = 0n
  for (const tuple of tuples) sum += sums[tuple]!
  return sum
}
