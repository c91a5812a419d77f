/**
 * DT_2, the granularity: one row for every node, and for every group of a node one row for each combination of
 * dimension keys that its ids stand for. Ids of one dimension are OR-ed, dimensions AND-ed: a group is the product of
 * the key sets of its dimensions. An id that finds no key leaves its dimension without one, and the group without rows.
 *
 * Exclusions are rows of their own; what they take away depends on dimensions that the node itself may not have, so
 * DT_3A takes it away from the facts. Raises nothing.
 */

import {
  cast,
  coalesce,
  column,
  contentKey,
  distinct,
  type Expr,
  equal,
  every,
  filter,
  INT,
  isNull,
  join,
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
  TEXT,
  text,
  unionAll,
  when,
} from '../../engines/plan/plan.js'
import { partsOf, physicalColumn } from '../config.js'
import {
  asText,
  belowColumn,
  carried,
  FLAGS,
  GROUP,
  isSet,
  KEY,
  LAST_SORT,
  levelColumn,
  NO,
  objectNames,
  sortColumn,
  totalColumn,
  YES,
} from './columns.js'
import type { MartShape, ShapedDimension } from './shape.js'
import { vw1Columns } from './vw1.js'

export function dt2(shape: MartShape): Rel {
  const members = membersOf(shape)
  const sets = dimensionSets(shape)
  // The view is asked once, and its nodes are told apart before anything is made of them.
  const view = project(ref(objectNames(shape.config).vw1, 'v'), carried(vw1Columns(shape), 'v'))
  const nodes = distinct(ref(TRANSLATED, 'v'), carried(viewedOfNode(shape), 'v'))
  const queries: NamedQuery[] = [named(TRANSLATED, view), named('viewed_nodes', nodes)]
  if (members === undefined || sets.length === 0) return { rel: 'with', queries, body: nodeRows(shape) }
  const groups = unionAll(sets.map((set) => groupRows(shape, set)))
  const given = new Map(groupColumnNames(shape).map((name): [string, Expr] => [name, column(name, 'r')]))
  const rows = project(ref('group_rows', 'r'), rowOutputs(shape, given))
  return {
    rel: 'with',
    queries: [...queries, ...members, groupsOf(shape), named('group_rows', groups)],
    body: unionAll([nodeRows(shape), rows]),
  }
}

const TRANSLATED = 'translated'

/** What a node is made of. */
const viewedOfNode = ({ config: { hierarchy } }: MartShape): readonly string[] => [
  KEY,
  GROUP,
  ...hierarchy.levels.flatMap((_, i) => [levelColumn(i), sortColumn(i)]),
  ...Object.values(FLAGS),
  'FORMULA_GROUP',
]

/** What a row of a group says; the rest of DT_2 is the node's. */
const groupColumnNames = ({ dimensions }: MartShape): readonly string[] => [
  'ROW_KIND',
  KEY,
  'GROUP_KEY',
  ...dimensions.map(({ filter_column }) => filter_column),
]

/** Sets of dimensions whose groups have rows: those of the join patterns and, of exclusions, each one alone. */
export function dimensionSets({
  config,
  patterns,
  dimensions,
}: MartShape): readonly (readonly ShapedDimension[])[] {
  const sets = new Map<string, readonly ShapedDimension[]>()
  const add = (set: readonly ShapedDimension[]): void => void sets.set(set.map(({ at }) => at).join(' '), set)
  for (const pattern of patterns) add(pattern.dimensions)
  if (config.has_exclusions)
    for (const dimension of dimensions) if (dimension.factKey !== null) add([dimension])
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, set]) => set)
}

/** The columns of a row that stands for a group or a node, in order; what a row has not is null. */
function rowOutputs(shape: MartShape, given: ReadonlyMap<string, Expr>): Output[] {
  const names: [string, Expr][] = [
    ['ROW_KIND', nothing(TEXT)],
    [KEY, nothing(TEXT)],
    ['GROUP_KEY', nothing(TEXT)],
    ...shape.dimensions.map(({ filter_column }): [string, Expr] => [filter_column, nothing(TEXT)]),
    ...nodeColumns(shape),
  ]
  return names.map(([name, none]) => output(name, given.get(name) ?? none))
}

/** What is known of nodes, with the null of its type. Filter attributes come as they are, so their rows join the node's. */
function nodeColumns({ config: { hierarchy } }: MartShape): [string, Expr][] {
  return [
    [GROUP, nothing(TEXT)],
    ...hierarchy.levels.map((_, i): [string, Expr] => [levelColumn(i), nothing(TEXT)]),
    ...hierarchy.levels.map((_, i): [string, Expr] => [sortColumn(i), nothing(INT)]),
    ...hierarchy.levels.map((_, i): [string, Expr] => [totalColumn(i), nothing(TEXT)]),
    ...hierarchy.levels.map((_, i): [string, Expr] => [belowColumn(i), nothing(TEXT)]),
    ...Object.values(FLAGS).map((name): [string, Expr] => [name, nothing(TEXT)]),
    ['FORMULA_GROUP', nothing(TEXT)],
  ]
}

/** Fillers take the level above them, with its place in the order. */
function nodeRows(shape: MartShape): Rel {
  const { hierarchy } = shape.config
  const level = (i: number): Expr => column(levelColumn(i), 'v')
  const upTo = <T>(i: number, value: (level: number) => T): T[] =>
    Array.from({ length: i + 1 }, (_, k) => value(i - k))
  const given = new Map<string, Expr>([
    ['ROW_KIND', text('NODE')],
    [KEY, column(KEY, 'v')],
    [GROUP, column(GROUP, 'v')],
    ['FORMULA_GROUP', column('FORMULA_GROUP', 'v')],
    ...Object.values(FLAGS).map((name): [string, Expr] => [name, column(name, 'v')]),
  ])
  hierarchy.levels.forEach((_, i) => {
    const own = upTo(i, level)
    given.set(levelColumn(i), own.length === 1 ? own[0]! : coalesce(...own))
    given.set(
      sortColumn(i),
      when(
        upTo(i, (k) => [not(isNull(level(k))), sortOf(k)] as const),
        number(LAST_SORT),
      ),
    )
    const below = hierarchy.levels.slice(i + 1).map((__, k) => not(isNull(level(i + 1 + k))))
    const isTotal = not(isNull(level(i)))
    given.set(totalColumn(i), when([[isTotal, contentKey([text('TOTAL'), ...upTo(i, level).reverse()])]]))
    given.set(belowColumn(i), when([[every([isTotal, some(below)]), YES]], NO))
  })
  return project(ref('viewed_nodes', 'v'), rowOutputs(shape, given))
}

const sortOf = (i: number): Expr => coalesce(cast(column(sortColumn(i), 'v'), INT), number(LAST_SORT))

/** Every id as the keys of its dimension that it stands for: a union over the physical columns. */
function membersOf(shape: MartShape): readonly NamedQuery[] | undefined {
  const { config } = shape
  const physical = [
    ...new Set(config.dynamic_column_map.map(({ physical_column }) => physical_column)),
  ].sort()
  if (physical.length === 0 || shape.dimensions.length === 0) return undefined
  const branches = physical.map((place) => {
    const { dimension, column: name } = physicalColumn(config, place)!
    const ids = join(
      ref(TRANSLATED, 'v'),
      scan(partsOf(dimension.table), 'd'),
      equal(asText(column(name, 'd')), column('ID', 'v')),
    )
    const where = [
      equal(column('PHYSICAL_COLUMN', 'v'), text(place)),
      equal(column(FLAGS.calculation, 'v'), NO),
      not(isNull(column(dimension.key, 'd'))),
      ...inSegment(shape, dimension.segment_column),
    ]
    return project(filter(ids, where), [
      ...carried(MEMBER_OF, 'v'),
      output('MEMBER_KEY', asText(column(dimension.key, 'd'))),
    ])
  })
  // Two ids, or two columns of a dimension, may give the same key: the union as a whole is made a set.
  return [
    named('found_members', unionAll(branches)),
    named('all_members', distinct(ref('found_members', 'f'), carried([...MEMBER_OF, 'MEMBER_KEY'], 'f'))),
  ]
}

const MEMBER_OF = [KEY, 'GROUP_KEY', 'EXCLUSION_FLAG', 'DIMENSION']

/** A row without a segment belongs to every one. */
function inSegment({ config }: MartShape, segment: string | null): Expr[] {
  if (segment === null || config.account_segment === null) return []
  const value = asText(column(segment, 'd'))
  return [some([isNull(value), equal(value, text(config.account_segment))])]
}

/** Which dimensions a group has, by its mapping rows and not by what they find. */
function groupsOf(shape: MartShape): NamedQuery {
  const keys = carried([KEY, 'GROUP_KEY', 'EXCLUSION_FLAG'], 'v')
  const has = shape.dimensions.map(({ alias, at }) =>
    output(hasColumn(at), {
      op: 'max',
      arg: when([[equal(column('DIMENSION', 'v'), text(alias)), number(1)]], number(0)),
    }),
  )
  const mapped = filter(ref(TRANSLATED, 'v'), [
    not(isNull(column('DIMENSION', 'v'))),
    equal(column(FLAGS.calculation, 'v'), NO),
  ])
  return named('group_dimensions', { rel: 'aggregate', input: mapped, keys, outputs: has })
}

const hasColumn = (at: number): string => `HAS_${at + 1}`

/** The rows of groups that have just these dimensions. */
function groupRows(shape: MartShape, set: readonly ShapedDimension[]): Rel {
  const alias = ({ at }: ShapedDimension): string => `m${at + 1}`
  const joined = set.reduce<Rel>(
    (left, dimension) =>
      join(
        left,
        ref('all_members', alias(dimension)),
        every([
          ...[KEY, 'GROUP_KEY', 'EXCLUSION_FLAG'].map((name) =>
            equal(column(name, alias(dimension)), column(name, 'g')),
          ),
          equal(column('DIMENSION', alias(dimension)), text(dimension.alias)),
        ]),
      ),
    ref('group_dimensions', 'g'),
  )
  const given = new Map<string, Expr>([
    ['ROW_KIND', when([[isSet('EXCLUSION_FLAG', 'g'), text('EXCLUDE')]], text('INCLUDE'))],
    [KEY, column(KEY, 'g')],
    ['GROUP_KEY', column('GROUP_KEY', 'g')],
    ...set.map((dimension): [string, Expr] => [
      dimension.filter_column,
      column('MEMBER_KEY', alias(dimension)),
    ]),
  ])
  const shapeIs = shape.dimensions.map(({ at }) =>
    equal(column(hasColumn(at), 'g'), number(set.some((one) => one.at === at) ? 1 : 0)),
  )
  const patterns = shape.patterns.some(
    ({ dimensions }) =>
      dimensions.length === set.length && dimensions.every(({ at }, i) => at === set[i]!.at),
  )
  const kinds = patterns ? [] : [isSet('EXCLUSION_FLAG', 'g')]
  const outputs = groupColumnNames(shape).map((name) => output(name, given.get(name) ?? nothing(TEXT)))
  return project(filter(joined, [...shapeIs, ...kinds]), outputs)
}
