/**
 * DT_3, the mart: details of nodes, totals of the level paths, and the formula cascade level by level, with the key of
 * node and row as content hashes, a dense rank beside, and the extension hierarchy. Raises nothing.
 */

import { formatDecimal } from '../../base/decimal.js'
import {
  cast,
  column,
  contentKey,
  decimalType,
  type Expr,
  equal,
  filter,
  INT,
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
  sum,
  TEXT,
  text,
  times,
  unionAll,
  when,
} from '../../engines/plan/plan.js'
import { measureColumn, partsOf } from '../config.js'
import { type Formula, WEIGHT_SCALE } from '../formulas/cascade.js'
import { identityOf } from '../formulas/names.js'
import {
  asText,
  belowColumn,
  carried,
  FIGURE_SCALE,
  FLAGS,
  GROUP,
  KEY,
  LAST_SORT,
  levelColumn,
  NO,
  NODE_KEY,
  objectNames,
  sortColumn,
  statusColumn,
  totalColumn,
  YES,
} from './columns.js'
import { measureScale } from './dt3a.js'
import { nodeKeyOf } from './node-key.js'
import { quotientQueries, type Slices } from './quotient.js'
import type { MartShape } from './shape.js'

const FIGURE = decimalType(FIGURE_SCALE)
const grain = (i: number): string => `GRAIN_${i + 1}`
const figure = (i: number): string => `FIGURE_${i + 1}`

export function dt3(shape: MartShape, formulas: readonly Formula[]): Rel {
  const slices: Slices = {
    grain: shape.config.fact.grain.map((_, i) => grain(i)),
    measures: shape.config.fact.measures.map((measure, i) => ({
      name: figure(i),
      scale: measureScale(measure) + WEIGHT_SCALE,
    })),
  }
  const virtual = formulas.filter(({ result }) => result.kind === 'formula')
  const queries = [
    named('nodes', nodes(shape)),
    ...ancestry(shape),
    named('attributes', attributes(shape, virtual)),
    named('details', details(shape, slices)),
    ...(hasTotals(shape) ? [named('totals', totals(slices))] : []),
  ]
  const rows = ['details', ...(hasTotals(shape) ? ['totals'] : [])]
  queries.push(...cascadeQueries(formulas, slices, rows))
  queries.push(
    named('mart_rows', unionAll(rows.map((name) => project(ref(name, 'r'), carried(rowNames(slices), 'r'))))),
  )
  return { rel: 'with', queries, body: mart(shape, slices) }
}

const hasTotals = ({ config }: MartShape): boolean => config.hierarchy.levels.length > 1

const rowNames = ({ grain: keys, measures }: Slices): string[] => [
  NODE_KEY,
  'ROW_KIND',
  'FORMULA_LEVEL',
  'ADDITIVE_FLAG',
  ...keys,
  ...measures.flatMap(({ name }) => [name, statusColumn(name)]),
]

function nodes(shape: MartShape): Rel {
  const { config } = shape
  const levels = config.hierarchy.levels.flatMap((_, i) => [
    levelColumn(i),
    sortColumn(i),
    totalColumn(i),
    belowColumn(i),
  ])
  const names = [KEY, GROUP, ...levels, FLAGS.remove_from_totals, FLAGS.do_not_expand]
  const rows = filter(ref(objectNames(config).dt2, 'd'), [equal(column('ROW_KIND', 'd'), text('NODE'))])
  return project(rows, [
    output(NODE_KEY, contentKey([text('NODE'), column(KEY, 'd')])),
    ...carried(names, 'd'),
  ])
}

/** Which totals a node is in: the level columns as rows, and of these the paths that go on below. */
function ancestry(shape: MartShape): NamedQuery[] {
  if (!hasTotals(shape)) return []
  const { levels } = shape.config.hierarchy
  const branches = levels.slice(0, -1).map((_, i) => {
    const shown = levels.map((__, k) => Math.min(k, i))
    const inside = filter(ref('nodes', 'n'), [not(isNull(column(totalColumn(i), 'n')))])
    return project(inside, [
      output('TOTAL_KEY', column(totalColumn(i), 'n')),
      output(KEY, column(KEY, 'n')),
      output(FLAGS.remove_from_totals, column(FLAGS.remove_from_totals, 'n')),
      output('HAS_BELOW', column(belowColumn(i), 'n')),
      ...shown.map((k, at) => output(levelColumn(at), column(levelColumn(k), 'n'))),
      ...shown.map((k, at) => output(sortColumn(at), column(sortColumn(k), 'n'))),
    ])
  })
  const keys = [
    output('TOTAL_KEY', column('TOTAL_KEY', 'a')),
    ...levels.map((_, i) => output(levelColumn(i), column(levelColumn(i), 'a'))),
  ]
  const sorts = levels.map((_, i) =>
    output(sortColumn(i), { op: 'min', arg: column(sortColumn(i), 'a') } as Expr),
  )
  return [
    named('ancestry', unionAll(branches)),
    named('parents', {
      rel: 'aggregate',
      input: ref('ancestry', 'a'),
      keys,
      outputs: sorts,
      having: equal({ op: 'max', arg: column('HAS_BELOW', 'a') }, YES),
    }),
  ]
}

/** What the rows of a node, a total or a result say of it. */
function attributes(shape: MartShape, virtual: readonly Formula[]): Rel {
  const { levels } = shape.config.hierarchy
  const levelNames = levels.flatMap((_, i) => [levelColumn(i), sortColumn(i)])
  const names = [KEY, GROUP, FLAGS.do_not_expand]
  const branches = [project(ref('nodes', 'n'), carried([NODE_KEY, ...names, ...levelNames], 'n'))]
  if (hasTotals(shape))
    branches.push(
      project(ref('parents', 'p'), [
        output(NODE_KEY, column('TOTAL_KEY', 'p')),
        ...[KEY, GROUP].map((name) => output(name, nothing(TEXT))),
        output(FLAGS.do_not_expand, NO),
        ...carried(levelNames, 'p'),
      ]),
    )
  if (virtual.length > 0) {
    const columns = [
      ...[NODE_KEY, ...names].map((name) => ({ name, type: TEXT })),
      ...levels.flatMap((_, i) => [
        { name: levelColumn(i), type: TEXT },
        { name: sortColumn(i), type: INT },
      ]),
    ]
    const rows = virtual.map(({ id, result }) => {
      const title = result.kind === 'formula' ? result.name : ''
      const place = levels.flatMap(() => [text(title), number(LAST_SORT)])
      return [text(nodeKeyOf(id)), nothing(TEXT), nothing(TEXT), NO, ...place]
    })
    branches.push({ rel: 'values', columns, rows })
  }
  return unionAll(branches)
}

function details(shape: MartShape, { grain: keys, measures }: Slices): Rel {
  const { config } = shape
  const rows = join(
    ref(objectNames(config).dt3a, 'd'),
    ref('nodes', 'n'),
    equal(column(KEY, 'n'), column(KEY, 'd')),
  )
  return project(rows, [
    output(NODE_KEY, column(NODE_KEY, 'n')),
    output(KEY, column(KEY, 'n')),
    ...kind('DETAIL', null, YES),
    ...keys.map((name, i) => output(name, column(config.fact.grain[i]!, 'd'))),
    ...measures.flatMap(({ name }, i) => [
      output(name, cast(column(measureColumn(config, config.fact.measures[i]!), 'd'), FIGURE)),
      output(statusColumn(name), nothing(TEXT)),
    ]),
  ])
}

const kind = (row: string, level: number | null, additive: Expr): Output[] => [
  output('ROW_KIND', text(row)),
  output('FORMULA_LEVEL', level === null ? nothing(INT) : cast(number(level), INT)),
  output('ADDITIVE_FLAG', additive),
]

function totals({ grain: keys, measures }: Slices): Rel {
  const inside = join(
    join(ref('details', 'd'), ref('ancestry', 'a'), equal(column(KEY, 'a'), column(KEY, 'd'))),
    ref('parents', 'p'),
    equal(column('TOTAL_KEY', 'p'), column('TOTAL_KEY', 'a')),
  )
  const counted = filter(inside, [equal(column(FLAGS.remove_from_totals, 'a'), NO)])
  return {
    rel: 'aggregate',
    input: counted,
    keys: [output(NODE_KEY, column('TOTAL_KEY', 'a')), ...carried(keys, 'd')],
    outputs: [
      ...kind('TOTAL', null, YES),
      ...measures.flatMap(({ name }) => [
        output(name, cast(sum(column(name, 'd')), FIGURE)),
        output(statusColumn(name), nothing(TEXT)),
      ]),
    ],
  }
}

/** P1 to P5, each over the rows of those before it; adds to `rows` what has rows of the mart. */
function cascadeQueries(formulas: readonly Formula[], slices: Slices, rows: string[]): NamedQuery[] {
  const queries: NamedQuery[] = []
  const rounded = new Set(formulas.filter(({ weights }) => weights === null).map(({ id }) => id))
  for (const level of [...new Set(formulas.map((formula) => formula.level))]) {
    const own = formulas.filter((formula) => formula.level === level)
    const branches: Rel[] = []
    const additive = own.filter(({ weights }) => weights !== null && weights.length > 0)
    if (additive.length > 0) {
      queries.push(named(`p${level}_terms`, terms(additive)))
      branches.push(weightedSums(level, slices))
    }
    const quotients = own.filter(({ weights }) => weights === null)
    if (quotients.length > 0) queries.push(named(`known_${level}`, known(rows, slices)))
    for (const [i, formula] of quotients.entries()) {
      const name = `p${level}_formula_${i + 1}`
      queries.push(...quotientQueries(formula, name, `known_${level}`, slices, (id) => rounded.has(id)))
      branches.push(
        project(ref(name, 'q'), [
          output(NODE_KEY, text(nodeKeyOf(formula.id))),
          // In the order of the additive formulas' query, for a union goes by position.
          ...carried(slices.grain, 'q'),
          ...kind('FORMULA', level, NO),
          ...carried(
            slices.measures.flatMap(({ name: measure }) => [measure, statusColumn(measure)]),
            'q',
          ),
        ]),
      )
    }
    if (branches.length === 0) continue
    queries.push(named(`p${level}`, unionAll(branches)))
    rows.push(`p${level}`)
  }
  return queries
}

const known = (rows: readonly string[], { grain: keys, measures }: Slices): Rel =>
  unionAll(
    rows.map((name) =>
      project(ref(name, 'r'), carried([NODE_KEY, ...keys, ...measures.map((measure) => measure.name)], 'r')),
    ),
  )

const terms = (formulas: readonly Formula[]): Rel => ({
  rel: 'values',
  columns: [
    { name: 'RESULT_KEY', type: TEXT },
    { name: 'OPERAND_KEY', type: TEXT },
    { name: 'WEIGHT', type: decimalType(WEIGHT_SCALE) },
  ],
  rows: formulas.flatMap(({ id, weights }) =>
    weights!.map(({ node, by }) => [
      text(nodeKeyOf(id)),
      text(nodeKeyOf(identityOf({ kind: 'node', node }))),
      number(formatDecimal(by)),
    ]),
  ),
})

function weightedSums(level: number, { grain: keys, measures }: Slices): Rel {
  const name = `p${level}_terms`
  const rows = join(
    ref('details', 'd'),
    ref(name, 't'),
    equal(column('OPERAND_KEY', 't'), column(NODE_KEY, 'd')),
  )
  return {
    rel: 'aggregate',
    input: rows,
    keys: [output(NODE_KEY, column('RESULT_KEY', 't')), ...carried(keys, 'd')],
    outputs: [
      ...kind('FORMULA', level, YES),
      ...measures.flatMap(({ name: measure, scale }) => {
        const exact = cast(column(measure, 'd'), decimalType(scale - WEIGHT_SCALE))
        return [
          output(measure, cast(sum(times(exact, column('WEIGHT', 't'))), FIGURE)),
          output(statusColumn(measure), nothing(TEXT)),
        ]
      }),
    ],
  }
}

function mart(shape: MartShape, { grain: keys, measures }: Slices): Rel {
  const { config } = shape
  const { extension, fact, hierarchy } = config
  const joined = join(
    ref('mart_rows', 'r'),
    ref('attributes', 'a'),
    equal(column(NODE_KEY, 'a'), column(NODE_KEY, 'r')),
  )
  const rows =
    extension === null
      ? joined
      : leftJoin(
          joined,
          scan(partsOf(extension.table), 'e'),
          equal(asText(column(extension.key, 'e')), column(KEY, 'a')),
        )
  const isExpanded = equal(column(FLAGS.do_not_expand, 'a'), NO)
  return project(rows, [
    output(
      'SURROGATE_KEY',
      contentKey([column(NODE_KEY, 'r'), ...keys.map((name) => asText(column(name, 'r')))]),
    ),
    output(NODE_KEY, column(NODE_KEY, 'r')),
    output('NODE_RANK', { op: 'dense_rank', by: column(NODE_KEY, 'r'), within: [] }),
    ...carried(['ROW_KIND', 'FORMULA_LEVEL', 'ADDITIVE_FLAG'], 'r'),
    ...carried([KEY, GROUP], 'a'),
    ...hierarchy.levels.map((_, i) => output(levelColumn(i), column(levelColumn(i), 'a'))),
    ...hierarchy.levels.map((_, i) => output(sortColumn(i), column(sortColumn(i), 'a'))),
    ...fact.grain.map((name, i) => output(name, column(keys[i]!, 'r'))),
    ...fact.measures.flatMap((measure, i) => [
      output(measureColumn(config, measure), column(measures[i]!.name, 'r')),
      output(statusColumn(measureColumn(config, measure)), column(statusColumn(measures[i]!.name), 'r')),
    ]),
    ...(extension?.columns ?? []).map((name) => output(name, when([[isExpanded, column(name, 'e')]]))),
  ])
}
