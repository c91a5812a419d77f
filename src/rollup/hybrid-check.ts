/**
 * The second opinion on the natural roll-up: plain SQL over the facts, `GROUP BY` per node, sharing neither
 * the frame nor the kernel with the engine. It is run by the engine that holds the facts and compared with
 * the figures a run has stored. Raises nothing of its own.
 */

import { canonicalDecimal, parseDecimal } from '../base/decimal.js'
import type { Tx } from '../books/books.js'
import { factTable, quoteIdentifier } from '../books/fact-tables.js'
import { sqlText } from '../engines/books-source.js'
import { bindNodes } from './bindings.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import { type Accounts, askAccount } from './sources.js'
import type { ResultRow } from './store/results.js'
import type { UseCase } from './use-case.js'

export interface NaturalRow {
  readonly node_id: string
  readonly measure: string
  readonly scenario: string
  readonly natural: string
  readonly fact_count: number
}

interface Scope {
  readonly useCase: UseCase
  readonly useCaseId: string
  readonly tree: Tree
  readonly date: string
  readonly through: string | null
}

/** Natural of every node that has facts, by SQL alone. */
export async function naturalBySql(context: Accounts, tx: Tx, scope: Scope): Promise<NaturalRow[]> {
  const { useCase, tree } = scope
  const { engine } = useCase.source
  const rows =
    engine === 'books'
      ? await inBooks(tx, scope)
      : engine === 'duckdb'
        ? await inDuck(scope)
        : await onAccount(context, scope)
  return rows.flatMap(({ node_id, scenario, fact_count, ...sums }) =>
    tree.positions.has(node_id)
      ? useCase.measures.map(({ name }, m) => ({
          node_id,
          measure: name,
          scenario,
          natural: sums[`m${m}`] ?? '0',
          fact_count: Number(fact_count),
        }))
      : [],
  )
}

type SumRow = { readonly node_id: string; readonly scenario: string; readonly fact_count: string } & Readonly<
  Record<string, string>
>

interface Dialect {
  readonly from: string
  readonly text: (text: string) => string
  /** A column as text that compares like the bound value: numbers without trailing zeros. */
  readonly key: (column: string) => string
}

/** Facts → owner node by the driver columns in order → every ancestor of the owner. */
function query(scope: Scope, { from, text, key }: Dialect): string {
  const { useCase, tree, date, through } = scope
  const { source, measures } = useCase
  const { columns, bindings } = bindNodes(tree, useCase.drivers)
  const closure = tree.nodes.flatMap((_, node) =>
    ancestors(tree, node).map(
      (above) => `(${text(tree.nodes[node]!.node_id)}, ${text(tree.nodes[above]!.node_id)})`,
    ),
  )
  const joins = columns.map((column, i) => {
    const bound = bindings
      .filter((b) => b.column === column)
      .map((b) => `(${text(b.value)}, ${text(tree.nodes[b.node]!.node_id)})`)
    return `LEFT JOIN (VALUES ${bound.join(', ')}) AS b${i}(value, node) ON ${key(`f.${quoteIdentifier(column)}`)} = b${i}.value`
  })
  const owner = `coalesce(${[...columns.map((_, i) => `b${i}.node`), text(UNASSIGNED)].join(', ')})`
  const scenario =
    source.scenario === null ? text(useCase.scenarios[0]!) : `f.${quoteIdentifier(source.scenario)}`
  const sums = measures.map(({ column }, m) => `sum(f.${quoteIdentifier(column)}) AS m${m}`)
  const conditions = [
    ...(source.date === null ? [] : [`f.${quoteIdentifier(source.date)} = CAST(${text(date)} AS date)`]),
    ...(source.scenario === null ? [] : [`${scenario} IS NOT NULL`]),
    ...(through === null ? [] : [`f.fact_seq <= ${BigInt(through)}`]),
    ...(from === 'public."fact_pnl_entries" AS f' ? [`f.use_case_id::text = ${text(scope.useCaseId)}`] : []),
  ]
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const totals = measures.map((_, m) => `CAST(sum(o.m${m}) AS varchar) AS m${m}`)
  return `WITH owned AS (
    SELECT ${owner} AS node, CAST(${scenario} AS varchar) AS scenario, count(*) AS facts, ${sums.join(', ')}
      FROM ${from} ${joins.join(' ')} ${where} GROUP BY 1, 2
  ), closure AS (
    SELECT * FROM (VALUES ${closure.join(', ')}) AS v(node, above))
  SELECT c.above AS node_id, o.scenario, CAST(sum(o.facts) AS varchar) AS fact_count, ${totals.join(', ')}
    FROM owned AS o JOIN closure AS c ON c.node = o.node GROUP BY 1, 2`
}

function ancestors(tree: Tree, node: number): number[] {
  const path: number[] = []
  for (let above = node; above >= 0; above = tree.nodes[above]!.parent) path.push(above)
  return path
}

async function inBooks(tx: Tx, scope: Scope): Promise<SumRow[]> {
  const table = await factTable(tx, scope.useCase.source.table!)
  const numeric = new Set(
    table.columns.filter(({ type }) => type === 'numeric').map(({ name }) => `f.${quoteIdentifier(name)}`),
  )
  const sql = query(scope, {
    from: `public.${quoteIdentifier(table.physical)} AS f`,
    text: (value) => `${sqlText(value)}::text`,
    key: (column) => (numeric.has(column) ? `trim_scale(${column})::text` : `${column}::text`),
  })
  return tx.rows<SumRow>(sql)
}

async function inDuck(scope: Scope): Promise<SumRow[]> {
  const { literal } = await import('../engines/duckdb-file.js')
  const { queryDuckFile } = await import('../engines/duckdb-rows.js')
  const { path, table } = scope.useCase.source
  const file = { path: path!, ...(table === null ? {} : { table }) }
  const rows = await queryDuckFile(file, (relation) =>
    query(scope, { from: `${relation} AS f`, text: literal, key: (column) => `CAST(${column} AS varchar)` }),
  )
  return rows as readonly SumRow[] as SumRow[]
}

async function onAccount(context: Accounts, scope: Scope): Promise<SumRow[]> {
  const rows = await askAccount(context, scope.useCase.source, (from, text) =>
    query(scope, { from: `${from} AS f`, text, key: (column) => `CAST(${column} AS varchar)` }),
  )
  return rows.map(([node_id, scenario, fact_count, ...sums]) => ({
    node_id: node_id!,
    scenario: scenario!,
    fact_count: fact_count!,
    ...Object.fromEntries(sums.flatMap((sum, m) => (sum === null ? [] : [[`m${m}`, sum]]))),
  })) as SumRow[]
}

export interface HybridComparison {
  readonly cells: number
  readonly matching: number
  readonly differences: readonly {
    readonly node_id: string
    readonly measure: string
    readonly scenario: string
    readonly stored: string
    readonly sql: string
  }[]
}

/** Every stored cell against the SQL; a node the SQL has no facts for is 0. */
export function compareNatural(stored: readonly ResultRow[], sql: readonly NaturalRow[]): HybridComparison {
  const key = (row: { node_id: string; measure: string; scenario: string }): string =>
    JSON.stringify([row.node_id, row.measure, row.scenario])
  const expected = new Map(sql.map((row) => [key(row), row]))
  const differences = stored.flatMap((row) => {
    const other = expected.get(key(row))
    expected.delete(key(row))
    const same =
      canonical(row.natural) === canonical(other?.natural ?? '0') &&
      row.fact_count === (other?.fact_count ?? 0)
    const shown = (natural: string, facts: number): string => `${natural} of ${facts} facts`
    return same
      ? []
      : [
          {
            node_id: row.node_id,
            measure: row.measure,
            scenario: row.scenario,
            stored: shown(row.natural, row.fact_count),
            sql: shown(other?.natural ?? '0', other?.fact_count ?? 0),
          },
        ]
  })
  const missing = [...expected.values()].map(({ node_id, measure, scenario, natural, fact_count }) => ({
    node_id,
    measure,
    scenario,
    stored: 'no such cell',
    sql: `${natural} of ${fact_count} facts`,
  }))
  const cells = stored.length + missing.length
  return {
    cells,
    matching: cells - differences.length - missing.length,
    differences: [...differences, ...missing],
  }
}

const canonical = (text: string): string => canonicalDecimal(parseDecimal(text)!)
