/** Facts that two nodes of one formula group both claim, as a query over DT_2 and the facts. Raises nothing. */

import {
  cast,
  coalesce,
  column,
  compare,
  decimalType,
  equal,
  every,
  isNull,
  join,
  not,
  number,
  output,
  type Rel,
  ref,
  sum,
  TEXT,
} from '../../engines/plan/plan.js'
import { KEY } from './columns.js'
import { claimQueries } from './dt3a.js'
import type { MartShape } from './shape.js'

/** Formula group, the two nodes, facts, and the first measure's amount, all as text. */
export function claimsByGroup(shape: MartShape): Rel {
  const claims = (
    as: string,
    node: string,
    left: Rel | undefined,
    on: readonly ReturnType<typeof equal>[],
  ): Rel => {
    const claim = left === undefined ? ref('claims', as) : join(left, ref('claims', as), every(on))
    return join(claim, ref('nodes', node), equal(column(KEY, node), column(KEY, as)))
  }
  const first = claims('a', 'na', undefined, [])
  const both = claims('b', 'nb', first, [
    equal(column('TUPLE_KEY', 'b'), column('TUPLE_KEY', 'a')),
    compare(column(KEY, 'a'), '<', column(KEY, 'b')),
  ])
  const money = join(both, ref('tuples', 't'), equal(column('TUPLE_KEY', 't'), column('TUPLE_KEY', 'a')))
  return {
    rel: 'with',
    queries: claimQueries(shape),
    body: {
      rel: 'aggregate',
      input: {
        rel: 'filter',
        input: money,
        where: every([
          not(isNull(column('FORMULA_GROUP', 'na'))),
          equal(column('FORMULA_GROUP', 'na'), column('FORMULA_GROUP', 'nb')),
        ]),
      },
      keys: [
        output('FORMULA_GROUP', column('FORMULA_GROUP', 'na')),
        output('FIRST_NODE', column(KEY, 'a')),
        output('SECOND_NODE', column(KEY, 'b')),
      ],
      outputs: [
        output('FACT_ROWS', cast(sum(column('FACT_ROWS', 't')), TEXT)),
        output('AMOUNT', cast(coalesce(sum(column('AMOUNT_1', 't')), cast(number(0), decimalType(0))), TEXT)),
      ],
    },
  }
}
