/**
 * VW_1, the translation view: every active node with its mapping rows, flags as Y or N, and each ID_SOURCE resolved
 * to the dimension and column in which the id is looked up. Raises nothing.
 */

import {
  column,
  contentKey,
  type Expr,
  equal,
  filter,
  leftJoin,
  not,
  nothing,
  type Output,
  output,
  project,
  type Rel,
  scan,
  TEXT,
  text,
  when,
} from '../../engines/plan/plan.js'
import { FALSE_FLAGS, partsOf, physicalColumn } from '../config.js'
import { groupColumns } from '../mapping.js'
import { asText, FLAGS, flag, GROUP, KEY, levelColumn, sortColumn, textOf } from './columns.js'
import type { MartShape } from './shape.js'

export function vw1(shape: MartShape): Rel {
  const { config } = shape
  const { hierarchy, mapping } = config
  const join = leftJoin(
    scan(partsOf(config.hierarchy_table), 'h'),
    scan(partsOf(config.mapping_table), 'm'),
    equal(asText(column(mapping.node, 'm')), asText(column(hierarchy.key, 'h'))),
  )
  const active = hierarchy.active === null ? [] : [isNotFalse(hierarchy.active)]
  return project(filter(join, active), [...nodeOutputs(shape), ...mappingOutputs(shape)])
}

/** Its columns, in order. */
export const vw1Columns = (shape: MartShape): readonly string[] =>
  [...nodeOutputs(shape), ...mappingOutputs(shape)].map(({ name }) => name)

/** Only a stated false makes a node inactive. */
function isNotFalse(name: string): Expr {
  const value: Expr = { op: 'upper', arg: { op: 'coalesce', args: [asText(column(name, 'h')), text('')] } }
  const words = FALSE_FLAGS.filter((word) => word !== '').map((word) => text(word))
  return not({ op: 'in', arg: value, values: words })
}

function nodeOutputs({ config: { hierarchy } }: MartShape): Output[] {
  const own = (name: string | null): Expr => (name === null ? nothing(TEXT) : textOf(name, 'h'))
  return [
    output(KEY, asText(column(hierarchy.key, 'h'))),
    output(GROUP, own(hierarchy.group_name)),
    ...hierarchy.levels.map((name, i) => output(levelColumn(i), withoutFiller(name, hierarchy.filler))),
    ...hierarchy.levels.map((_, i) => output(sortColumn(i), own(hierarchy.level_sorts[i] ?? null))),
    ...(Object.keys(FLAGS) as (keyof typeof FLAGS)[]).map((key) =>
      output(FLAGS[key], flag(hierarchy[key], 'h')),
    ),
    output('FORMULA_GROUP', own(hierarchy.formula_group)),
  ]
}

function withoutFiller(name: string, filler: string): Expr {
  const value = textOf(name, 'h')
  return filler === ''
    ? value
    : when([[equal(asText(column(name, 'h')), text(filler)), nothing(TEXT)]], value)
}

function mappingOutputs({ config }: MartShape): Output[] {
  const { mapping } = config
  const source = asText(column(mapping.id_source, 'm'))
  const resolved = (value: (physical: string) => string): Expr =>
    config.dynamic_column_map.length === 0
      ? nothing(TEXT)
      : when(
          config.dynamic_column_map
            .toSorted((a, b) => (a.id_source < b.id_source ? -1 : 1))
            .map(({ id_source, physical_column }) => [
              equal(source, text(id_source)),
              text(value(physical_column)),
            ]),
        )
  const groups = config.has_group_filter_precedence ? groupColumns(config) : []
  return [
    output('MAPPING_KEY', mapping.key === null ? nothing(TEXT) : textOf(mapping.key, 'm')),
    output('ID', asText(column(mapping.id, 'm'))),
    output('ID_SOURCE', source),
    output('ID_TABLE', mapping.id_table === null ? nothing(TEXT) : textOf(mapping.id_table, 'm')),
    output('EXCLUSION_FLAG', flag(mapping.exclusion, 'm')),
    output(
      'DIMENSION',
      resolved((physical) => physicalColumn(config, physical)!.dimension.alias),
    ),
    output(
      'PHYSICAL_COLUMN',
      resolved((physical) => physical),
    ),
    output(
      'GROUP_KEY',
      contentKey([
        asText(column(config.hierarchy.key, 'h')),
        ...groups.map((name) => asText(column(name, 'm'))),
      ]),
    ),
  ]
}
