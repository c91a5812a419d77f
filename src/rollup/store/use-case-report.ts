/**
 * A use case at its current version as others see it: nodes, who claims which facts, rules, and the facts themselves.
 * Raises TIE-1101, TIE-1102, TIE-1104, and what checking a use case against its source and reading that raise.
 */

import { refuseAll } from '../../base/errors.js'
import type { Context } from '../../books/operation.js'
import type { FactListing, ListedFact } from '../../engines/fact-listing.js'
import type { ColumnType } from '../../engines/source.js'
import type { Formula } from '../../language/formula.js'
import { bindNodes } from '../bindings.js'
import { checkUseCase } from '../check-use-case.js'
import { buildTree } from '../hierarchy.js'
import { canonicalValue } from '../row-owners.js'
import { ruleText } from '../rule-text.js'
import { withListing } from '../sources.js'
import type { Rule } from '../use-case.js'
import { loadStructure } from './structures.js'
import { loadUseCase } from './use-cases.js'

export function withUseCaseReport<T>(
  { books, tenant }: Context,
  name: string,
  work: (report: Awaited<ReturnType<typeof reportOf>>) => Promise<T>,
): Promise<T> {
  return books.transaction(tenant, async (tx) => {
    const stored = await loadUseCase(tx, name)
    const structure = await loadStructure(tx, stored.useCase.structure)
    return withListing(tx, stored.useCase.source, stored.id, (listing) =>
      work(reportOf(stored, structure, listing)),
    )
  })
}

function reportOf(
  { useCase, version }: Awaited<ReturnType<typeof loadUseCase>>,
  structure: Awaited<ReturnType<typeof loadStructure>>,
  listing: FactListing,
) {
  const tree = buildTree(structure.rows)
  refuseAll(checkUseCase(useCase, tree, listing.columns, useCase.policy))
  const types = new Map(listing.columns.map(({ name, type }) => [name, type]))
  const { columns, bindings } = bindNodes(tree, useCase.drivers)
  return {
    name: useCase.name,
    version,
    structure: structure.name,
    structureVersion: structure.version,
    nodes: tree.nodes.map(({ node_id, node_name, parent }) => ({ id: node_id, name: node_name, parent })),
    driverColumns: columns,
    bindings: bindings.map((binding) => ({
      ...binding,
      value: canonicalValue(binding.value, types.get(binding.column)!),
    })),
    measures: useCase.measures,
    date: useCase.source.date,
    scenario: useCase.source.scenario,
    rules: useCase.rules.map((rule) => ({
      no: rule.no,
      node: tree.positions.get(rule.node)!,
      text: ruleText(rule),
      ...arithmeticOf(rule),
    })),
    facts: (wanted: readonly string[]) =>
      canonicalFacts(
        listing,
        wanted,
        wanted.map((name) => types.get(name)!),
      ),
  }
}

const arithmeticOf = (rule: Rule): { readonly formula: Formula | null; readonly into: string | null } =>
  rule.flavour === 'arithmetic' ? { formula: rule.formula, into: rule.into } : { formula: null, into: null }

/** Without where a fact stands. */
async function* canonicalFacts(
  listing: FactListing,
  columns: readonly string[],
  types: readonly ColumnType[],
): AsyncIterable<readonly ListedFact[]> {
  for await (const batch of listing.facts({ columns, where: [], through: null }))
    yield batch.map(([, ...values]) =>
      values.map((value, i) => (value === null ? null : canonicalValue(value, types[i]!))),
    )
}
