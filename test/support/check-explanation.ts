/**
 * Whether an explanation explains: the facts of every part, fetched page by page, are the ones that sum to its
 * figure. Sums are taken here in fractions of BigInts, formulas are worked out from their text.
 */

import { expect } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { valueOfText } from './arithmetic-text.js'
import { type Output, perform } from './cli.js'
import { type Fraction, fraction, minus, plus, sameFraction, zero } from './naive-rollup.js'
import type { Random } from './random-book.js'

export interface CellOfRun {
  readonly run: string
  /** Every row of the run's results. */
  readonly rows: readonly Output[]
  readonly cell: Output
}

/** What was looked at, for the totals. */
export interface Looked {
  readonly parts: number
  readonly pages: number
  readonly facts: number
  readonly kind: string
}

const sum = (amounts: readonly string[]): Fraction =>
  amounts.reduce((total, text) => plus(total, fraction(text)), zero)

function expectSame(left: Fraction, right: string, what: string): void {
  expect(sameFraction(left, fraction(right)), `${what}: ${left.n}/${left.d} against ${right}`).toBe(true)
}

/** All pages of a part, in pages of random size. */
async function readPart(
  context: Context,
  name: object,
  part: string,
  rows: number,
  random: Random,
): Promise<{ readonly pages: Output[]; readonly rows: Output[] }> {
  const pages: Output[] = []
  let cursor: string | undefined
  do {
    const limit = 1 + Math.floor(rows / 4) + random(Math.max(1, rows))
    const page = await perform(context, 'runs facts', {
      ...name,
      part,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    })
    expect(page.rows.length).toBeLessThanOrEqual(limit)
    pages.push(page)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { pages, rows: pages.flatMap((page) => page.rows) }
}

const positions = (rows: readonly Output[]): string[] => rows.map(({ position }) => position)

/** Explains the cell and checks it; `expected` gives the ids that a part must hold, where the test knows. */
export async function checkCell(
  context: Context,
  { run, rows, cell }: CellOfRun,
  random: Random,
  expected?: (part: string) => ReadonlySet<string> | undefined,
): Promise<Looked> {
  const { node_id, measure, scenario } = cell
  const name = { run, node: node_id, measure, scenario }
  const told = await perform(context, 'runs explain', name)
  const { natural, direct, adjustment, adjusted, plug, fact_count } = cell
  expect(told.figures).toEqual({ natural, direct, adjustment, adjusted, plug, fact_count })
  expect(told.checks.filter(({ holds }: Output) => !holds)).toEqual([])
  expect(told.facts.unavailable).toBeNull()

  const children = rows.filter(
    (row) => row.parent_node_id === node_id && row.measure === measure && row.scenario === scenario,
  )
  expect(told.natural.children.map((child: Output) => child.node_id)).toEqual(
    children.map((row) => row.node_id),
  )
  expectSame(sum([direct, ...children.map((row) => row.natural)]), natural, 'direct + children')

  const parts = new Map<string, { total: Output; rows: Output[] }>()
  let pages = 0
  for (const { part, rows: count, amount, rule_amount } of told.facts.parts) {
    const read = await readPart(context, name, part, count, random)
    pages += read.pages.length
    const at = read.rows.map(({ position }) => BigInt(position))
    expect(
      at.every((one, i) => i === 0 || at[i - 1]! < one),
      `${part}: a row twice or out of order`,
    ).toBe(true)
    expect(read.rows).toHaveLength(count)
    for (const page of read.pages) expect(page.total).toEqual({ rows: count, amount, rule_amount })
    expectSame(sum(read.rows.map((row) => row.amount)), amount, part)
    if (rule_amount !== null)
      expectSame(sum(read.rows.map((row) => row.rule_amount)), rule_amount, `${part} by rule`)
    const ids = expected?.(part)
    if (ids !== undefined) {
      const column = read.pages[0].columns.indexOf('row_id')
      expect(new Set(read.rows.map(({ values }) => values[column])), part).toEqual(ids)
    }
    parts.set(part, { total: { amount, rule_amount }, rows: read.rows })
  }
  expectSame(fraction(parts.get('natural')!.total.amount), natural, 'Σ facts')
  expect(parts.get('natural')!.rows).toHaveLength(fact_count)
  expectSame(fraction(parts.get('direct')!.total.amount), direct, 'Σ own facts')

  const { decided_by } = told
  if (parts.has('rule')) {
    expectSame(fraction(parts.get('rule')!.total.amount), adjusted, 'Σ facts of the rule')
    const { tree_only, rule_only, both } = told.override
    const tree = plus(fraction(tree_only.amount), fraction(both.tree_amount))
    const rule = plus(fraction(rule_only.amount), fraction(both.rule_amount))
    expectSame(minus(tree, rule), plug, 'the sets')
    const union = (a: string, b: string) => positions([...parts.get(a)!.rows, ...parts.get(b)!.rows]).sort()
    expect(union('tree_only', 'both')).toEqual(positions(parts.get('natural')!.rows).sort())
    expect(union('rule_only', 'both')).toEqual(positions(parts.get('rule')!.rows).sort())
  } else if (decided_by.kind === 'rule') {
    const { operands, evaluated, value } = decided_by.formula
    expect(value).toBe(adjusted)
    const worked = valueOfText(evaluated)
    expect(worked === undefined).toBe(adjusted === null)
    if (worked !== undefined) expectSame(worked, adjusted, evaluated)
    for (const operand of operands) {
      if (operand.kind === 'sum') expect(operand.value).toBe(parts.get(operand.part)!.total.amount)
      else {
        const own = rows.find(
          (row) => row.node_id === operand.node_id && row.measure === measure && row.scenario === scenario,
        )
        const stored = own[operand.value_of]
        expect(operand.value === null).toBe(stored === null)
        if (stored !== null) expectSame(fraction(stored), operand.value, operand.text)
      }
    }
    expect(told.empty === null).toBe(adjusted !== null)
  } else if (adjusted === null) {
    const empty = children.filter((row) => row.adjusted === null).map((row) => row.node_id)
    expect(told.empty).toMatchObject({ why: 'children are empty' })
    expect(told.empty.nodes.map((node: Output) => node.node_id)).toEqual(empty)
  } else {
    expectSame(sum([direct, ...children.map((row) => row.adjusted)]), adjusted, 'direct + adjusted children')
    expectSame(sum(children.map((row) => row.plug)), plug, "children's plug")
  }
  return {
    parts: parts.size,
    pages,
    facts: [...parts.values()].reduce((count, part) => count + part.rows.length, 0),
    kind: decided_by.kind === 'rule' ? decided_by.rule.flavour : decided_by.kind,
  }
}
