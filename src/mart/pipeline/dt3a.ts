/**
 * DT_3A, the pre-aggregation: facts summed up by the columns that decide where they belong, joined to DT_2 by one
 * branch for each join pattern, united as a set, less the exclusions, with the sign of the node. Raises nothing.
 *
 * A tuple is what facts with the same grain, keys and filter columns have in common; two groups of a node that both
 * take it take it once.
 */

import {
  cast,
  column,
  contentKey,
  decimalType,
  distinct,
  type Expr,
  equal,
  every,
  filter,
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
  sum,
  TEXT,
  text,
  times,
  unionAll,
  when,
} from '../../engines/plan/plan.js'
import { type Measure, measureColumn, partsOf } from '../config.js'
import { asText, carried, FLAGS, isSet, KEY, objectNames } from './columns.js'
import { dimensionSets } from './dt2.js'
import { predicateExpr } from './predicate-expr.js'
import { factorScale, type MartShape, type ShapedDimension, type ShapedPattern } from './shape.js'

/** Digits after the point of a measure in DT_3A. */
export const measureScale = ({ scale, volume }: Measure): number =>
  Math.max(scale, volume === null ? 0 : volume.scale + factorScale(volume.factors))

export const grainColumn = (i: number): string => `GRAIN_${i + 1}`
export const keyOf = ({ at }: ShapedDimension): string => `KEY_${at + 1}`
export const tested = (i: number): string => `FILTER_${i + 1}`
const amount = (i: number): string => `AMOUNT_${i + 1}`
const volume = (i: number): string => `VOLUME_${i + 1}`
const unit = (i: number): string => `UNIT_${i + 1}`

export function dt3a(shape: MartShape): Rel {
  const { fact } = shape.config
  const queries = claimQueries(shape)
  const keys = [
    output(KEY, column(KEY, 'n')),
    ...fact.grain.map((name, i) => output(name, column(grainColumn(i), 't'))),
  ]
  const outputs = [
    ...fact.measures.map((measure, i) => {
      const value = sum(signed(shape, takenOf(measure, i, isSet(FLAGS.volume, 'n'))))
      return output(measureColumn(shape.config, measure), cast(value, decimalType(measureScale(measure))))
    }),
    output('FACT_ROWS', sum(column('FACT_ROWS', 't'))),
  ]
  const claims = claimed('claims')
  return { rel: 'with', queries, body: { rel: 'aggregate', input: claims, keys, outputs } }
}

/** The claims with their node and tuple. */
export const claimed = (claims: string): Rel =>
  join(
    join(ref(claims, 'c'), ref('tuples', 't'), equal(column('TUPLE_KEY', 't'), column('TUPLE_KEY', 'c'))),
    ref('nodes', 'n'),
    equal(column(KEY, 'n'), column(KEY, 'c')),
  )

/** `claims` has each node with each tuple that is its own, once; `tuples` and `nodes` are what its keys name. */
export function claimQueries(shape: MartShape): NamedQuery[] {
  const { config, patterns } = shape
  const isExcluding = config.has_exclusions
  const included = isExcluding ? 'included' : 'claims'
  const branches = patterns.map((pattern) => branch(shape, pattern))
  const queries = [
    ...tupleQueries(shape),
    named('nodes', nodes(shape)),
    named('matches', branches.length > 0 ? unionAll(branches) : NO_MATCHES),
    named(included, distinct(ref('matches', 'm'), carried([KEY, 'TUPLE_KEY'], 'm'))),
  ]
  if (!isExcluding) return queries
  const sets = dimensionSets(shape)
  return [
    ...queries,
    named('excluded', sets.length > 0 ? unionAll(sets.map((set) => exclusion(shape, set))) : NO_MATCHES),
    named('claims', {
      rel: 'project',
      input: {
        rel: 'anti_join',
        left: ref('included', 'i'),
        right: ref('excluded', 'x'),
        on: every([
          equal(column(KEY, 'x'), column(KEY, 'i')),
          equal(column('TUPLE_KEY', 'x'), column('TUPLE_KEY', 'i')),
        ]),
        partner: column('TUPLE_KEY', 'x'),
      },
      outputs: carried([KEY, 'TUPLE_KEY'], 'i'),
    }),
  ]
}

const NO_MATCHES: Rel = {
  rel: 'values',
  columns: [
    { name: KEY, type: TEXT },
    { name: 'TUPLE_KEY', type: TEXT },
  ],
  rows: [],
}

/**
 * Facts summed up by what decides where they belong, and what they need: the rows of another segment. The first pass over
 * the facts only adds; factors of units and segments are looked up for what is left of them.
 */
export const tupleQueries = (shape: MartShape): NamedQuery[] => [
  ...outsideSegment(shape),
  named('fact_sums', factSums(shape)),
  named('tuples', tuples(shape)),
]

/** Keys of rows of another segment. */
function outsideSegment(shape: MartShape): NamedQuery[] {
  const { config } = shape
  return segmented(shape).map((dimension) => {
    const segment = asText(column(dimension.segment_column!, 'd'))
    const others = filter(scan(partsOf(dimension.table), 'd'), [
      { op: 'compare', by: '<>', left: segment, right: text(config.account_segment!) },
      not(isNull(column(dimension.key, 'd'))),
    ])
    return named(
      otherSegment(dimension),
      distinct(others, [output('MEMBER_KEY', asText(column(dimension.key, 'd')))]),
    )
  })
}

const otherSegment = ({ at }: ShapedDimension): string => `other_segment_${at + 1}`

const segmented = ({ config, dimensions }: MartShape): readonly ShapedDimension[] =>
  config.account_segment === null
    ? []
    : dimensions.filter(({ segment_column, factKey }) => segment_column !== null && factKey !== null)

/** What tells tuples apart. */
function tupleKeys({ config, dimensions, filterColumns }: MartShape): readonly TupleKey[] {
  return [
    ...config.fact.grain.map((name, i): TupleKey => ({ name: grainColumn(i), source: name, isText: false })),
    ...dimensions
      .filter(({ factKey }) => factKey !== null)
      .map((dimension): TupleKey => ({ name: keyOf(dimension), source: dimension.factKey!, isText: true })),
    ...filterColumns.fact.map((name, i): TupleKey => ({ name: tested(i), source: name, isText: false })),
  ]
}

interface TupleKey {
  readonly name: string
  readonly source: string
  /** Compared as text. */
  readonly isText: boolean
}

/** One pass over the facts: sums by tuple and, where volumes have them, units. */
function factSums(shape: MartShape): Rel {
  const { fact } = shape.config
  const keys = tupleKeys(shape).map(({ name, source, isText }) =>
    output(name, isText ? asText(column(source, 'f')) : column(source, 'f')),
  )
  const units = fact.measures.flatMap(({ volume: own }, i) =>
    own === null || own.unit_column === null ? [] : [output(unit(i), asText(column(own.unit_column, 'f')))],
  )
  const outputs = fact.measures.flatMap((measure, i) => [
    output(amount(i), sum(cast(column(measure.column, 'f'), decimalType(measure.scale)))),
    ...(measure.volume === null
      ? []
      : [
          output(volume(i), sum(cast(column(measure.volume.column, 'f'), decimalType(measure.volume.scale)))),
        ]),
  ])
  return {
    rel: 'aggregate',
    input: scan(partsOf(fact.table), 'f'),
    keys: [...keys, ...units],
    outputs: [...outputs, output('FACT_ROWS', { op: 'count' })],
  }
}

function tuples(shape: MartShape): Rel {
  const from = segmented(shape).reduce<Rel>(
    (left, dimension) => ({
      rel: 'join',
      kind: 'left',
      left,
      right: ref(otherSegment(dimension), `o${dimension.at + 1}`),
      on: equal(column('MEMBER_KEY', `o${dimension.at + 1}`), column(keyOf(dimension), 'f')),
    }),
    ref('fact_sums', 'f'),
  )
  const input = filter(
    from,
    segmented(shape).map(({ at }) => isNull(column('MEMBER_KEY', `o${at + 1}`))),
  )
  const all = tupleKeys(shape)
  const keys = carried(
    all.map(({ name }) => name),
    'f',
  )
  const identity = all.map(({ name, isText }) => (isText ? column(name, 'f') : asText(column(name, 'f'))))
  const { measures } = shape.config.fact
  const key = output('TUPLE_KEY', all.length === 0 ? text('all') : contentKey(identity))
  const hasUnits = measures.some(({ volume: own }) => own !== null && own.unit_column !== null)
  if (!hasUnits) {
    const sums = measures.flatMap((measure, i) =>
      measure.volume === null ? [amount(i)] : [amount(i), volume(i)],
    )
    return project(input, [...keys, key, ...carried([...sums, 'FACT_ROWS'], 'f')])
  }
  const outputs = [key, ...measures.flatMap(measureSums), output('FACT_ROWS', sum(column('FACT_ROWS', 'f')))]
  return { rel: 'aggregate', input, keys, outputs }
}

function measureSums(measure: Measure, i: number): Output[] {
  const own = output(amount(i), sum(column(amount(i), 'f')))
  if (measure.volume === null) return [own]
  const value = column(volume(i), 'f')
  const { unit_column, factors } = measure.volume
  if (unit_column === null) return [own, output(volume(i), sum(value))]
  const type = decimalType(factorScale(factors))
  const factor = when(
    factors
      .toSorted((a, b) => (a.unit < b.unit ? -1 : 1))
      .map((each) => [equal(column(unit(i), 'f'), text(each.unit)), cast(number(each.factor), type)]),
    nothing(type),
  )
  return [own, output(volume(i), sum(times(value, factor)))]
}

/**
 * What a node takes of a tuple: its volume where the node has the flag. Both sides are of one type, because DuckDB
 * gives a CASE over decimals of 38 digits the smaller scale and rounds in silence.
 */
export function takenOf(measure: Measure, i: number, isVolume: Expr): Expr {
  const type = decimalType(measureScale(measure))
  const own = measure.volume === null ? nothing(type) : cast(column(volume(i), 't'), type)
  return when([[isVolume, own]], cast(column(amount(i), 't'), type))
}

function signed({ config }: MartShape, value: Expr): Expr {
  if (!config.has_sign_change) return value
  return when([[isSet(FLAGS.sign_change, 'n'), { op: 'subtract', left: number(0), right: value }]], value)
}

function nodes(shape: MartShape): Rel {
  const { config } = shape
  const rows = filter(ref(objectNames(config).dt2, 'd'), [equal(column('ROW_KIND', 'd'), text('NODE'))])
  const names = [KEY, FLAGS.volume, FLAGS.sign_change, 'FORMULA_GROUP']
  return { rel: 'project', input: rows, outputs: carried(names, 'd') }
}

function branch(shape: MartShape, pattern: ShapedPattern): Rel {
  const { filterColumns, config } = shape
  const keyed = matching(shape, pattern.dimensions, 'INCLUDE')
  if (pattern.filter === null) return { rel: 'project', input: keyed.rows, outputs: keyed.outputs }
  const columnOf = (name: string): Expr => {
    const i = filterColumns.fact.indexOf(name)
    return i >= 0 ? column(tested(i), 't') : column(name, 'h')
  }
  const readsNode = filterColumns.hierarchy.length > 0
  const { join: on, where } = keyed
  const withNode = readsNode
    ? join(
        on,
        scan(partsOf(config.hierarchy_table), 'h'),
        equal(asText(column(config.hierarchy.key, 'h')), column(KEY, 'd')),
      )
    : on
  const rows = filter(withNode, [...where, predicateExpr(pattern.filter, columnOf)])
  return { rel: 'project', input: rows, outputs: keyed.outputs }
}

const exclusion = (shape: MartShape, set: readonly ShapedDimension[]): Rel => {
  const { rows, outputs } = matching(shape, set, 'EXCLUDE')
  return distinct(rows, outputs)
}

/** Rows of DT_2 that have just these dimensions, with the tuples that have their keys. */
function matching(shape: MartShape, set: readonly ShapedDimension[], kind: 'INCLUDE' | 'EXCLUDE') {
  const on = join(
    ref(objectNames(shape.config).dt2, 'd'),
    ref('tuples', 't'),
    every(set.map((dimension) => equal(column(keyOf(dimension), 't'), column(dimension.filter_column, 'd')))),
  )
  const where = [
    equal(column('ROW_KIND', 'd'), text(kind)),
    ...shape.dimensions
      .filter(({ at }) => !set.some((one) => one.at === at))
      .map(({ filter_column }) => isNull(column(filter_column, 'd'))),
  ]
  const outputs = [output(KEY, column(KEY, 'd')), output('TUPLE_KEY', column('TUPLE_KEY', 't'))]
  return { join: on, where, rows: filter(on, where), outputs }
}
