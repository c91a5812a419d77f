/**
 * Facts grouped by what rules can tell apart: the region of the tree, the scenario, and the class of each
 * tested column. A search then reads the groups of its regions that satisfy its predicate. Raises nothing.
 */

import { decimal } from '../base/decimal.js'
import type { Block, Frame } from '../engines/frame.js'
import { GroupSums } from './group-sums.js'
import type { Tree } from './hierarchy.js'
import type { Sums } from './kernel.js'
import { KeyIndex } from './key-index.js'
import type { Test } from './language/evaluate.js'
import type { Predicate } from './language/predicate.js'
import { type TestedColumn, testKey } from './tested-columns.js'

/** Regions from ≤ region < to, which are positions of nodes. */
export interface RegionRange {
  readonly from: number
  readonly to: number
}

/** Parts of a group's key; the classes of the tested columns follow. */
const REGION = 0
const SCENARIO = 1
const CLASSES = 2

export class Groups {
  private readonly index: KeyIndex
  private readonly sums: GroupSums
  private readonly regionOf: Int32Array
  private order: { readonly groups: Int32Array; readonly starts: Int32Array } | undefined
  private readonly matched = new Map<string, readonly number[]>()

  /** `regions` gives the region of each node. */
  constructor(
    private readonly frame: Frame,
    tree: Tree,
    private readonly tested: readonly TestedColumn[],
    scenarios: number,
    regions: readonly number[],
  ) {
    this.regionOf = Int32Array.from(regions)
    const radices = [tree.nodes.length, scenarios, ...tested.map(({ classCount }) => classCount)]
    this.index = new KeyIndex(radices, frame.rows)
    this.sums = new GroupSums(frame.amounts, 1024)
  }

  get size(): number {
    return this.index.size
  }

  add(block: Block, nodes: Int32Array, scenarios: Int32Array | undefined): void {
    const parts = [
      mapped(nodes, this.regionOf, block.rows),
      scenarios,
      ...this.tested.map(({ column, classOf }) => mapped(block.codes[column]!, classOf, block.rows)),
    ]
    const groups = this.index.indices(parts, block.rows)
    this.sums.reserve(this.size)
    this.sums.add(groups, block)
  }

  search(scenario: number, range: RegionRange, where: Predicate | null): Sums {
    const codes = this.index.part(SCENARIO)
    const groups = this.matching(range, where).filter((group) => codes[group] === scenario)
    let facts = 0
    for (const group of groups) facts += this.sums.facts[group]!
    const amounts = this.frame.amounts.map(({ scale }, column) =>
      decimal(this.sums.total(column, groups), scale),
    )
    return { facts, amounts }
  }

  /** Groups of every scenario, found once for each region and predicate. */
  private matching({ from, to }: RegionRange, where: Predicate | null): readonly number[] {
    const key = `${from}:${to}:${where === null ? '' : JSON.stringify(where)}`
    const known = this.matched.get(key)
    if (known !== undefined) return known
    this.order ??= this.ordered()
    const { groups, starts } = this.order
    const passes = where === null ? () => true : this.compile(where)
    const found: number[] = []
    for (let at = starts[from]!; at < starts[to]!; at++) if (passes(groups[at]!)) found.push(groups[at]!)
    this.matched.set(key, found)
    return found
  }

  /** Groups by region, and where the groups of each region begin. */
  private ordered() {
    const regions = this.index.part(REGION)
    const count = this.regionOf.length
    const starts = new Int32Array(count + 1)
    for (let group = 0; group < this.size; group++) starts[regions[group]! + 1]! += 1
    for (let region = 0; region < count; region++) starts[region + 1]! += starts[region]!
    const next = starts.slice()
    const groups = new Int32Array(this.size)
    for (let group = 0; group < this.size; group++) {
      groups[next[regions[group]!]!] = group
      next[regions[group]!]! += 1
    }
    return { groups, starts }
  }

  /** The predicate as a test of a group's classes. */
  private compile(predicate: Predicate): (group: number) => boolean {
    switch (predicate.op) {
      case 'and': {
        const parts = predicate.args.map((arg) => this.compile(arg))
        return (group) => parts.every((passes) => passes(group))
      }
      case 'or': {
        const parts = predicate.args.map((arg) => this.compile(arg))
        return (group) => parts.some((passes) => passes(group))
      }
      case 'not': {
        const passes = this.compile(predicate.arg)
        return (group) => !passes(group)
      }
      default:
        return this.compileTest(predicate)
    }
  }

  private compileTest(test: Test): (group: number) => boolean {
    const key = testKey(test)
    const position = this.tested.findIndex(({ passes }) => passes.has(key))
    if (position < 0) throw new Error(`the kernel was not told of the test ${key}`)
    const passes = this.tested[position]!.passes.get(key)!
    const classes = this.index.part(CLASSES + position)
    return (group) => passes[classes[group]!] === 1
  }
}

function mapped(codes: Int32Array, to: Int32Array, rows: number): Int32Array {
  const out = new Int32Array(rows)
  for (let row = 0; row < rows; row++) out[row] = to[codes[row]!]!
  return out
}
