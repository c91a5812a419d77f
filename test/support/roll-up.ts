/** Small roll-ups for tests: trees by indentation, use cases by their draft, facts as rows of text. */

import { formatDecimal } from '#tieout/base/decimal'
import type { Frame } from '#tieout/engines/frame'
import type { ColumnType, FactColumn } from '#tieout/engines/source'
import { bindUseCase, sourceOf } from '#tieout/rollup/bind-use-case'
import { type Calculation, calculate } from '#tieout/rollup/calculate'
import { buildTree, type NodeRow, type Tree } from '#tieout/rollup/hierarchy'
import { frameColumns } from '#tieout/rollup/searches'
import type { UseCase } from '#tieout/rollup/use-case'
import { type UseCaseDraft, useCaseDraftSchema } from '#tieout/rollup/use-case-draft'
import type { PlaceOf } from '#tieout/rollup/use-case-file'
import { frameOf, type TextRow } from './frames.js'

/** One node a line, two spaces a level: `id`, `id Name`, `id Name <column` (bound to its id). */
export function nodeRows(outline: string): NodeRow[] {
  const path: string[] = []
  return outline
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const level = (line.length - line.trimStart().length) / 2
      const [, id, name, driver] = /^(\S+)(?: ([^<]*?))?(?: ?<(\S+))?$/.exec(line.trim())!
      path[level] = id!
      return {
        node_id: id!,
        parent_node_id: level === 0 ? null : path[level - 1]!,
        node_name: name === undefined || name === '' ? id! : name,
        rollup_driver: driver ?? null,
        rollup_value_source: 'node_id',
      }
    })
}

export const treeOf = (outline: string): Tree => buildTree(nodeRows(outline))

const nowhere: PlaceOf = () => ({})

/** Where the test does not say: all nodes are bound to `cc` by id, one measure `daily` from `daily_amt`. */
export function draftOf(draft: object): UseCaseDraft {
  return useCaseDraftSchema.parse({
    use_case: 'Test',
    structure: 'S',
    source: { table: 'facts', date: null, scenario: null },
    measures: { daily: 'daily_amt' },
    drivers: [{ nodes: 'all', column: 'cc' }],
    ...draft,
  })
}

export const useCaseOf = (
  tree: Tree,
  draft: object,
  columns: readonly FactColumn[],
  placeOf: PlaceOf = nowhere,
): UseCase => {
  const whole = draftOf(draft)
  return bindUseCase(whole, { tree, source: sourceOf(whole, placeOf), columns, placeOf })
}

/** Columns by type; the others are text. */
export const columnsOf = (
  names: readonly string[],
  types: Readonly<Record<string, ColumnType>> = {},
): FactColumn[] =>
  names.map((name) => ({ name, type: types[name] ?? (name.endsWith('_amt') ? 'numeric' : 'text') }))

/** The frame that a use case needs of the rows. */
export function frameFor(
  tree: Tree,
  useCase: UseCase,
  rows: readonly TextRow[],
  columns: readonly FactColumn[],
): Frame {
  const { coded, amounts } = frameColumns(tree, useCase)
  const typed = coded.map((name) => columns.find((column) => column.name === name)!)
  return frameOf(rows, typed, amounts)
}

export interface RollUp {
  readonly tree: Tree
  readonly useCase: UseCase
  readonly result: Calculation
}

/** Facts as a table: a header and one line a fact, blanks between; `-` is a null. */
export function factRows(table: string): TextRow[] {
  const [header, ...lines] = table
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/))
  return lines.map((fields) =>
    Object.fromEntries(header!.map((name, i) => [name, fields[i] === '-' ? null : fields[i]!])),
  )
}

export function rollUp(outline: string, draft: object, facts: string | readonly TextRow[]): RollUp {
  const rows = typeof facts === 'string' ? factRows(facts) : facts
  const tree = treeOf(outline)
  const header = typeof facts === 'string' ? facts.trim().split('\n')[0]!.trim().split(/\s+/) : []
  const names = new Set(['cc', 'daily_amt', ...header, ...rows.flatMap((row) => Object.keys(row))])
  const columns = columnsOf([...names])
  const useCase = useCaseOf(tree, draft, columns)
  const frame = frameFor(tree, useCase, rows, columns)
  return { tree, useCase, result: calculate({ tree, useCase, policy: useCase.policy, frame }) }
}

/** `node [measure] [scenario]  natural direct adjusted plug facts`, `·` for an empty value; UNASSIGNED when it holds facts. */
export function figures({ tree, useCase, result }: RollUp): string[] {
  return result.cells
    .filter((cell) => tree.nodes[cell.node]!.node_id !== 'UNASSIGNED' || cell.factCount > 0)
    .map((cell) => {
      const labels = [
        tree.nodes[cell.node]!.node_id,
        ...(useCase.measures.length > 1 ? [useCase.measures[cell.measure]!.name] : []),
        ...(useCase.source.scenario === null ? [] : [cell.scenario]),
      ]
      const amounts = [cell.natural, cell.direct, cell.adjusted, cell.plug].map((value) =>
        value === undefined ? '·' : formatDecimal(value),
      )
      return [...labels, ...amounts, cell.factCount].join(' ')
    })
}
