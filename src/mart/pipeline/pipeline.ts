/**
 * The four objects of a mart, as plans and as the statements that make them in a dialect: byte-identical for equal
 * input. What a dialect cannot say stands beside the statement. Raises nothing.
 */

import { type DialectName, PLAN_DIALECTS, type PlanDialect } from '../../engines/plan/dialects.js'
import { incrementalObstacles } from '../../engines/plan/incremental.js'
import type { Rel } from '../../engines/plan/plan.js'
import { printName, printPlan } from '../../engines/plan/print.js'
import type { MartConfig } from '../config.js'
import type { Formula } from '../formulas/cascade.js'
import { objectNames } from './columns.js'
import { dt2 } from './dt2.js'
import { dt3 } from './dt3.js'
import { dt3a } from './dt3a.js'
import type { MartShape } from './shape.js'
import { vw1 } from './vw1.js'

export const LAYERS = ['VW_1', 'DT_2', 'DT_3A', 'DT_3'] as const
export type Layer = (typeof LAYERS)[number]

export interface PlannedObject {
  readonly layer: Layer
  readonly name: string
  readonly plan: Rel
}

export interface PipelineObject {
  readonly layer: Layer
  readonly object_name: string
  readonly object_type: 'VIEW' | 'TABLE' | 'DYNAMIC_TABLE'
  /** Of a dynamic table. */
  readonly refresh: Refresh | null
  /** One statement, without the semicolon. */
  readonly ddl: string
  readonly unsupported: readonly string[]
}

export interface Refresh {
  readonly mode: 'INCREMENTAL' | 'FULL'
  readonly reason: string
}

export function planPipeline(shape: MartShape, formulas: readonly Formula[]): readonly PlannedObject[] {
  const names = objectNames(shape.config)
  return [
    { layer: 'VW_1', name: names.vw1, plan: vw1(shape) },
    { layer: 'DT_2', name: names.dt2, plan: dt2(shape) },
    { layer: 'DT_3A', name: names.dt3a, plan: dt3a(shape) },
    { layer: 'DT_3', name: names.dt3, plan: dt3(shape, formulas) },
  ]
}

export const printPipeline = (
  objects: readonly PlannedObject[],
  config: MartConfig,
  dialect: DialectName,
): readonly PipelineObject[] => objects.map((object) => printObject(object, config, PLAN_DIALECTS[dialect]))

function printObject(
  { layer, name, plan }: PlannedObject,
  config: MartConfig,
  dialect: PlanDialect,
): PipelineObject {
  const title = printName([name], dialect)
  const body = printPlan(plan, dialect)
  const isView = layer === 'VW_1'
  const refresh = isView || dialect.name !== 'snowflake' ? null : refreshOf(plan)
  const replacing = dialect.name === 'postgres' ? 'CREATE' : 'CREATE OR REPLACE'
  const head = refresh
    ? dynamicTable(title.sql, refresh, config, dialect, layer === 'DT_3')
    : isView
      ? `CREATE OR REPLACE VIEW ${title.sql} AS`
      : `${replacing} TABLE ${title.sql} AS`
  return {
    layer,
    object_name: name,
    object_type: isView ? 'VIEW' : refresh ? 'DYNAMIC_TABLE' : 'TABLE',
    refresh,
    ddl: `${head}\n${body.sql}`,
    unsupported: [...new Set([...title.unsupported, ...body.unsupported])],
  }
}

function refreshOf(plan: Rel): Refresh {
  const obstacles = incrementalObstacles(plan)
  if (obstacles.length > 0) return { mode: 'FULL', reason: obstacles.join('; ') }
  const reason =
    'joins, unions and aggregates only: no subquery outside FROM, no UNPIVOT, no window without a partition'
  return { mode: 'INCREMENTAL', reason }
}

function dynamicTable(
  name: string,
  { mode, reason }: Refresh,
  { snowflake }: MartConfig,
  dialect: PlanDialect,
  isLeaf: boolean,
): string {
  return [
    `-- REFRESH_MODE ${mode}: ${reason}.`,
    `CREATE OR REPLACE DYNAMIC TABLE ${name}`,
    `  TARGET_LAG = ${isLeaf ? dialect.text(snowflake.target_lag) : 'DOWNSTREAM'}`,
    `  WAREHOUSE = ${dialect.identifier(snowflake.warehouse)}`,
    `  REFRESH_MODE = ${mode}`,
    '  AS',
  ].join('\n')
}

/** The whole script: every statement with its semicolon. PostgreSQL does not replace tables, so they go first. */
export function scriptOf(objects: readonly PipelineObject[], dialect: DialectName): string {
  const drops =
    dialect === 'postgres'
      ? objects
          .map(({ object_name, object_type }) => {
            const name = printName([object_name], PLAN_DIALECTS.postgres).sql
            return `DROP ${object_type} IF EXISTS ${name};\n`
          })
          .reverse()
      : []
  return [...drops, ...objects.map(({ ddl }) => `${ddl};\n`)].join('\n')
}
