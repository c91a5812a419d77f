/**
 * Which facts belong to which node, worked out once more from hierarchy, mapping, dimensions and facts, past VW_1 and
 * DT_2: by counting, for each fact and group, the dimensions in which the group has the fact's key. A fact is in a
 * group when that is all of its dimensions. Compared with DT_3A slice by slice. Raises nothing.
 */

import {
  canonicalParts,
  cast,
  coalesce,
  column,
  compare,
  decimalType,
  distinct,
  type Expr,
  equal,
  every,
  filter,
  isNull,
  join,
  leftJoin,
  type NamedQuery,
  named,
  not,
  nothing,
  number,
  type Output,
  output,
  project,
  type Rel,
  ref,
  scan,
  some,
  sum,
  TEXT,
  text,
  unionAll,
  when,
} from '../../engines/plan/plan.js'
import { FALSE_FLAGS, type MartConfig, measureColumn, partsOf, physicalColumn } from '../config.js'
import { groupColumns } from '../mapping.js'
import { asText, carried, flag, KEY, NO, objectNames, YES } from '../pipeline/columns.js'
import { grainColumn, keyOf, measureScale, takenOf, tested, tupleQueries } from '../pipeline/dt3a.js'
import { predicateExpr } from '../pipeline/predicate-expr.js'
import type { MartShape, ShapedDimension } from '../pipeline/shape.js'

/** Slices of nodes in which DT_3A and the facts disagree. */
export function membershipPlan(shape: MartShape): Rel {
  const { config } = shape
  const joined = joinedDimensions(shape)
  const isMapped = joined.length > 0 && config.dynamic_column_map.length > 0
  const queries = [
    ...tupleQueries(shape),
    ...(isMapped ? mapped(shape, joined) : []),
    named('both_sides', unionAll([...(isMapped ? [fromFacts(shape)] : []), fromMart(shape)])),
  ]
  const grain = config.fact.grain.map((_, i) => output(grainColumn(i), column(grainColumn(i), 'b')))
  const differences = sideFigures(config).map(({ name }) => sum(column(name, 'b')))
  return {
    rel: 'with',
    queries,
    body: {
      rel: 'aggregate',
      input: ref('both_sides', 'b'),
      keys: [output(KEY, column(KEY, 'b')), ...grain],
      outputs: sideFigures(config).map(({ name }, i) => output(`${name}_DIFFERENCE`, differences[i]!)),
      having: some(differences.map((value) => compare(coalesce(value, number(0)), '<>', number(0)))),
    },
  }
}

const sideFigures = ({ fact }: MartConfig) => [
  ...fact.measures.map((measure, i) => ({ name: `FIGURE_${i + 1}`, scale: measureScale(measure) })),
  { name: 'FACTS', scale: 0 },
]

const joinedDimensions = ({ dimensions }: MartShape): readonly ShapedDimension[] =>
  dimensions.filter(({ factKey }) => factKey !== null)

function mapped(shape: MartShape, joined: readonly ShapedDimension[]): NamedQuery[] {
  const { config } = shape
  return [
    named('live_nodes', liveNodes(shape)),
    named('mapped', mappedRows(shape)),
    named('group_sizes', groupSizes(shape)),
    named('members', members(shape)),
    named('hits', unionAll(joined.map((dimension) => hits(dimension)))),
    named('satisfied', satisfied()),
    ...(config.has_exclusions ? [named('shut_out', shutOut())] : []),
    named('belongs', belongs(shape)),
  ]
}

function liveNodes({ config: { hierarchy, hierarchy_table } }: MartShape): Rel {
  const inactive = FALSE_FLAGS.filter((word) => word !== '').map((word) => text(word))
  const active =
    hierarchy.active === null ? text('') : coalesce(asText(column(hierarchy.active, 'h')), text(''))
  return project(
    filter(scan(partsOf(hierarchy_table), 'h'), [
      equal(flag(hierarchy.calculation, 'h'), NO),
      not({ op: 'in', arg: { op: 'upper', arg: active }, values: inactive }),
    ]),
    [
      output('NODE', asText(column(hierarchy.key, 'h'))),
      output('IS_VOLUME', flag(hierarchy.volume, 'h')),
      output('IS_TURNED', flag(hierarchy.sign_change, 'h')),
    ],
  )
}

/** The alias that an ID_SOURCE stands for, and its column; by the configuration, in one CASE each. */
function mappedRows({ config }: MartShape): Rel {
  const { mapping } = config
  const source = asText(column(mapping.id_source, 'm'))
  const said = (value: (physical: string) => string): Expr =>
    when(
      config.dynamic_column_map
        .toSorted((a, b) => (a.id_source < b.id_source ? -1 : 1))
        .map(({ id_source, physical_column }) => [
          equal(source, text(id_source)),
          text(value(physical_column)),
        ]),
      nothing(TEXT),
    )
  const groups = config.has_group_filter_precedence ? groupColumns(config) : []
  const rows = join(
    scan(partsOf(config.mapping_table), 'm'),
    ref('live_nodes', 'n'),
    equal(column('NODE', 'n'), asText(column(mapping.node, 'm'))),
  )
  return project(rows, [
    output('NODE', column('NODE', 'n')),
    output(
      'MAPPED_GROUP',
      groups.length === 0 ? text('') : canonicalParts(groups.map((name) => asText(column(name, 'm')))),
    ),
    output('IS_EXCLUDED', config.has_exclusions ? flag(mapping.exclusion, 'm') : NO),
    output('MAPPED_ID', asText(column(mapping.id, 'm'))),
    output(
      'ALIAS',
      said((physical) => physicalColumn(config, physical)!.dimension.alias),
    ),
    output(
      'PLACE',
      said((physical) => physical),
    ),
  ])
}

const GROUP = ['NODE', 'MAPPED_GROUP', 'IS_EXCLUDED']
const hasColumn = ({ at }: ShapedDimension): string => `HAS_${at + 1}`

function groupSizes({ dimensions }: MartShape): Rel {
  const has = dimensions.map((dimension) =>
    output(hasColumn(dimension), {
      op: 'max',
      arg: when([[equal(column('ALIAS', 'm'), text(dimension.alias)), number(1)]], number(0)),
    }),
  )
  return {
    rel: 'aggregate',
    input: filter(ref('mapped', 'm'), [not(isNull(column('ALIAS', 'm')))]),
    keys: carried(GROUP, 'm'),
    outputs: [output('DIMENSIONS', { op: 'count_distinct', arg: column('ALIAS', 'm') }), ...has],
  }
}

/** Ids as keys of their dimension, of the report's segment. */
function members({ config }: MartShape): Rel {
  const places = [...new Set(config.dynamic_column_map.map(({ physical_column }) => physical_column))].sort()
  return unionAll(
    places.map((place) => {
      const { dimension, column: name } = physicalColumn(config, place)!
      const segment =
        dimension.segment_column === null ? undefined : asText(column(dimension.segment_column, 'd'))
      const inside =
        segment === undefined || config.account_segment === null
          ? []
          : [some([isNull(segment), equal(segment, text(config.account_segment))])]
      const rows = join(
        ref('mapped', 'm'),
        scan(partsOf(dimension.table), 'd'),
        equal(asText(column(name, 'd')), column('MAPPED_ID', 'm')),
      )
      return distinct(filter(rows, [equal(column('PLACE', 'm'), text(place)), ...inside]), [
        ...carried([...GROUP, 'ALIAS'], 'm'),
        output('MEMBER', asText(column(dimension.key, 'd'))),
      ])
    }),
  )
}

function hits(dimension: ShapedDimension): Rel {
  const rows = join(
    ref('tuples', 't'),
    ref('members', 'k'),
    every([
      equal(column('ALIAS', 'k'), text(dimension.alias)),
      equal(column('MEMBER', 'k'), column(keyOf(dimension), 't')),
    ]),
  )
  return distinct(rows, [output('TUPLE_KEY', column('TUPLE_KEY', 't')), ...carried([...GROUP, 'ALIAS'], 'k')])
}

const sameGroup = (left: string, right: string): Expr[] =>
  GROUP.map((name) => equal(column(name, left), column(name, right)))

/** Groups in all of whose dimensions the facts have a key. */
function satisfied(): Rel {
  return {
    rel: 'aggregate',
    input: join(ref('hits', 'x'), ref('group_sizes', 'g'), every(sameGroup('x', 'g'))),
    keys: carried(['TUPLE_KEY', ...GROUP], 'x'),
    outputs: [],
    having: equal(
      { op: 'count_distinct', arg: column('ALIAS', 'x') },
      { op: 'max', arg: column('DIMENSIONS', 'g') },
    ),
  }
}

const shutOut = (): Rel =>
  distinct(filter(ref('satisfied', 's'), [equal(column('IS_EXCLUDED', 's'), YES)]), [
    ...carried(['NODE', 'TUPLE_KEY'], 's'),
  ])

/** Included, by a pattern that joins just the group's dimensions and lets the facts through, and not shut out. */
function belongs(shape: MartShape): Rel {
  const { config, patterns, dimensions, filterColumns } = shape
  const through = patterns.map(({ dimensions: own, filter: predicate }) => {
    const isJust = dimensions.map((dimension) =>
      equal(column(hasColumn(dimension), 'g'), number(own.some(({ at }) => at === dimension.at) ? 1 : 0)),
    )
    if (predicate === null) return every(isJust)
    const columnOf = (name: string): Expr => {
      const i = filterColumns.fact.indexOf(name)
      return i >= 0 ? column(tested(i), 't') : column(name, 'h')
    }
    return every([...isJust, predicateExpr(predicate, columnOf)])
  })
  const grouped = join(
    join(ref('satisfied', 's'), ref('group_sizes', 'g'), every(sameGroup('s', 'g'))),
    ref('tuples', 't'),
    equal(column('TUPLE_KEY', 't'), column('TUPLE_KEY', 's')),
  )
  const withNode =
    filterColumns.hierarchy.length === 0
      ? grouped
      : join(
          grouped,
          scan(partsOf(config.hierarchy_table), 'h'),
          equal(asText(column(config.hierarchy.key, 'h')), column('NODE', 's')),
        )
  const conditions = [equal(column('IS_EXCLUDED', 's'), NO), some(through)]
  const outputs = carried(['NODE', 'TUPLE_KEY'], 's')
  if (!config.has_exclusions) return distinct(filter(withNode, conditions), outputs)
  const withShutOut = leftJoin(
    withNode,
    ref('shut_out', 'o'),
    every([
      equal(column('NODE', 'o'), column('NODE', 's')),
      equal(column('TUPLE_KEY', 'o'), column('TUPLE_KEY', 's')),
    ]),
  )
  return distinct(filter(withShutOut, [...conditions, isNull(column('NODE', 'o'))]), outputs)
}

/** What DT_3A should have. */
function fromFacts({ config }: MartShape): Rel {
  const rows = join(
    join(ref('belongs', 'b'), ref('tuples', 't'), equal(column('TUPLE_KEY', 't'), column('TUPLE_KEY', 'b'))),
    ref('live_nodes', 'n'),
    equal(column('NODE', 'n'), column('NODE', 'b')),
  )
  const turned = (value: Expr): Expr =>
    when([[equal(column('IS_TURNED', 'n'), YES), { op: 'subtract', left: number(0), right: value }]], value)
  const figures = config.fact.measures.map((measure, i) => {
    const taken = takenOf(measure, i, equal(column('IS_VOLUME', 'n'), YES))
    return turned(taken)
  })
  return side(config, rows, column('NODE', 'b'), 't', grainColumn, [...figures, column('FACT_ROWS', 't')])
}

/** What it has, taken away. */
function fromMart({ config }: MartShape): Rel {
  const rows = ref(objectNames(config).dt3a, 'd')
  const less = (value: Expr): Expr => ({ op: 'subtract', left: number(0), right: value })
  const figures = config.fact.measures.map((measure) => less(column(measureColumn(config, measure), 'd')))
  return side(config, rows, column(KEY, 'd'), 'd', (i) => config.fact.grain[i]!, [
    ...figures,
    less(column('FACT_ROWS', 'd')),
  ])
}

function side(
  config: MartConfig,
  rows: Rel,
  node: Expr,
  of: string,
  grainOf: (i: number) => string,
  figures: readonly Expr[],
): Rel {
  const outputs: Output[] = [
    output(KEY, node),
    ...config.fact.grain.map((_, i) => output(grainColumn(i), column(grainOf(i), of))),
    ...sideFigures(config).map(({ name, scale }, i) => output(name, cast(figures[i]!, decimalType(scale)))),
  ]
  return project(rows, outputs)
}
