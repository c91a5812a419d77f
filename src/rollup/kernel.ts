/**
 * The kernel: the passes over the facts. The first adds up, for every node and scenario, the facts bound to it,
 * groups all facts by what rules over many facts can tell apart (groups.ts), and looks for the facts that rules
 * of nodes are known to search for; later ones look for more. Any number of searches takes one pass. Values
 * are looked up by code, and no more is kept than sums.
 *
 * Exactness: within a frame's exact range every partial sum is a whole number that a double holds; beyond it
 * sums are bigint. Raises nothing.
 */

import type { Block, Frame } from '../engines/frame.js'
import type { Predicate } from '../language/predicate.js'
import { GroupSums, type Sums } from './group-sums.js'
import { Groups, type GroupsFor } from './groups.js'
import type { Tree } from './hierarchy.js'
import { addShares } from './key-index.js'
import type { RowOwners } from './row-owners.js'
import { type RowList, RowTests } from './row-tests.js'
import { SearchedRows } from './searched-rows.js'
import type { Verdicts } from './tested-columns.js'

/** The facts a rule looks for: those of a node's subtree, or of the whole table, that satisfy the predicate. */
export interface Search {
  /** Position in the tree; null: the whole table. */
  readonly node: number | null
  /** Null: every fact there. */
  readonly where: Predicate | null
}

export interface Facts {
  readonly frame: Frame
  readonly tree: Tree
  readonly owners: RowOwners
  readonly verdicts: Verdicts
  /** Coded column of the frame; undefined: every fact is of the scenario at code 0. */
  readonly scenario: number | undefined
  readonly scenarioCount: number
}

export interface FirstPass {
  /** Group node × scenarios + scenario: the facts bound to the node itself. */
  readonly direct: GroupSums
  readonly groups: Groups
  /** By search, then scenario. */
  readonly found: readonly (readonly Sums[])[]
}

/** Direct sums, groups, and what is known to be searched for: while a block is at hand, looking again is cheap. */
export function passOver(facts: Facts, grouping: GroupsFor, searches: readonly Search[]): FirstPass {
  const { frame, tree, owners, verdicts, scenario, scenarioCount } = facts
  const direct = new GroupSums(frame.amounts, tree.nodes.length * scenarioCount)
  const groups = new Groups(frame, tree, owners, verdicts, scenario, grouping)
  const searching = new FactSearch(facts, searches)
  const ofOwner = owners.nodeOf.map((node) => node * scenarioCount)
  const ofScenario = Int32Array.from({ length: scenarioCount }, (_, code) => code)
  let places = new Int32Array(0)
  for (const block of frame.blocks) {
    if (places.length < block.rows) places = new Int32Array(block.rows)
    const parts = [
      { codes: owners.of(block), share: ofOwner },
      ...(scenario === undefined ? [] : [{ codes: block.codes[scenario]!, share: ofScenario }]),
    ]
    addShares(parts, block.rows, places)
    const grouped = groups.of(block)
    direct.addWith(places, groups.sums, grouped, block)
    owners.countOverlaps(block)
    searching.lookAt(block)
  }
  return { direct, groups, found: searching.sums() }
}

/** The sums of each search by scenario, over the facts themselves. */
export function searchFacts(facts: Facts, searches: readonly Search[]): Sums[][] {
  const searching = new FactSearch(facts, searches)
  for (const block of facts.frame.blocks) searching.lookAt(block)
  return searching.sums()
}

class FactSearch {
  private readonly adding: SearchSums
  private readonly searched: SearchedRows

  constructor(
    facts: Facts,
    private readonly searches: readonly Search[],
  ) {
    this.adding = new SearchSums(facts, searches)
    this.searched = new SearchedRows(
      facts.tree,
      facts.owners,
      searches.map(({ node }) => node ?? 0),
    )
  }

  lookAt(block: Block): void {
    if (this.searches.length === 0) return
    this.searched.lookAt(block)
    this.searches.forEach(({ node }, search) => {
      this.adding.add(search, block, this.searched.under(node ?? 0))
    })
  }

  sums(): Sums[][] {
    return this.adding.sums()
  }
}

/** The same over groups, for searches that these hold all the facts of. */
export function searchGroups(facts: Facts, groups: Groups, searches: readonly Search[]): Sums[][] {
  const adding = new SearchSums(facts, searches)
  searches.forEach(({ node }, search) => {
    adding.add(search, groups.asBlock().block, groups.under(node ?? 0))
  })
  return adding.sums()
}

/** Where a row of a frame stands. */
export interface RowPlace {
  readonly block: number
  readonly row: number
}

/** The first rows a search finds, in the order of the frame. */
export function firstRows(facts: Facts, { node, where }: Search, limit: number): RowPlace[] {
  const { frame, tree, owners, verdicts } = facts
  const searched = new SearchedRows(tree, owners, [node ?? 0])
  const choose = where === null ? undefined : new RowTests(verdicts).compile(where)
  const found: RowPlace[] = []
  for (const [block, { rows }] of frame.blocks.entries()) {
    if (found.length >= limit) break
    const chosen = new Int32Array(rows)
    searched.lookAt(frame.blocks[block]!)
    const list = searched.under(node ?? 0)
    const length = choose === undefined ? copy(list, chosen) : choose(frame.blocks[block]!, list, chosen)
    for (const row of chosen.subarray(0, Math.min(length, limit - found.length))) found.push({ block, row })
  }
  return found
}

/** What searches have found so far. */
class SearchSums {
  private readonly found: GroupSums
  private readonly choose: readonly (ReturnType<RowTests['compile']> | undefined)[]
  private chosen = new Int32Array(0)
  private places = new Int32Array(0)

  constructor(
    private readonly facts: Facts,
    private readonly searches: readonly Search[],
  ) {
    const tests = new RowTests(facts.verdicts)
    this.found = new GroupSums(facts.frame.amounts, searches.length * facts.scenarioCount)
    this.choose = searches.map(({ where }) => (where === null ? undefined : tests.compile(where)))
  }

  /** Adds the rows of the list that the search finds. */
  add(search: number, block: Block, list: RowList): void {
    if (list.to === list.from) return
    this.reserve(list.to - list.from)
    const { chosen, places } = this
    const choose = this.choose[search]
    const length = choose === undefined ? copy(list, chosen) : choose(block, list, chosen)
    const { scenario, scenarioCount } = this.facts
    const first = search * scenarioCount
    if (scenario === undefined) places.fill(first, 0, length)
    else placesOf(block.codes[scenario]!, chosen, length, first, places)
    this.found.addChosen(chosen, places, length, block)
  }

  sums(): Sums[][] {
    const { scenarioCount } = this.facts
    return this.searches.map((_, search) =>
      Array.from({ length: scenarioCount }, (_, code) => this.found.of(search * scenarioCount + code)),
    )
  }

  private reserve(rows: number): void {
    if (this.chosen.length >= rows) return
    this.chosen = new Int32Array(rows)
    this.places = new Int32Array(rows)
  }
}

function copy({ rows, from, to }: RowList, chosen: Int32Array): number {
  chosen.set(rows.subarray(from, to))
  return to - from
}

function placesOf(
  scenarios: Int32Array,
  chosen: Int32Array,
  length: number,
  first: number,
  out: Int32Array,
): void {
  for (let i = 0; i < length; i++) out[i] = first + scenarios[chosen[i]!]!
}
