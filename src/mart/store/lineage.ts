/**
 * The lineage of a cell of a mart that is run for it. Raises TIE-5065 (nothing of that name), TIE-5066 (no cell there),
 * and what running the mart raises.
 */

import { createHash } from 'node:crypto'
import { canonicalDecimal, parseDecimal } from '../../base/decimal.js'
import { refuse } from '../../base/errors.js'
import { didYouMean, plural } from '../../base/text.js'
import { type Measure, measureColumn, partsOf } from '../config.js'
import { type ClaimedFact, claimedFacts, filterOf } from '../evaluate/claims.js'
import { by, figureText, fraction, minus, over, plus, whole } from '../evaluate/fraction.js'
import { identityOf, type Named, titleOf } from '../formulas/names.js'
import { factFilterOf } from '../lineage/fact-filter.js'
import { type Making, makingOf, namedAs, namedRows, type Part, shareOf } from '../lineage/lineage.js'
import { keyed } from '../proof/compare.js'
import type { Cell, Table } from '../table.js'
import type { LoadedMart } from './load.js'
import { runOnDuckDB } from './run-duckdb.js'

export interface AskedCell {
  readonly node: string
  readonly slice: Readonly<Record<string, string>>
  readonly measure?: string | undefined
  readonly limit: number
}

export interface NodeLineage {
  readonly node: string
  readonly name: string
  readonly weight: string
  readonly mapping_rows: readonly {
    row: number
    id_source: string
    id: string
    excluded: boolean
    column: string
  }[]
  readonly fact_filter: string | null
  readonly facts: number
  readonly amount: string | null
}

export interface OperandLineage {
  readonly op: string
  readonly operand: string
  readonly value: string | null
  readonly cell: CellLineage | null
}

export interface CellLineage {
  readonly node: string
  readonly kind: string
  readonly measure: string
  /** As DT_3 has it. */
  readonly value: string | null
  readonly making: Making['kind']
  readonly nodes: readonly NodeLineage[]
  readonly operands: readonly OperandLineage[]
  readonly fact_count: number
  readonly facts: readonly {
    row: number
    node: string
    value: string | null
    fact: Readonly<Record<string, Cell>>
  }[]
  readonly checks: readonly { check: string; statement: string; holds: boolean }[]
}

export async function lineageOf(mart: LoadedMart, asked: AskedCell): Promise<CellLineage> {
  const { shape, data, tables, source } = mart
  const { config } = shape
  const { columns, rows } = await runOnDuckDB(mart)
  const facts = await source.read(partsOf(config.fact.table))
  const claimed = claimedFacts(config, tables, facts, data.nodes, data.mapping)
  const measure = measureOf(config.fact.measures, asked.measure)
  const unknown = Object.keys(asked.slice).find((name) => !config.fact.grain.includes(name))
  if (unknown !== undefined) refuseSlice(asked, config.fact.grain, didYouMean(unknown, config.fact.grain))
  const tracer = new Tracer(mart, keyed(columns, rows), facts, claimed, measure, asked)
  return tracer.trace(tracer.named(asked.node), asked.limit)
}

function measureOf(measures: readonly Measure[], name: string | undefined): Measure {
  if (name === undefined) return measures[0]!
  const found = measures.find((measure) => measure.name === name)
  const names = measures.map((measure) => measure.name)
  return found ?? refuse('TIE-5065', { node: name, suggestion: didYouMean(name, names) })
}

function refuseSlice({ node, slice }: AskedCell, grain: readonly string[], suggestion = ''): never {
  refuse('TIE-5066', { node, slice: JSON.stringify(slice), grain: grain.join(', '), suggestion })
}

type Row = Readonly<Record<string, Cell>>

class Tracer {
  private readonly rows: readonly Named[]
  private readonly slice: ReadonlyMap<string, Cell>

  constructor(
    private readonly mart: LoadedMart,
    private readonly cells: readonly Row[],
    private readonly facts: Table,
    private readonly claimed: readonly ClaimedFact[],
    private readonly measure: Measure,
    private readonly asked: AskedCell,
  ) {
    this.rows = namedRows(mart.data.nodes, mart.data.formulas)
    this.slice = new Map(Object.entries(asked.slice))
  }

  named(text: string): Named {
    const found = namedAs(text, this.rows)
    if (found.length === 1) return found[0]!
    const names = found.length > 1 ? found : this.rows
    const suggestion =
      found.length > 1
        ? `It can be ${names.map(titleOf).slice(0, 5).join(', ')}.`
        : didYouMean(
            text,
            new Set(names.flatMap((one) => [titleOf(one), ...(one.kind === 'node' ? [one.node.name] : [])])),
          )
    refuse('TIE-5065', { node: text, suggestion })
  }

  trace(named: Named, limit: number): CellLineage {
    const { config } = this.mart.shape
    const making = makingOf(named, this.mart.data.formulas)
    const cells = this.cellsOf(named)
    const title = titleOf(named)
    if (cells.length === 0 || (making.kind === 'computed' && cells.length > 1))
      refuseSlice({ ...this.asked, node: title }, config.fact.grain)
    const value = this.figureOf(cells)
    const base = {
      node: title,
      kind: cells[0]!.ROW_KIND!,
      measure: measureColumn(config, this.measure),
      value,
      making: making.kind,
    }
    return making.kind === 'sum'
      ? { ...base, ...this.summed(making.parts, value, limit) }
      : { ...base, ...this.computed(named, making, value) }
  }

  private cellsOf(named: Named): readonly Row[] {
    const key = createHash('md5').update(identityOf(named)).digest('hex')
    const own = this.cells.filter(
      (row) =>
        row.NODE_SURROGATE_KEY === key && [...this.slice].every(([name, value]) => row[name] === value),
    )
    const formulas = own.filter(({ ROW_KIND }) => ROW_KIND === 'FORMULA')
    return formulas.length > 0 ? formulas : own
  }

  private figureOf(cells: readonly Row[]): string | null {
    const column = measureColumn(this.mart.shape.config, this.measure)
    const values = cells.flatMap((row) => row[column] ?? [])
    return values.length === 0
      ? null
      : figureText(values.map(fraction).reduce((sum, value) => plus(sum, value), whole(0n)))
  }

  private summed(parts: readonly Part[], value: string | null, limit: number) {
    const { data } = this.mart
    const share = (some: readonly Part[]) => shareOf(some, this.measure, this.facts, this.claimed, this.slice)
    const all = share(parts)
    const filters = parts.map(({ node }) => this.filterOf(node.key))
    const nodes = parts.map(({ node, weight }, i): NodeLineage => {
      const own = share([{ node, weight }])
      return {
        node: node.key,
        name: node.name,
        weight,
        mapping_rows: data.mapping
          .filter((row) => row.node === node.key)
          .map(({ row, idSource, id, isExcluded, place }) => ({
            row,
            id_source: idSource,
            id,
            excluded: isExcluded,
            column: `${place.dimension.table}.${place.column}`,
          })),
        fact_filter: filters[i]!.text,
        facts: own.facts.length,
        amount: own.sum,
      }
    })
    const wrong = filters.flatMap(({ holds }, i) => (holds ? [] : [parts[i]!.node.key]))
    return {
      nodes,
      operands: [],
      fact_count: all.facts.length,
      facts: all.facts.slice(0, limit).map(({ row, cells, node, value: own }) => ({
        row,
        node,
        value: own,
        fact: Object.fromEntries(this.facts.columns.map((name, i) => [name, cells[i]!])),
      })),
      checks: [
        {
          check: 'facts_sum_to_cell',
          statement: `Σ ${plural(all.facts.length, 'fact')} ${all.sum ?? 'empty'} = cell ${value ?? 'empty'}`,
          holds: same(all.sum, value),
        },
        {
          check: 'filters_give_facts',
          statement:
            wrong.length === 0
              ? 'every filter gives just the facts of its node'
              : `the filters of ${wrong.join(', ')} give other facts`,
          holds: wrong.length === 0,
        },
      ],
    }
  }

  /** The text is run as a predicate over all facts, and must give those that belong to the node. */
  private filterOf(key: string): { readonly text: string | null; readonly holds: boolean } {
    const { shape, data, tables } = this.mart
    const node = data.nodes.find((one) => one.key === key)!
    const own = new Set(this.claimed.filter(({ nodes }) => nodes.includes(node)).map(({ cells }) => cells))
    const text = factFilterOf(node, shape.config, tables, data.mapping)
    if (text === undefined) return { text: null, holds: true }
    const passes = filterOf(text, this.facts, tables.hierarchy)
    const cells = tables.hierarchy.rows[node.row - 1]!
    return { text, holds: this.facts.rows.every((fact) => passes(fact, cells) === own.has(fact)) }
  }

  private computed(named: Named, making: Extract<Making, { kind: 'computed' }>, value: string | null) {
    const operands = making.operands.map(({ op, operand, constant }): OperandLineage => {
      if (operand === null) return { op, operand: constant!, value: constant, cell: null }
      const cell = this.cellsOf(operand).length === 0 ? null : this.trace(operand, 0)
      const own = cell === null || cell.value === null ? null : cell.value
      const weighted =
        own === null || constant === null ? own : figureText(by(fraction(own), fraction(constant)))
      return { op, operand: titleOf(operand), value: weighted, cell }
    })
    const again = recomputed(operands, named.kind === 'node' && named.node.isSignChanged)
    const below = operands.flatMap(({ cell }) => cell?.checks ?? [])
    return {
      nodes: [],
      operands,
      fact_count: 0,
      facts: [],
      checks: [
        {
          check: 'operands_give_cell',
          statement: `${operands.map((one) => `${one.op} ${one.value ?? 'empty'}`).join(', ')} = ${again ?? 'empty'}; cell ${value ?? 'empty'}`,
          holds: same(again, value),
        },
        ...below,
      ],
    }
  }
}

/** (Σ added − Σ subtracted, or their average) × Π factors ÷ Π divisors; empty where an operand is, or a divisor is 0. */
function recomputed(operands: readonly OperandLineage[], isSignChanged: boolean): string | null {
  if (operands.some(({ value }) => value === null)) return null
  const of = (...ops: readonly string[]) => operands.filter(({ op }) => ops.includes(op))
  const sums = of('add', 'subtract', 'average')
  let result = sums.length === 0 ? whole(1n) : whole(0n)
  for (const { op, value } of sums) {
    const part = fraction(value!)
    result = plus(result, op === 'subtract' ? minus(part) : part)
  }
  for (const { value } of of('multiply')) result = by(result, fraction(value!))
  for (const { value } of of('divide')) {
    const divisor = fraction(value!)
    if (divisor.top === 0n) return null
    result = over(result, divisor)
  }
  const averaged = of('average').length
  if (averaged > 0) result = over(result, whole(BigInt(averaged)))
  return figureText(isSignChanged ? minus(result) : result)
}

const same = (a: string | null, b: string | null): boolean =>
  a === null || b === null
    ? a === b
    : canonicalDecimal(parseDecimal(a)!) === canonicalDecimal(parseDecimal(b)!)
