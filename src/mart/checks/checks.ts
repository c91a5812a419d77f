/**
 * The checks of a mart: keys and flags of its columns, facts of nodes, details, totals and formulas, each against what
 * it is made of and not against how it was made. Raises nothing.
 */

import { formatDecimal, normalize, withScaleAtLeast } from '../../base/decimal.js'
import {
  cast,
  coalesce,
  column,
  compare,
  decimalType,
  type Expr,
  equal,
  filter,
  isNull,
  join,
  type NamedQuery,
  named,
  not,
  number,
  output,
  project,
  type Rel,
  ref,
  some,
  sum,
  TEXT,
  text,
  times,
  unionAll,
} from '../../engines/plan/plan.js'
import { type MartConfig, measureColumn } from '../config.js'
import { type Formula, WEIGHT_SCALE } from '../formulas/cascade.js'
import { identityOf, spokenName } from '../formulas/names.js'
import {
  belowColumn,
  carried,
  FIGURE_SCALE,
  FLAGS,
  KEY,
  NO,
  NODE_KEY,
  objectNames,
  totalColumn,
  YES,
} from '../pipeline/columns.js'
import { grainColumn, measureScale } from '../pipeline/dt3a.js'
import { nodeKeyOf } from '../pipeline/node-key.js'
import type { Layer } from '../pipeline/pipeline.js'
import type { MartShape } from '../pipeline/shape.js'
import type { MartCheck, Rule } from './check.js'
import { membershipPlan } from './membership.js'

export function martChecks(shape: MartShape, formulas: readonly Formula[]): readonly MartCheck[] {
  const { config } = shape
  const names = objectNames(config)
  const check = (layer: Layer, name: string, statement: string, rule: Rule): MartCheck => ({
    name: `${layer.toLowerCase()}_${name}`,
    statement,
    layer,
    object: { VW_1: names.vw1, DT_2: names.dt2, DT_3A: names.dt3a, DT_3: names.dt3 }[layer],
    rule,
  })
  const present = (layer: Layer, of: string): MartCheck =>
    check(layer, `${of.toLowerCase()}_present`, `Every row of ${layer} has a ${of}.`, {
      kind: 'not_null',
      column: of,
    })
  const values = (layer: Layer, of: string, allowed: readonly string[]): MartCheck =>
    check(layer, `${of.toLowerCase()}_known`, `${of} of ${layer} is ${allowed.join(', ')}.`, {
      kind: 'values',
      column: of,
      values: allowed,
    })
  const rows = (layer: Layer, name: string, statement: string, plan: Rel): MartCheck =>
    check(layer, name, statement, { kind: 'rows', plan })
  const additive = formulas.filter(({ direct, weights }) => direct !== null && weights!.length > 0)
  return [
    present('VW_1', KEY),
    rows('VW_1', 'ids_translated', 'Every id of the mapping has a physical column.', untranslated(config)),
    present('DT_2', KEY),
    values('DT_2', 'ROW_KIND', ['NODE', 'INCLUDE', 'EXCLUDE']),
    present('DT_3A', KEY),
    rows(
      'DT_3A',
      'facts_of_nodes',
      'In every slice a node has the facts that the mapping gives it, with its sign: no branch, exclusion or segment is lost.',
      membershipPlan(shape),
    ),
    present('DT_3', 'SURROGATE_KEY'),
    check('DT_3', 'surrogate_key_unique', 'SURROGATE_KEY of DT_3 names one row.', {
      kind: 'unique',
      column: 'SURROGATE_KEY',
    }),
    present('DT_3', NODE_KEY),
    values('DT_3', 'ROW_KIND', ['DETAIL', 'TOTAL', 'FORMULA']),
    values('DT_3', 'ADDITIVE_FLAG', ['Y', 'N']),
    rows(
      'DT_3',
      'details_of_nodes',
      'The details of DT_3 are the figures of DT_3A, each once.',
      differing(config, [detailsOf(config, 1), preAggregated(config)]),
    ),
    ...(config.hierarchy.levels.length > 1
      ? [
          rows(
            'DT_3',
            'totals_of_details',
            'Every total is the sum of the details in and below it.',
            totalsPlan(config),
          ),
        ]
      : []),
    ...(additive.length > 0
      ? [
          rows(
            'DT_3',
            'formulas_of_operands',
            `Every additive formula is the sum of its own operands: ${additive.map(({ result }) => spokenName(result)).join(', ')}.`,
            formulasPlan(config, additive),
          ),
        ]
      : []),
  ]
}

function untranslated(config: MartConfig): Rel {
  const rows = filter(ref(objectNames(config).vw1, 'v'), [
    not(isNull(column('ID', 'v'))),
    isNull(column('PHYSICAL_COLUMN', 'v')),
  ])
  return project(rows, carried([KEY, 'ID', 'ID_SOURCE'], 'v'))
}

const figureName = (i: number): string => `FIGURE_${i + 1}`
const SIDE_KEY = 'CHECKED_KEY'
const less = (value: Expr): Expr => ({ op: 'subtract', left: number(0), right: value })

/** One side of a comparison: a key, the grain, and the measures with a sign. */
function sideOf(
  config: MartConfig,
  rows: Rel,
  of: string,
  key: Expr,
  sign: 1 | -1,
  more: readonly Expr[] = [],
): Rel {
  const signed = (value: Expr): Expr => (sign === 1 ? value : less(value))
  return project(more.length === 0 ? rows : filter(rows, more), [
    output(SIDE_KEY, key),
    ...config.fact.grain.map((name, i) => output(grainColumn(i), column(name, of))),
    ...config.fact.measures.map((measure, i) =>
      output(
        figureName(i),
        cast(signed(column(measureColumn(config, measure), of)), decimalType(FIGURE_SCALE)),
      ),
    ),
  ])
}

const kindIs = (of: string, kind: string): Expr => equal(column('ROW_KIND', of), text(kind))

const detailsOf = (config: MartConfig, sign: 1 | -1): Rel =>
  sideOf(config, ref(objectNames(config).dt3, 'r'), 'r', column(KEY, 'r'), sign, [kindIs('r', 'DETAIL')])

const preAggregated = (config: MartConfig): Rel =>
  sideOf(config, ref(objectNames(config).dt3a, 'd'), 'd', column(KEY, 'd'), -1)

/** Slices whose sides do not cancel out. */
function differing(config: MartConfig, sides: readonly Rel[], queries: readonly NamedQuery[] = []): Rel {
  const differences = config.fact.measures.map((_, i) => sum(column(figureName(i), 's')))
  return {
    rel: 'with',
    queries: [...queries, named('sides', unionAll(sides))],
    body: {
      rel: 'aggregate',
      input: ref('sides', 's'),
      keys: carried([SIDE_KEY, ...config.fact.grain.map((_, i) => grainColumn(i))], 's'),
      outputs: differences.map((value, i) => output(`${figureName(i)}_DIFFERENCE`, value)),
      having: some(differences.map((value) => compare(coalesce(value, number(0)), '<>', number(0)))),
    },
  }
}

function totalsPlan(config: MartConfig): Rel {
  const { dt2, dt3 } = objectNames(config)
  const sides = config.hierarchy.levels.slice(0, -1).map((_, i) => {
    const details = join(
      join(ref(dt3, 'r'), ref(dt2, 'n'), equal(column(KEY, 'n'), column(KEY, 'r'))),
      ref('total_keys', 'k'),
      equal(column(NODE_KEY, 'k'), column(totalColumn(i), 'n')),
    )
    return sideOf(config, details, 'r', column(NODE_KEY, 'k'), 1, [
      kindIs('r', 'DETAIL'),
      kindIs('n', 'NODE'),
      equal(column(FLAGS.remove_from_totals, 'n'), NO),
    ])
  })
  const totals = sideOf(config, ref(dt3, 'r'), 'r', column(NODE_KEY, 'r'), -1, [kindIs('r', 'TOTAL')])
  return differing(config, [...sides, totals], [named('total_keys', pathsWithTotals(config))])
}

/** Paths that go on below, as DT_2 has them: a total that is missing altogether is seen too. */
const pathsWithTotals = (config: MartConfig): Rel =>
  unionAll(
    config.hierarchy.levels.slice(0, -1).map((_, i) => ({
      rel: 'distinct' as const,
      input: filter(ref(objectNames(config).dt2, 'n'), [
        kindIs('n', 'NODE'),
        equal(column(belowColumn(i), 'n'), YES),
      ]),
      outputs: [output(NODE_KEY, column(totalColumn(i), 'n'))],
    })),
  )

/** Formulas by their own operands, not by the nodes that the cascade flattens them to. */
function formulasPlan(config: MartConfig, formulas: readonly Formula[]): Rel {
  const { dt3 } = objectNames(config)
  const scale = Math.max(
    WEIGHT_SCALE,
    ...formulas.flatMap(({ direct }) => direct!.map(({ by }) => normalize(by).scale)),
  )
  const weight = (value: string): Expr => number(value)
  const own = (formula: Formula): readonly (readonly Expr[])[] => {
    const key = text(nodeKeyOf(formula.id))
    const operands = formula.direct!.map(({ operand, by }) => [
      key,
      text(nodeKeyOf(identityOf(operand))),
      weight(formatDecimal(withScaleAtLeast(by, 0))),
    ])
    return [...operands, [key, key, number('-1')]]
  }
  const terms: NamedQuery = named('formula_terms', {
    rel: 'values',
    columns: [
      { name: 'RESULT_KEY', type: TEXT },
      { name: 'OPERAND_KEY', type: TEXT },
      { name: 'WEIGHT', type: decimalType(scale) },
    ],
    rows: formulas.flatMap(own),
  })
  const rows = join(
    ref(dt3, 'r'),
    ref('formula_terms', 't'),
    equal(column('OPERAND_KEY', 't'), column(NODE_KEY, 'r')),
  )
  const weighted = project(rows, [
    output(SIDE_KEY, column('RESULT_KEY', 't')),
    ...config.fact.grain.map((name, i) => output(grainColumn(i), column(name, 'r'))),
    ...config.fact.measures.map((measure, i) =>
      output(
        figureName(i),
        times(
          cast(
            column(measureColumn(config, measure), 'r'),
            decimalType(measureScale(measure) + WEIGHT_SCALE),
          ),
          column('WEIGHT', 't'),
        ),
      ),
    ),
  ])
  return differing(config, [weighted], [terms])
}
