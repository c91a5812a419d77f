/**
 * What must hold of a mart, and what is odd about its inputs, each with the money behind it: coverage, leaves against
 * totals, dead mapping rows, unreachable nodes, orphaned keys, duplicates. Worked out from facts and claims, not from
 * the pipeline. Raises nothing.
 */

import {
  add,
  canonicalDecimal,
  compareDecimals,
  type Decimal,
  equalDecimals,
  formatDecimal,
  negate,
  parseDecimal,
  subtract,
  withScaleAtLeast,
  ZERO,
} from '../../base/decimal.js'
import type { Finding } from '../../base/finding.js'
import { agreeing, compareText, plural } from '../../base/text.js'
import { type MartConfig, measureColumn } from '../config.js'
import type { ClaimedFact } from '../evaluate/claims.js'
import type { MartNode } from '../hierarchy.js'
import type { MappingRow } from '../mapping.js'
import type { Cell, MartTables, Table } from '../table.js'
import type { KeyedRows } from './compare.js'

export interface Check {
  readonly check: string
  readonly statement: string
  readonly holds: boolean
}

export interface ProofInput {
  readonly config: MartConfig
  readonly tables: MartTables
  readonly facts: Table
  readonly nodes: readonly MartNode[]
  readonly mapping: readonly MappingRow[]
  readonly claimed: readonly ClaimedFact[]
  /** Of DT_3. */
  readonly rows: KeyedRows
}

const sizeOf = (value: Decimal): Decimal => (value.units < 0n ? negate(value) : value)

/** For each measure: what nodes claim once, what several claim again, what none claims, and the ledger's total. */
export function coverage({
  config,
  facts,
  claimed,
}: ProofInput): readonly (Check & { readonly unmapped: string })[] {
  return config.fact.measures.map((measure) => {
    const read = amountOf(facts, measure.column)
    let [nodes, again, unmapped, ledger] = [ZERO, ZERO, ZERO, ZERO]
    for (const row of claimed) {
      const amount = read(row.cells)
      const takers = row.nodes.filter(({ isVolume }) => !isVolume).length
      ledger = add(ledger, amount)
      if (takers === 0) unmapped = add(unmapped, amount)
      for (let i = 0; i < takers; i++) nodes = add(nodes, amount)
      for (let i = 1; i < takers; i++) again = add(again, amount)
    }
    const whole = add(subtract(nodes, again), unmapped)
    const show = (value: Decimal): string => formatDecimal(withScaleAtLeast(value, measure.scale))
    return {
      check: 'coverage',
      statement: `${measure.name}: Σ nodes ${show(nodes)} − claimed again ${show(again)} + unmapped ${show(unmapped)} = ledger ${show(ledger)}`,
      holds: equalDecimals(whole, ledger),
      unmapped: show(unmapped),
    }
  })
}

/** Details that count are the totals of the first level and what stands there alone. */
export function leavesAndTotals({ config, nodes, rows }: ProofInput): readonly Check[] {
  const removed = new Set(
    nodes.filter(({ isRemovedFromTotals }) => isRemovedFromTotals).map(({ key }) => key),
  )
  const alone = new Set(nodes.filter(({ levels }) => levels[0] === null).map(({ key }) => key))
  const parents = new Set(
    nodes
      .filter(({ isActive, levels }) => isActive && levels.slice(1).some((level) => level !== null))
      .map(({ levels }) => levels[0]),
  )
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  return config.fact.measures.map((measure) => {
    const column = measureColumn(config, measure)
    let [leaves, totals] = [ZERO, ZERO]
    for (const row of rows) {
      const value = parseDecimal(row[column] ?? '0')!
      if (row.ROW_KIND === 'DETAIL' && !removed.has(row.XREF_HIERARCHY_KEY!)) {
        const node = byKey.get(row.XREF_HIERARCHY_KEY!)!
        if (!alone.has(node.key) && parents.has(node.levels[0]!)) leaves = add(leaves, value)
      }
      if (row.ROW_KIND === 'TOTAL' && isFirstLevel(row, config)) totals = add(totals, value)
    }
    return {
      check: 'leaves_are_totals',
      statement: `${measure.name}: Σ leaves ${canonicalDecimal(leaves)} = Σ totals of the first level ${canonicalDecimal(totals)}`,
      holds: equalDecimals(leaves, totals),
    }
  })
}

/** Fillers take the level above, so a total of the first level has one name in all of them. */
const isFirstLevel = (row: Readonly<Record<string, Cell>>, { hierarchy }: MartConfig): boolean =>
  hierarchy.levels.every(
    (_, i) => row[`LEVEL_${i + 1}`] === row.LEVEL_1 && row[`LEVEL_${i + 1}_SORT`] === row.LEVEL_1_SORT,
  )

/** No surrogate key twice, and no row of a node twice in a slice. */
export function uniqueKeys({ rows }: ProofInput): Check {
  const keys = new Set(rows.map((row) => row.SURROGATE_KEY))
  return {
    check: 'keys_are_unique',
    statement: `${plural(rows.length, 'row')}, ${plural(keys.size, 'surrogate key')}`,
    holds: keys.size === rows.length,
  }
}

function amountOf(facts: Table, column: string): (cells: readonly Cell[]) => Decimal {
  const read = facts.reader(column)
  return (cells) => parseDecimal(read(cells) ?? '0') ?? ZERO
}

/** What is odd about the inputs, the most money first. */
export function inputFindings(input: ProofInput): readonly Finding[] {
  const found = [
    ...unmappedFacts(input),
    ...deadRows(input),
    ...emptyNodes(input),
    ...orphans(input),
    ...duplicates(input),
    ...overlaps(input),
  ]
  return found.sort(
    (a, b) =>
      compareDecimals(sizeOf(parseDecimal(b.amount ?? '0')!), sizeOf(parseDecimal(a.amount ?? '0')!)) ||
      compareText(a.code + a.message, b.code + b.message),
  )
}

function unmappedFacts({ config, facts, claimed }: ProofInput): Finding[] {
  const measure = config.fact.measures[0]!
  const read = amountOf(facts, measure.column)
  const lost = claimed.filter(({ nodes }) => nodes.length === 0)
  if (lost.length === 0) return []
  const amount = lost.reduce((sum, { cells }) => add(sum, read(cells)), ZERO)
  return [
    {
      code: 'FACTS_IN_NO_NODE',
      severity: 'warning',
      message: `${plural(lost.length, 'fact')} of the segment ${agreeing(lost.length, 'belongs', 'belong')} to no node: ${canonicalDecimal(amount)} of ${measure.name}.`,
      suggestion: 'Map their keys to a node, or exclude them from the source.',
      measure: measure.name,
      amount: canonicalDecimal(amount),
      rows: lost.length,
    },
  ]
}

function deadRows({ config, tables, nodes, mapping, claimed, facts }: ProofInput): Finding[] {
  const idle = new Map(
    nodes.filter(({ isActive, isCalculated }) => !isActive || isCalculated).map((node) => [node.key, node]),
  )
  const values = new Map<string, ReadonlySet<Cell>>()
  const read = amountOf(facts, config.fact.measures[0]!.column)
  const worth = new Map<string, Decimal>()
  for (const { cells, nodes: takers } of claimed)
    for (const { key } of takers) worth.set(key, add(worth.get(key) ?? ZERO, read(cells)))
  return mapping.flatMap((row): Finding[] => {
    const node = idle.get(row.node)
    const amount = canonicalDecimal(worth.get(row.node) ?? ZERO)
    const base = { severity: 'warning' as const, node_id: row.node, amount, rows: 1 }
    if (node !== undefined)
      return [
        {
          ...base,
          code: node.isActive ? 'MAPPING_OF_CALCULATED_NODE' : 'MAPPING_OF_INACTIVE_NODE',
          message: `Mapping row ${row.row} has no effect: ${row.node} is ${node.isActive ? 'calculated' : 'inactive'}.`,
          suggestion: 'Remove the row, or change the node.',
        },
      ]
    const { dimension, column } = row.place
    const key = JSON.stringify([dimension.alias, column])
    const table = tables.dimensions.get(dimension.alias)!
    const reader = table.reader(column)
    const known = values.get(key) ?? new Set(table.rows.map((cells) => reader(cells)))
    values.set(key, known)
    if (known.has(row.id)) return []
    return [
      {
        ...base,
        code: 'DEAD_MAPPING_ROW',
        message: `Mapping row ${row.row} of ${row.node} finds nothing: no ${dimension.alias}.${column} is "${row.id}".`,
        suggestion: 'Correct the id, or remove the row.',
      },
    ]
  })
}

function emptyNodes({ nodes, mapping, claimed }: ProofInput): Finding[] {
  const mapped = new Set(mapping.filter(({ isExcluded }) => !isExcluded).map(({ node }) => node))
  const reached = new Set(claimed.flatMap(({ nodes: takers }) => takers.map(({ key }) => key)))
  return nodes
    .filter(({ isActive, isCalculated, key }) => isActive && !isCalculated && !reached.has(key))
    .map(({ key, name }) => ({
      code: mapped.has(key) ? 'NODE_WITHOUT_FACTS' : 'UNREACHABLE_NODE',
      severity: mapped.has(key) ? ('info' as const) : ('warning' as const),
      message: mapped.has(key)
        ? `No fact belongs to ${key} (${name}).`
        : `${key} (${name}) has no mapping row, so no fact can belong to it.`,
      suggestion: mapped.has(key)
        ? 'Nothing, when there was nothing to book.'
        : 'Map ids to it, or make it inactive.',
      node_id: key,
      amount: '0',
      rows: 0,
    }))
}

/** Keys of facts that their dimension does not have: they join nothing, whatever the mapping says. */
function orphans({ config, tables, facts, claimed }: ProofInput): Finding[] {
  const measure = config.fact.measures[0]!
  const amount = amountOf(facts, measure.column)
  return config.dimensions.flatMap((dimension): Finding[] => {
    const pattern = config.join_patterns.find(({ join_keys }) => join_keys.includes(dimension.filter_column))
    if (pattern === undefined || dimension.table === config.fact.table) return []
    const column = pattern.fact_keys[pattern.join_keys.indexOf(dimension.filter_column)]!
    const table = tables.dimensions.get(dimension.alias)!
    const [key, read] = [table.reader(dimension.key), facts.reader(column)]
    const known = new Set(table.rows.map((cells) => key(cells)))
    const lost = claimed.filter(({ cells }) => read(cells) !== null && !known.has(read(cells)))
    if (lost.length === 0) return []
    const sum = lost.reduce((total, { cells }) => add(total, amount(cells)), ZERO)
    return [
      {
        code: 'FACT_KEY_WITHOUT_DIMENSION',
        severity: 'warning',
        message: `${plural(lost.length, 'fact')} ${agreeing(lost.length, 'has', 'have')} a ${column} that ${dimension.table} does not have, such as "${read(lost[0]!.cells)}".`,
        suggestion: 'Add the key to the dimension, or correct the facts.',
        measure: measure.name,
        amount: canonicalDecimal(sum),
        rows: lost.length,
      },
    ]
  })
}

function duplicates({ mapping }: ProofInput): Finding[] {
  const first = new Map<string, MappingRow>()
  return mapping.flatMap((row): Finding[] => {
    const { dimension, column } = row.place
    const key = JSON.stringify([row.node, row.group, row.isExcluded, dimension.alias, column, row.id])
    const known = first.get(key)
    if (known === undefined) {
      first.set(key, row)
      return []
    }
    return [
      {
        code: 'DUPLICATE_MAPPING_ROW',
        severity: 'info',
        message: `Mapping row ${row.row} says the same as row ${known.row}; it changes nothing.`,
        suggestion: 'Remove one of them.',
        node_id: row.node,
        amount: '0',
        rows: 1,
      },
    ]
  })
}

/** Facts of several nodes that are in no formula group together: a memo line, or a mistake. */
function overlaps({ config, facts, claimed }: ProofInput): Finding[] {
  const measure = config.fact.measures[0]!
  const read = amountOf(facts, measure.column)
  const pairs = new Map<string, { a: string; b: string; amount: Decimal; rows: number }>()
  for (const { cells, nodes } of claimed) {
    const takers = nodes.filter(({ isVolume }) => !isVolume).map(({ key }) => key)
    takers.forEach((a, i) => {
      for (const b of takers.slice(i + 1)) {
        const key = JSON.stringify([a, b])
        const pair = pairs.get(key) ?? { a, b, amount: ZERO, rows: 0 }
        pairs.set(key, { ...pair, amount: add(pair.amount, read(cells)), rows: pair.rows + 1 })
      }
    })
  }
  return [...pairs.values()].map(({ a, b, amount, rows }) => ({
    code: 'FACTS_IN_TWO_NODES',
    severity: 'info',
    message: `${a} and ${b} both have ${plural(rows, 'fact')} worth ${canonicalDecimal(amount)}; no formula group has both.`,
    suggestion: 'Nothing, when one of them is a memo line.',
    node_id: a,
    measure: measure.name,
    amount: canonicalDecimal(amount),
    rows,
  }))
}
