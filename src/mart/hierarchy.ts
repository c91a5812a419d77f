/**
 * The hierarchy as nodes: key, level path, flags and formula columns. A node's path is its levels without the
 * filler; its name is the last of them. Raises (as problems, all at once): TIE-5007, TIE-5008, TIE-5024.
 */

import { type Problem, problem } from '../base/errors.js'
import { FALSE_FLAGS, type MartConfig, TRUE_FLAGS } from './config.js'
import type { Cell, Table } from './table.js'

export interface MartNode {
  /** 1-based, without the header. */
  readonly row: number
  readonly key: string
  readonly name: string
  /** One for each level column; null for the filler. */
  readonly levels: readonly Cell[]
  /** Places in the order, one for each level that has a column for it; null where there is none. */
  readonly sorts: readonly Cell[]
  readonly groupName: Cell
  readonly isActive: boolean
  readonly isCalculated: boolean
  readonly isVolume: boolean
  readonly isSignChanged: boolean
  readonly isRemovedFromTotals: boolean
  /** Has no columns of the extension hierarchy. */
  readonly isUnexpanded: boolean
  readonly formulaGroup: Cell
  readonly precedence: Cell
  readonly logic: Cell
  readonly paramRef: Cell
  readonly param2Ref: Cell
  readonly constant: Cell
}

export interface Hierarchy {
  readonly nodes: readonly MartNode[]
  readonly problems: readonly Problem[]
}

export function readHierarchy(table: Table, config: MartConfig): Hierarchy {
  const { hierarchy } = config
  const problems: Problem[] = []
  const key = table.reader(hierarchy.key)
  const levels = hierarchy.levels.map((name) => table.reader(name))
  const sorts = hierarchy.level_sorts.map((name) => [name, table.reader(name)] as const)
  const text = (column: string | null) => table.reader(column)
  const groupName = text(hierarchy.group_name)
  const [group, precedence, logic, paramRef, param2Ref, constant] = [
    text(hierarchy.formula_group),
    text(hierarchy.formula_precedence),
    text(hierarchy.formula_logic),
    text(hierarchy.formula_param_ref),
    text(hierarchy.formula_param2_ref),
    text(hierarchy.formula_constant),
  ]
  const rowsByKey = new Map<string, number>()
  const nodes: MartNode[] = []
  table.rows.forEach((cells, i) => {
    const row = i + 1
    const id = key(cells)
    if (id === null || id === '') {
      problems.push(problem('TIE-5007', { row, table: table.name, column: hierarchy.key }))
      return
    }
    const first = rowsByKey.get(id)
    if (first !== undefined) {
      const params = { first, second: row, table: table.name, column: hierarchy.key, value: id }
      problems.push(problem('TIE-5008', params))
      return
    }
    rowsByKey.set(id, row)
    const path = levels.map((read) => levelOf(read(cells), hierarchy.filler))
    const name = path.findLast((level) => level !== null)
    if (name === undefined || name === null) {
      const params = { value: id, column: hierarchy.key, row, table: table.name, what: 'node of any level' }
      problems.push(problem('TIE-5024', { ...params, expected: `a name in ${hierarchy.levels[0]!}` }))
      return
    }
    for (const [column, read] of sorts) {
      const value = read(cells)
      if (value === null || /^-?\d{1,9}$/.test(value)) continue
      const params = { value, column, row, table: table.name, what: 'place in an order' }
      problems.push(problem('TIE-5024', { ...params, expected: 'a whole number' }))
    }
    const flag = (column: string | null, otherwise: boolean): boolean =>
      flagOf(
        table.reader(column)(cells),
        { column: column ?? '', row, table: table.name },
        otherwise,
        problems,
      )
    nodes.push({
      row,
      key: id,
      name,
      levels: path,
      sorts: sorts.map(([, read]) => orNull(read(cells))),
      groupName: orNull(groupName(cells)),
      isActive: flag(hierarchy.active, true),
      isCalculated: flag(hierarchy.calculation, false),
      isVolume: flag(hierarchy.volume, false),
      isSignChanged: flag(hierarchy.sign_change, false),
      isUnexpanded: flag(hierarchy.do_not_expand, false),
      isRemovedFromTotals: flag(hierarchy.remove_from_totals, false),
      formulaGroup: orNull(group(cells)),
      precedence: orNull(precedence(cells)),
      logic: orNull(logic(cells)),
      paramRef: orNull(paramRef(cells)),
      param2Ref: orNull(param2Ref(cells)),
      constant: orNull(constant(cells)),
    })
  })
  return { nodes, problems }
}

const orNull = (value: Cell): Cell => (value === '' ? null : value)

const levelOf = (value: Cell, filler: string): Cell =>
  value === null || value === '' || value === filler ? null : value

interface FlagPlace {
  readonly column: string
  readonly row: number
  readonly table: string
}

/** A flag that is not set says what `otherwise` says. */
export function flagOf(value: Cell, place: FlagPlace, otherwise: boolean, problems: Problem[]): boolean {
  if (value === null || value === '') return otherwise
  const upper = value.toUpperCase()
  if (TRUE_FLAGS.includes(upper)) return true
  if (FALSE_FLAGS.includes(upper)) return false
  problems.push(
    problem('TIE-5024', { ...place, value, what: 'flag', expected: 'Y or N, true or false, 1 or 0' }),
  )
  return false
}
