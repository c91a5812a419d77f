/**
 * Facts grouped by what rules over many facts can tell apart: the scenario, and the value of each column, or
 * its class under the tests that were announced; and for rules still to be edited, the largest parts of the tree.
 * Such a search then looks at a few thousand groups instead of the facts, as if they were a small frame. What
 * the groups of a scenario sum to is also the control total that the tree is held against. Raises nothing.
 */

import type { Block, Frame } from '../engines/frame.js'
import { atomicTests } from '../language/evaluate.js'
import type { Predicate } from '../language/predicate.js'
import { GroupSums } from './group-sums.js'
import type { Tree } from './hierarchy.js'
import { addShares, KeyIndex, type KeyPart } from './key-index.js'
import { largeNodes } from './large-nodes.js'
import { Regions } from './regions.js'
import type { RowOwners } from './row-owners.js'
import type { RowList } from './row-tests.js'
import { type TestedColumn, testedColumns, testKey, type Verdicts } from './tested-columns.js'

/** Up to this many combinations each has its place, and their sums stay in the processor's cache. */
const MAX_PLACES = 1 << 16
/** The same with parts of the tree. */
const MAX_REGIONAL = 1 << 17
/** Columns are grouped by value only where that leaves far fewer groups than rows. */
const ROWS_PER_GROUP = 16

/** A column that groups are told apart by. */
interface Grouping {
  /** Of the frame. */
  readonly column: number
  readonly classCount: number
  readonly classOf: Int32Array
  readonly example: Int32Array
  /** The tests that values of one class agree on; null: any test, since each value is a class. */
  readonly tests: ReadonlySet<string> | null
}

/**
 * `run`: one calculation. `edits`: any number of them, with rules that nobody knows yet, so that the largest
 * parts of the tree are grouped too; that makes the pass over the facts about twice as long.
 */
export type Purpose = 'run' | 'edits'

export interface GroupsFor {
  /** Predicates that will be asked of many facts. */
  readonly announced: readonly Predicate[]
  readonly purpose: Purpose
}

export class Groups {
  private readonly groupings: readonly Grouping[]
  /** Combinations of the columns alone. */
  private readonly places: number
  private readonly shares: readonly Int32Array[]
  private readonly regions: Regions
  private readonly regionShare: Int32Array
  /** Where there are too many combinations for a place each, those that occur are numbered. */
  private readonly index: KeyIndex | undefined
  private groups = new Int32Array(0)
  private held: GroupBlock | undefined
  readonly sums: GroupSums

  constructor(
    private readonly frame: Frame,
    tree: Tree,
    private readonly owners: RowOwners,
    verdicts: Verdicts,
    scenario: number | undefined,
    { announced, purpose }: GroupsFor,
  ) {
    this.groupings = groupingsOf(frame, scenario, owners.columns, testedColumns(verdicts, announced))
    const radices = this.groupings.map(({ classCount }) => classCount)
    this.places = product(radices)
    let stride = 1
    this.shares = this.groupings.map(({ classOf, classCount }) => {
      const share = classOf.map((code) => code * stride)
      stride *= classCount
      return share
    })
    const room =
      purpose === 'edits' ? Math.floor(Math.min(MAX_REGIONAL, frame.rows / ROWS_PER_GROUP) / this.places) : 1
    this.regions = new Regions(tree, room > 1 ? largeNodes(frame, tree, owners, room) : [0])
    this.regionShare = owners.nodeOf.map((node) => this.regions.ofNode[node]! * this.places)
    this.index = this.places <= MAX_PLACES ? undefined : new KeyIndex(radices, frame.rows)
    this.sums = new GroupSums(
      frame.amounts,
      this.index === undefined ? this.places * this.regions.count : 1024,
    )
  }

  /** The group of each row; good until the next block is asked for. */
  of(block: Block): Int32Array {
    if (this.index !== undefined) {
      const parts = this.groupings.map(({ column, classOf }) =>
        mapped(block.codes[column]!, classOf, block.rows),
      )
      const groups = this.index.indices(parts, block.rows)
      this.sums.reserve(this.index.size)
      return groups
    }
    if (this.groups.length < block.rows) this.groups = new Int32Array(block.rows)
    const parts = this.groupings.map(
      ({ column }, i): KeyPart => ({ codes: block.codes[column]!, share: this.shares[i]! }),
    )
    if (this.regions.count > 1) parts.push({ codes: this.owners.of(block), share: this.regionShare })
    addShares(parts, block.rows, this.groups)
    return this.groups
  }

  /** Whether every test of the predicate can be asked of a group. */
  answers(where: Predicate): boolean {
    return atomicTests(where).every((test) => {
      const grouping = this.groupings.find(({ column }) => this.frame.coded[column]!.name === test.column)
      return grouping !== undefined && (grouping.tests === null || grouping.tests.has(testKey(test)))
    })
  }

  /** The groups that hold the facts at or below a node; some may be missing where it is not a large one. */
  under(node: number): RowList {
    const { from, to } = this.regions.under(node)
    const { starts, rows } = this.asBlock()
    return { rows, from: starts[from]!, to: starts[to]! }
  }

  /** The groups that hold facts; to be asked for when all blocks are grouped. */
  asBlock(): GroupBlock {
    this.held ??= this.made()
    return this.held
  }

  private made(): GroupBlock {
    const size = this.index?.size ?? this.places * this.regions.count
    const groups = new Int32Array(size)
    let held = 0
    const starts = new Int32Array(this.regions.count + 1)
    for (let group = 0; group < size; group++) {
      if (this.sums.facts(group) === 0) continue
      groups[held] = group
      held += 1
      starts[this.index === undefined ? Math.floor(group / this.places) + 1 : 1] = held
    }
    for (let region = 1; region <= this.regions.count; region++)
      starts[region] = Math.max(starts[region]!, starts[region - 1]!)
    const codes = this.frame.coded.map(() => new Int32Array(0))
    let stride = 1
    this.groupings.forEach(({ column, classCount, example }, part) => {
      const classes = this.index?.part(part)
      const own = new Int32Array(held)
      for (let row = 0; row < held; row++) {
        const group = groups[row]!
        own[row] = example[classes === undefined ? Math.floor(group / stride) % classCount : classes[group]!]!
      }
      codes[column] = own
      stride *= classCount
    })
    const rows = Int32Array.from({ length: held }, (_, row) => row)
    const { counts, amounts } = this.sums.chosen(groups.subarray(0, held))
    return { block: { rows: held, counts, codes, amounts }, rows, starts }
  }
}

/** Groups as a block of a frame whose rows stand for several facts each, in the order of their regions. */
interface GroupBlock {
  readonly block: Block
  readonly rows: Int32Array
  /** Where the groups of each region begin. */
  readonly starts: Int32Array
}

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

/**
 * The scenario; then every column by value, short dictionaries first, as long as the groups stay few; then
 * classes of what else is tested. Driver columns tell nodes apart, which is the tree's business.
 */
function groupingsOf(
  frame: Frame,
  scenario: number | undefined,
  drivers: readonly string[],
  tested: readonly TestedColumn[],
): readonly Grouping[] {
  const always = scenario === undefined ? [] : [byValue(frame, scenario)]
  const few = Math.min(MAX_PLACES, frame.rows / ROWS_PER_GROUP)
  const columns = frame.coded
    .map(({ name, dictionary }, column) => ({ name, column, size: dictionary.length }))
    .filter(({ name, column }) => column !== scenario && !drivers.includes(name))
    .sort((a, b) => a.size - b.size || a.column - b.column)
  const whole: Grouping[] = []
  let places = product(always.map(({ classCount }) => classCount))
  for (const { column, size } of columns) {
    if (places * size > few) break
    places *= size
    whole.push(byValue(frame, column))
  }
  const isIn = (list: readonly Grouping[], column: number): boolean =>
    list.some((grouping) => grouping.column === column)
  const rest = tested.filter(({ column }) => !isIn([...always, ...whole], column))
  if (places * product(rest.map(({ classCount }) => classCount)) <= MAX_PLACES)
    return [...always, ...whole, ...rest]
  // Values of some columns beside classes of others would be many groups: classes of all are the fewest.
  return [...always, ...tested.filter(({ column }) => !isIn(always, column))]
}

function byValue(frame: Frame, column: number): Grouping {
  const codes = Int32Array.from(frame.coded[column]!.dictionary, (_, code) => code)
  return { column, classCount: codes.length, classOf: codes, example: codes, tests: null }
}

function mapped(codes: Int32Array, to: Int32Array, rows: number): Int32Array {
  const out = new Int32Array(rows)
  for (let row = 0; row < rows; row++) out[row] = to[codes[row]!]!
  return out
}
