/**
 * What a calculation needs of the facts, kept so that the next one need not read them again: the sums of every
 * node, the groups that rules over the whole table look at, and what has been searched for. It is made once of
 * a frame, a tree and the bindings, and answers for any rules, measures and policy over them: another rule
 * costs a search of its own, another formula none. The figures are the same as those of a new base. Raises nothing.
 */

import { type Decimal, decimal } from '../base/decimal.js'
import { type Block, codedIndex, type Frame } from '../engines/frame.js'
import type { Predicate } from '../language/predicate.js'
import { type Bindings, bindNodes } from './bindings.js'
import { decimalAt, type Sums } from './group-sums.js'
import type { Purpose } from './groups.js'
import type { Tree } from './hierarchy.js'
import {
  type Facts,
  type FirstPass,
  firstRows,
  passOver,
  type RowPlace,
  type Search,
  searchFacts,
  searchGroups,
} from './kernel.js'
import { type Overlap, RowOwners } from './row-owners.js'
import { Verdicts } from './tested-columns.js'
import { type TreeSums, upTheTree } from './tree-sums.js'
import type { UseCase } from './use-case.js'

export interface BaseInput {
  readonly frame: Frame
  readonly tree: Tree
  readonly bindings: Bindings
  /** Null: the source has no scenario, every fact is of the scenario at code 0. */
  readonly scenarioColumn: string | null
  /** Searches known to come: they cost no pass of their own, and columns of many values are grouped for them. */
  readonly announced: readonly Search[]
  readonly purpose: Purpose
}

/** Searches kept; a session of edits starts again when it has asked for more. */
const MAX_KEPT = 20_000

export class RollUpBase {
  /** Scenario labels by code; code 0 is the null scenario (or the only one, where the source has none). */
  readonly scenarios: readonly (string | null)[]
  readonly overlaps: readonly Overlap[]
  /** Groups of facts that rules over the whole table are evaluated on. */
  readonly groups: number
  private readonly facts: Facts
  private readonly first: FirstPass
  private readonly grouped: Block
  private readonly treeSums = new Map<string, TreeSums>()
  private readonly factCounts = new Map<number, Float64Array>()
  private readonly kept = new Map<string, readonly Sums[]>()
  private readonly totals = new Map<string, Decimal>()
  /** Drivers that give the same bindings, as text. */
  private readonly fitting = new Set<string>()

  constructor(readonly input: BaseInput) {
    const { frame, tree, bindings, scenarioColumn, announced, purpose } = input
    const scenario = scenarioColumn === null ? undefined : codedIndex(frame, scenarioColumn)
    this.scenarios = scenario === undefined ? [null] : frame.coded[scenario]!.dictionary
    this.facts = {
      frame,
      tree,
      owners: new RowOwners(frame, bindings, tree.nodes.length - 1),
      verdicts: new Verdicts(frame),
      scenario,
      scenarioCount: this.scenarios.length,
    }
    const searches = searchesWithPredicate(announced)
    const inFacts = [...searches].filter(([, { node }]) => node !== null)
    this.first = passOver(
      this.facts,
      {
        announced: [...searches.values()].flatMap(({ node, where }) => (node === null ? [where!] : [])),
        purpose,
      },
      inFacts.map(second),
    )
    this.keep(inFacts, this.first.found)
    this.grouped = this.first.groups.asBlock().block
    this.groups = this.grouped.rows
    this.overlaps = this.facts.owners.overlaps()
  }

  /** Whether the base answers for the use case over this frame and tree. */
  fits(frame: Frame, tree: Tree, useCase: UseCase): boolean {
    const { input } = this
    return (
      frame === input.frame &&
      tree === input.tree &&
      useCase.source.scenario === input.scenarioColumn &&
      this.fitsDrivers(useCase.drivers)
    )
  }

  private fitsDrivers(drivers: UseCase['drivers']): boolean {
    const text = JSON.stringify(drivers)
    if (this.fitting.has(text)) return true
    const { tree, bindings } = this.input
    if (!sameBindings(bindNodes(tree, drivers), bindings)) return false
    this.fitting.add(text)
    return true
  }

  /** Sums of the facts bound to each node itself, by node. */
  direct(scenario: number): readonly Sums[] {
    const { direct } = this.first
    return this.input.tree.nodes.map((_, node) => direct.of(node * this.scenarios.length + scenario))
  }

  /** Facts bound to each node or below it. */
  factsUnder(scenario: number): Float64Array {
    const kept = this.factCounts.get(scenario)
    if (kept !== undefined) return kept
    const { tree } = this.input
    const counts = Float64Array.from(tree.nodes, (_, node) =>
      this.first.direct.facts(node * this.scenarios.length + scenario),
    )
    const sums = upTheTree(tree, counts) as Float64Array
    this.factCounts.set(scenario, sums)
    return sums
  }

  /** What the facts say of every node. */
  sumsOf(column: number, scenario: number): TreeSums {
    const key = `${column}:${scenario}`
    const kept = this.treeSums.get(key)
    if (kept !== undefined) return kept
    const { tree, frame } = this.input
    const direct = this.first.direct.units(column, tree.nodes.length, scenario, this.scenarios.length)
    const sums = { scale: frame.amounts[column]!.scale, direct, natural: upTheTree(tree, direct) }
    this.treeSums.set(key, sums)
    return sums
  }

  /** The control total of a scenario: every fact, past all coding into nodes. */
  total(scenario: number, column: number): Decimal {
    const key = `${column}:${scenario}`
    const kept = this.totals.get(key)
    if (kept !== undefined) return kept
    const codes = this.facts.scenario === undefined ? undefined : this.grouped.codes[this.facts.scenario]!
    const units = this.grouped.amounts[column]!
    let sum = 0n
    for (let group = 0; group < this.grouped.rows; group++)
      if (codes === undefined || codes[group] === scenario) sum += BigInt(units[group]!)
    const total = decimal(sum, this.input.frame.amounts[column]!.scale)
    this.totals.set(key, total)
    return total
  }

  /** Searches the facts for all that are not known yet, in one pass. */
  find(searches: readonly Search[]): void {
    const wanted = searchesWithPredicate(searches)
    for (const key of wanted.keys()) if (this.kept.has(key)) wanted.delete(key)
    if (this.kept.size + wanted.size > MAX_KEPT) this.kept.clear()
    const [inGroups, inFacts] = this.parted([...wanted])
    if (inGroups.length > 0)
      this.keep(inGroups, searchGroups(this.facts, this.first.groups, inGroups.map(second)))
    if (inFacts.length > 0) this.keep(inFacts, searchFacts(this.facts, inFacts.map(second)))
  }

  /** What a search finds in a scenario. */
  search(scenario: number, asked: Search): Sums {
    const search = plain(asked)
    if (isSum(search)) return this.sumUnder(search.node ?? 0, scenario)
    const key = searchKey(search)
    if (!this.kept.has(key)) this.find([search])
    return this.kept.get(key)![scenario]!
  }

  /** The first rows that a search finds, of every scenario, in the order of the frame. */
  examples(search: Search, limit: number): RowPlace[] {
    return firstRows(this.facts, plain(search), limit)
  }

  /** Every fact at or below a node. */
  private sumUnder(node: number, scenario: number): Sums {
    return {
      facts: this.factsUnder(scenario)[node]!,
      amounts: this.input.frame.amounts.map(({ scale }, column) =>
        decimalAt(this.sumsOf(column, scenario).natural, node, scale),
      ),
    }
  }

  private parted(wanted: readonly Wanted[]): readonly [Wanted[], Wanted[]] {
    const isInGroups = ([, { node, where }]: Wanted): boolean =>
      this.isGrouped(node) && this.first.groups.answers(where!)
    return [wanted.filter(isInGroups), wanted.filter((each) => !isInGroups(each))]
  }

  /** Whether the groups hold all facts at or below a node: then they count as many. */
  private isGrouped(node: number | null): boolean {
    if (node === null) return true
    const { rows, from, to } = this.first.groups.under(node)
    let held = 0
    for (let i = from; i < to; i++) held += this.grouped.counts![rows[i]!]!
    const under = this.scenarios.reduce((sum, _, code) => sum + this.factsUnder(code)[node]!, 0)
    return held === under
  }

  private keep(wanted: readonly Wanted[], found: readonly (readonly Sums[])[]): void {
    wanted.forEach(([key], i) => {
      this.kept.set(key, found[i]!)
    })
  }
}

type Wanted = readonly [key: string, search: Search]
const second = ([, search]: Wanted): Search => search

/** The root's subtree is the whole table: what no node claims is below it too. */
const isWhole = (node: number | null): boolean => node === null || node === 0
const plain = ({ node, where }: Search): Search => ({ node: isWhole(node) ? null : node, where })
/** Without a predicate: a sum of the tree. */
const isSum = ({ where }: Search): boolean => where === null
const searchKey = ({ node, where }: Search): string => `${node ?? ''}:${predicateKey(where!)}`

/** A rule's predicate is asked for once for every measure and scenario. */
const predicateKeys = new WeakMap<Predicate, string>()

function predicateKey(where: Predicate): string {
  const known = predicateKeys.get(where)
  if (known !== undefined) return known
  const key = JSON.stringify(where)
  predicateKeys.set(where, key)
  return key
}

/** Each once, by its key; those without a predicate are sums of the tree and need no search. */
function searchesWithPredicate(searches: readonly Search[]): Map<string, Search> {
  const each = searches.map(plain).filter((search) => !isSum(search))
  return new Map(each.map((search) => [searchKey(search), search]))
}

function sameBindings(a: Bindings, b: Bindings): boolean {
  return (
    a.columns.length === b.columns.length &&
    a.columns.every((column, i) => column === b.columns[i]) &&
    a.bindings.length === b.bindings.length &&
    a.bindings.every(({ column, value, node }, i) => {
      const other = b.bindings[i]!
      return column === other.column && value === other.value && node === other.node
    })
  )
}
