/**
 * What a formula can name: a node of the hierarchy, the total of a level path, or a result that is only a formula.
 * Each has a text that tells it from every other, whose MD5 is the key of its rows in the mart. Raises nothing.
 */

import type { Problem } from '../../base/errors.js'
import { problem } from '../../base/errors.js'
import { compareText, didYouMean } from '../../base/text.js'
import { canonicalPart } from '../../engines/plan/plan.js'
import type { MartNode } from '../hierarchy.js'
import type { Cell } from '../table.js'

export type Named =
  | { readonly kind: 'node'; readonly node: MartNode }
  | { readonly kind: 'total'; readonly path: readonly Cell[]; readonly nodes: readonly MartNode[] }
  | { readonly kind: 'formula'; readonly name: string }

/** `NODE|R100`, `TOTAL|Revenue|Oil`, `FORMULA|Margin`. */
export function identityOf(named: Named): string {
  if (named.kind === 'node') return ['NODE', canonicalPart(named.node.key)].join('|')
  if (named.kind === 'total') return ['TOTAL', ...named.path.map(canonicalPart)].join('|')
  return ['FORMULA', canonicalPart(named.name)].join('|')
}

export const titleOf = (named: Named): string =>
  named.kind === 'node'
    ? named.node.key
    : named.kind === 'total'
      ? pathOf(named.path).join(' > ')
      : named.name

/** As a reader knows it: a node by its name. */
export const spokenName = (named: Named): string => (named.kind === 'node' ? named.node.name : titleOf(named))

/** The path without fillers between levels. */
export const pathOf = (levels: readonly Cell[]): readonly string[] =>
  levels.filter((level): level is string => level !== null)

/** Totals: level paths with a node further down, and the nodes that are not calculated in or below them. */
export function totalsOf(nodes: readonly MartNode[]): readonly Extract<Named, { kind: 'total' }>[] {
  const totals = new Map<string, { path: readonly Cell[]; nodes: MartNode[]; isParent: boolean }>()
  for (const node of nodes) {
    const deepest = node.levels.findLastIndex((level) => level !== null)
    node.levels.forEach((level, i) => {
      if (level === null) return
      const path = node.levels.slice(0, i + 1)
      const id = JSON.stringify(path)
      const total = totals.get(id) ?? { path, nodes: [], isParent: false }
      totals.set(id, total)
      if (i < deepest) total.isParent = true
      if (!node.isCalculated && !node.isRemovedFromTotals) total.nodes.push(node)
    })
  }
  return [...totals.values()]
    .filter(({ isParent }) => isParent)
    .map(({ path, nodes: inside }) => ({ kind: 'total', path, nodes: inside }))
}

/** Everything that can be named, by every name it has. */
export class NameBook {
  private readonly byKey = new Map<string, Named>()
  private readonly byName = new Map<string, Named[]>()

  constructor(nodes: readonly MartNode[]) {
    for (const node of nodes) {
      const named: Named = { kind: 'node', node }
      this.byKey.set(node.key, named)
      const names = [
        node.name,
        ...(node.isCalculated && node.formulaGroup !== null ? [node.formulaGroup] : []),
      ]
      for (const name of new Set(names)) this.add(name, named)
    }
    for (const total of totalsOf(nodes)) {
      const title = titleOf(total)
      this.add(total.path.at(-1)!, total)
      if (title !== total.path.at(-1) && !this.byKey.has(title)) this.byKey.set(title, total)
    }
  }

  /** The calculated node that a result names, or a result of its own. */
  result(name: string): Named {
    const found = [this.byKey.get(name), ...(this.byName.get(name) ?? [])].filter(
      (named) => named !== undefined && named.kind === 'node' && named.node.isCalculated,
    )
    if (found.length > 0) return found[0]!
    const own = this.byName.get(name)?.find(({ kind }) => kind === 'formula')
    if (own !== undefined) return own
    const made: Named = { kind: 'formula', name }
    this.add(name, made)
    return made
  }

  /** Undefined with a problem when the name is nothing, or several things. */
  operand(name: string, result: string, problems: Problem[]): Named | undefined {
    const exact = this.byKey.get(name)
    if (exact !== undefined) return exact
    const found = this.byName.get(name) ?? []
    if (found.length === 1) return found[0]
    if (found.length === 0) {
      const suggestion = didYouMean(name, new Set([...this.byKey.keys(), ...this.byName.keys()]))
      problems.push(problem('TIE-5012', { result, operand: name, suggestion }))
    } else {
      const meanings = found
        .map((named) => `the ${named.kind} ${titleOf(named)}`)
        .sort(compareText)
        .join(', ')
      problems.push(problem('TIE-5013', { name, result, meanings }))
    }
    return undefined
  }

  private add(name: string, named: Named): void {
    const known = this.byName.get(name)
    if (known === undefined) this.byName.set(name, [named])
    else known.push(named)
  }
}
