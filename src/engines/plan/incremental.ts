/**
 * Whether Snowflake can refresh a dynamic table of a plan by what changed. Windows without a partition need every row
 * again. Subqueries outside FROM and UNPIVOT would too; no plan has them: anti-joins are joins, and columns become rows
 * by unions. Raises nothing.
 */

import { anyPart } from './dialects.js'
import type { Expr, Rel } from './plan.js'

export function incrementalObstacles(plan: Rel): readonly string[] {
  const found = new Set<string>()
  for (const expr of expressionsOf(plan)) {
    if (anyPart(expr, (part) => part.op === 'dense_rank' && part.within.length === 0))
      found.add('DENSE_RANK without a partition looks at every row')
  }
  return [...found]
}

function expressionsOf(rel: Rel): readonly Expr[] {
  switch (rel.rel) {
    case 'scan':
    case 'ref':
      return []
    case 'values':
      return rel.rows.flat()
    case 'join':
    case 'anti_join':
      return [...expressionsOf(rel.left), ...expressionsOf(rel.right), rel.on]
    case 'filter':
      return [...expressionsOf(rel.input), rel.where]
    case 'project':
    case 'distinct':
      return [...expressionsOf(rel.input), ...rel.outputs.map(({ value }) => value)]
    case 'aggregate': {
      const having = rel.having === undefined ? [] : [rel.having]
      return [
        ...expressionsOf(rel.input),
        ...[...rel.keys, ...rel.outputs].map(({ value }) => value),
        ...having,
      ]
    }
    case 'union_all':
      return rel.inputs.flatMap(expressionsOf)
    case 'with':
      return [...rel.queries.flatMap(({ query }) => expressionsOf(query)), ...expressionsOf(rel.body)]
  }
}
