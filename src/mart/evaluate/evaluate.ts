/**
 * The mart's rows computed in memory, fact by fact in exact fractions: the second opinion that the printed pipelines
 * are held against. It shares no code with plan or printer, follows formulas operand by operand where the pipeline
 * flattens them, and makes keys by its own hand. Raises nothing.
 */

import { createHash } from 'node:crypto'
import { formatDecimal } from '../../base/decimal.js'
import type { MartConfig } from '../config.js'
import type { Formula } from '../formulas/cascade.js'
import type { Named } from '../formulas/names.js'
import type { MartNode } from '../hierarchy.js'
import type { Cell, Table } from '../table.js'
import type { ClaimedFact } from './claims.js'
import { atTwelve, by, type Fraction, figureText, fraction, minus, over, plus, whole } from './fraction.js'

/** A row of the mart by column, figures as plain text without zeros at their end. */
export type EvaluatedRow = Readonly<Record<string, Cell>>

type Figure = Fraction | null
interface Figures {
  readonly values: readonly Figure[]
  readonly statuses: readonly Cell[]
}
/** Figures by the JSON of the slice. */
type BySlice = Map<string, Figures>

export function evaluateMart(
  config: MartConfig,
  nodes: readonly MartNode[],
  formulas: readonly Formula[],
  facts: Table,
  claimed: readonly ClaimedFact[],
  extension: Table | undefined,
): readonly EvaluatedRow[] {
  const active = nodes.filter(({ isActive }) => isActive)
  const details = detailsOf(config, facts, claimed)
  const totals = totalsOf(active, details, config.fact.measures.length)
  const results = new Map<string, BySlice>()
  const find = (named: Named): BySlice =>
    results.get(nameOf(named)) ??
    (named.kind === 'node'
      ? details.get(named.node.key)
      : named.kind === 'total'
        ? totals.get(nameOf(named))?.figures
        : undefined) ??
    new Map()
  for (const formula of formulas)
    results.set(nameOf(formula.result), resultOf(formula, find, config.fact.measures.length))

  const writer = new RowWriter(config, extension)
  for (const node of active) writer.node(node, 'DETAIL', details.get(node.key), null, 'Y')
  for (const { path, sorts, figures } of totals.values()) writer.total(path, sorts, figures)
  for (const { result, level, weights } of formulas) {
    const figures = results.get(nameOf(result))
    const additive = weights === null ? 'N' : 'Y'
    if (result.kind === 'node') writer.node(result.node, 'FORMULA', figures, String(level), additive)
    if (result.kind === 'formula') writer.virtual(result.name, figures, String(level), additive)
  }
  return writer.ranked()
}

const nameOf = (named: Named): string =>
  JSON.stringify(
    named.kind === 'node'
      ? ['NODE', named.node.key]
      : named.kind === 'total'
        ? ['TOTAL', ...named.path]
        : ['FORMULA', named.name],
  )

function detailsOf(config: MartConfig, facts: Table, claimed: readonly ClaimedFact[]): Map<string, BySlice> {
  const { grain, measures } = config.fact
  const slice = grain.map((name) => facts.reader(name))
  const amounts = measures.map(({ column }) => facts.reader(column))
  const volumes = measures.map(({ volume }) => {
    if (volume === null) return () => null
    const [read, unit] = [facts.reader(volume.column), facts.reader(volume.unit_column)]
    return (cells: readonly Cell[]): Figure => {
      const value = read(cells)
      if (value === null) return null
      if (volume.unit_column === null) return fraction(value)
      const factor = volume.factors.find((one) => one.unit === unit(cells))?.factor
      return factor === undefined ? null : by(fraction(value), fraction(factor))
    }
  })
  const details = new Map<string, BySlice>()
  for (const { cells, nodes } of claimed) {
    const key = JSON.stringify(slice.map((read) => read(cells)))
    for (const node of nodes) {
      const own = measures.map((_, m): Figure => {
        const text = amounts[m]!(cells)
        const value = node.isVolume ? volumes[m]!(cells) : text === null ? null : fraction(text)
        return value !== null && node.isSignChanged ? minus(value) : value
      })
      const slices = details.get(node.key) ?? new Map()
      details.set(node.key, slices)
      slices.set(key, added(slices.get(key), own))
    }
  }
  return details
}

const added = (known: Figures | undefined, values: readonly Figure[]): Figures => ({
  values: values.map((value, m) => sumOf(known?.values[m] ?? null, value)),
  statuses: values.map(() => null),
})
const sumOf = (a: Figure, b: Figure): Figure => (a === null ? b : b === null ? a : plus(a, b))

interface Total {
  readonly path: readonly Cell[]
  readonly sorts: MartNode[]
  readonly figures: BySlice
}

function totalsOf(
  nodes: readonly MartNode[],
  details: Map<string, BySlice>,
  measures: number,
): Map<string, Total> {
  const totals = new Map<string, Total>()
  for (const parent of nodes)
    for (let depth = 1; depth < parent.levels.length; depth++) {
      const path = parent.levels.slice(0, depth)
      const name = JSON.stringify(['TOTAL', ...path])
      if (
        path.at(-1) === null ||
        totals.has(name) ||
        parent.levels.slice(depth).every((level) => level === null)
      )
        continue
      const inside = nodes.filter(
        ({ levels }) => JSON.stringify(levels.slice(0, depth)) === JSON.stringify(path),
      )
      const figures: BySlice = new Map()
      for (const node of inside) {
        if (node.isRemovedFromTotals || node.isCalculated) continue
        for (const [slice, { values }] of details.get(node.key) ?? [])
          figures.set(
            slice,
            added(figures.get(slice) ?? { values: new Array(measures).fill(null), statuses: [] }, values),
          )
      }
      totals.set(name, { path, sorts: inside, figures })
    }
  return totals
}

function resultOf(formula: Formula, find: (named: Named) => BySlice, measures: number): BySlice {
  const operands = formula.terms.map(({ operand }) => (operand === null ? null : find(operand)))
  const slices = new Set(operands.flatMap((found) => (found === null ? [] : [...found.keys()])))
  const result: BySlice = new Map()
  for (const slice of slices) {
    const found = Array.from({ length: measures }, (_, m) => {
      const values = operands.map((operand) =>
        operand === null ? null : (operand.get(slice)?.values[m] ?? null),
      )
      return formula.weights === null ? quotient(formula, values) : linear(formula, values)
    })
    result.set(slice, {
      values: found.map(({ value }) => value),
      statuses: found.map(({ status }) => status),
    })
  }
  return result
}

interface Computed {
  readonly value: Figure
  readonly status: Cell
}

/** An operand without facts in the slice is a sum of nothing; where all are, so is the result. */
function linear({ terms, isSignChanged }: Formula, values: readonly Figure[]): Computed {
  let total: Figure = null
  let factor = whole(isSignChanged ? -1n : 1n)
  terms.forEach(({ op, constant, operand }, i) => {
    const number = constant === null ? whole(1n) : fraction(formatDecimal(constant))
    if (op === 'multiply') factor = by(factor, number)
    else if (op === 'divide') factor = over(factor, number)
    else if (operand !== null && values[i] !== null) {
      const part = by(values[i]!, number)
      total = sumOf(total, op === 'subtract' ? minus(part) : part)
    }
  })
  return { value: total === null ? null : by(total, factor), status: null }
}

function quotient({ terms, isSignChanged }: Formula, values: readonly Figure[]): Computed {
  if (terms.some(({ operand }, i) => operand !== null && values[i] === null))
    return { value: null, status: 'MISSING_OPERAND' }
  const parts = terms.map(({ op, operand, constant }, i) => {
    const number = constant === null ? whole(1n) : fraction(formatDecimal(constant))
    return { op, value: operand === null ? number : by(values[i]!, number) }
  })
  const of = (...ops: readonly string[]) => parts.filter(({ op }) => ops.includes(op))
  const sums = of('add', 'subtract', 'average')
  let value = sums.reduce(
    (sum, part) => plus(sum, part.op === 'subtract' ? minus(part.value) : part.value),
    whole(0n),
  )
  if (sums.length === 0) value = whole(1n)
  for (const factor of of('multiply')) value = by(value, factor.value)
  const divisors = of('divide').map((part) => part.value)
  if (divisors.some(({ top }) => top === 0n)) return { value: null, status: 'DIVISION_BY_ZERO' }
  for (const divisor of divisors) value = over(value, divisor)
  const averaged = of('average').length
  if (averaged > 0) value = over(value, whole(BigInt(averaged)))
  return { value: atTwelve(isSignChanged ? minus(value) : value), status: null }
}

const md5 = (parts: readonly Cell[]): string =>
  createHash('md5')
    .update(
      parts.map((part) => (part === null ? '~N' : part.replace(/~/g, '~0').replace(/\|/g, '~1'))).join('|'),
    )
    .digest('hex')

class RowWriter {
  private readonly rows: Record<string, Cell>[] = []
  private readonly extended: ReadonlyMap<Cell, readonly Cell[]>

  constructor(
    private readonly config: MartConfig,
    private readonly extension: Table | undefined,
  ) {
    const read = extension?.reader(config.extension!.key)
    this.extended = new Map(extension?.rows.map((cells) => [read!(cells), cells]) ?? [])
  }

  node(node: MartNode, kind: string, figures: BySlice | undefined, level: Cell, additive: string): void {
    const place: Record<string, Cell> = { XREF_HIERARCHY_KEY: node.key, HIERARCHY_GROUP_NAME: node.groupName }
    let above: Cell = null
    let sort = '999'
    node.levels.forEach((own, i) => {
      if (own !== null) {
        above = own
        sort = node.sorts[i] ?? '999'
      }
      place[`LEVEL_${i + 1}`] = above
      place[`LEVEL_${i + 1}_SORT`] = above === null ? '999' : sort
    })
    const more = node.isUnexpanded ? undefined : this.extended.get(node.key)
    for (const name of this.config.extension?.columns ?? [])
      place[name] = more === undefined ? null : this.extension!.reader(name)(more)
    this.write(md5(['NODE', node.key]), kind, place, figures, level, additive)
  }

  total(path: readonly Cell[], inside: readonly MartNode[], figures: BySlice): void {
    const place: Record<string, Cell> = { XREF_HIERARCHY_KEY: null, HIERARCHY_GROUP_NAME: null }
    let above: Cell = null
    const sorts = inside.map((node) => {
      let sort = '999'
      return node.levels.map((own, i) => {
        if (own !== null) sort = node.sorts[i] ?? '999'
        return Number(sort)
      })
    })
    this.config.hierarchy.levels.forEach((_, i) => {
      above = path[i] ?? above
      const at = Math.min(i, path.length - 1)
      place[`LEVEL_${i + 1}`] = above
      place[`LEVEL_${i + 1}_SORT`] = String(
        sorts.reduce((least, own) => Math.min(least, own[at]!), Number.MAX_VALUE),
      )
    })
    for (const name of this.config.extension?.columns ?? []) place[name] = null
    this.write(md5(['TOTAL', ...path]), 'TOTAL', place, figures, null, 'Y')
  }

  virtual(name: string, figures: BySlice | undefined, level: Cell, additive: string): void {
    const place: Record<string, Cell> = { XREF_HIERARCHY_KEY: null, HIERARCHY_GROUP_NAME: null }
    this.config.hierarchy.levels.forEach((_, i) => {
      place[`LEVEL_${i + 1}`] = name
      place[`LEVEL_${i + 1}_SORT`] = '999'
    })
    for (const column of this.config.extension?.columns ?? []) place[column] = null
    this.write(md5(['FORMULA', name]), 'FORMULA', place, figures, level, additive)
  }

  ranked(): readonly EvaluatedRow[] {
    const keys = [...new Set(this.rows.map((row) => row.NODE_SURROGATE_KEY!))].sort()
    const ranks = new Map(keys.map((key, i) => [key, String(i + 1)]))
    return this.rows.map((row) => ({ ...row, NODE_RANK: ranks.get(row.NODE_SURROGATE_KEY!)! }))
  }

  private write(
    key: string,
    kind: string,
    place: Readonly<Record<string, Cell>>,
    figures: BySlice | undefined,
    level: Cell,
    additive: string,
  ): void {
    const { fact, measure_prefix, report_type } = this.config
    for (const [slice, { values, statuses }] of figures ?? []) {
      const grain = JSON.parse(slice) as Cell[]
      const row: Record<string, Cell> = {
        ...place,
        SURROGATE_KEY: md5([key, ...grain]),
        NODE_SURROGATE_KEY: key,
        ROW_KIND: kind,
        FORMULA_LEVEL: level,
        ADDITIVE_FLAG: additive,
      }
      fact.grain.forEach((name, i) => {
        row[name] = grain[i]!
      })
      fact.measures.forEach(({ name }, m) => {
        const column = `${measure_prefix ?? report_type}_${name}`
        const value = values[m]!
        row[column] = value === null ? null : figureText(value)
        row[`${column}_STATUS`] = statuses[m]!
      })
      this.rows.push(row)
    }
  }
}
