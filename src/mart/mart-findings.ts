/** What the mart's own rows say: figures that could not be computed. Findings are data; raises nothing. */

import type { Finding } from '../base/finding.js'
import { plural } from '../base/text.js'
import { type MartConfig, measureColumn } from './config.js'
import type { Cell } from './table.js'

const MEANING: Readonly<Record<string, readonly [message: string, suggestion: string]>> = {
  MISSING_OPERAND: ['has an operand without facts', 'Map facts to the operand, or look at a coarser grain.'],
  DIVISION_BY_ZERO: ['divides by zero', 'Look at the facts of the divisor, or at a coarser grain.'],
}

export function martFindings(
  config: MartConfig,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly Finding[] {
  const at = (name: string): number => columns.indexOf(name)
  const levels = config.hierarchy.levels.map((_, i) => at(`LEVEL_${i + 1}`))
  const found = new Map<string, { code: string; node: string; measure: string; rows: number }>()
  for (const measure of config.fact.measures) {
    const status = at(`${measureColumn(config, measure)}_STATUS`)
    for (const row of rows) {
      const code = row[status]
      if (code === null || code === undefined) continue
      const node = row[at('XREF_HIERARCHY_KEY')] ?? row[levels.at(-1)!]!
      const key = JSON.stringify([code, node, measure.name])
      const known = found.get(key) ?? { code, node, measure: measure.name, rows: 0 }
      known.rows += 1
      found.set(key, known)
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { code, node, measure, rows: count }]) => ({
      code,
      severity: 'warning',
      message: `${measure} of ${node} ${MEANING[code]![0]} in ${plural(count, 'row')} of the mart; the figure is left empty.`,
      suggestion: MEANING[code]![1],
      node_id: node,
      measure,
      rows: count,
    }))
}
