/**
 * A whole dbt project of a mart, as files: models by `ref()` and `source()`, tests from the checks, unit tests,
 * descriptions and a profile whose secrets come from the environment. The same bytes for the same input.
 * Raises nothing.
 */

import { stringify } from 'yaml'
import { type DialectName, PLAN_DIALECTS } from '../../engines/plan/dialects.js'
import { incrementalObstacles } from '../../engines/plan/incremental.js'
import { type NameInstead, printPlan } from '../../engines/plan/print.js'
import type { MartCheck } from '../checks/check.js'
import { brokenBy } from '../checks/check.js'
import type { WrittenFile } from '../checks/write-checks.js'
import type { MartConfig } from '../config.js'
import type { Formula } from '../formulas/cascade.js'
import { spokenName } from '../formulas/names.js'
import type { PlannedObject } from '../pipeline/pipeline.js'
import type { MartShape } from '../pipeline/shape.js'
import { jinjaDialect, jinjaString, jinjaText, slug } from './jinja.js'
import { profileOf } from './profile.js'
import { DbtSources, type DbtTable } from './sources.js'
import { unitTests } from './unit-tests.js'

export interface DbtInput {
  readonly projectName: string
  readonly dialect: DialectName
  readonly shape: MartShape
  readonly formulas: readonly Formula[]
  readonly objects: readonly PlannedObject[]
  /** Of DT_3, in order. */
  readonly columns: readonly string[]
  readonly checks: readonly MartCheck[]
  readonly tables: readonly DbtTable[]
  /** Of the source, from the project's folder. */
  readonly location: string
}

export interface DbtProject {
  readonly files: readonly WrittenFile[]
  readonly unsupported: readonly { readonly object: string; readonly what: string }[]
}

const model = (object: string): string => slug(object)

export function dbtProject(input: DbtInput): DbtProject {
  const { projectName, dialect, shape, objects, checks } = input
  const sources = new DbtSources(input.tables, dialect, input.location)
  const jinja = jinjaDialect(PLAN_DIALECTS[dialect])
  const made = new Set(objects.map(({ name }) => name))
  const instead: NameInstead = (parts) =>
    parts.length === 1 && made.has(parts[0]!) ? `{{ ref('${model(parts[0]!)}') }}` : sources.callOf(parts)
  const printed = objects.map((object) => ({ object, ...printPlan(object.plan, jinja, instead) }))
  const tests = checks
    .filter(({ rule }) => rule.kind === 'rows')
    .map((check) => ({ check, ...printPlan(brokenBy(check), jinja, instead) }))
  const units = unitTests(shape, { model, source: (parts) => sources.inputOf(parts) }, jinja)
  const project = slug(projectName)
  const files = [
    { path: 'dbt_project.yml', text: yaml(projectFile(project)) },
    { path: 'profiles.yml', text: yaml(profileOf(project, dialect, sources.attachments())) },
    { path: 'README.md', text: readme(input) },
    { path: 'models/sources.yml', text: yaml({ version: 2, sources: sources.entries() }) },
    {
      path: 'models/schema.yml',
      text: yaml({ version: 2, models: models(input), ...(units.length === 0 ? {} : { unit_tests: units }) }),
    },
    ...printed.map(({ object, sql }) => ({
      path: `models/${model(object.name)}.sql`,
      text: `${modelHead(object, shape.config, dialect)}\n${sql}\n`,
    })),
    ...tests.map(({ check, sql }) => ({
      path: `tests/${check.name}.sql`,
      text: `-- ${jinjaText(check.statement.replaceAll(/[\r\n]+/g, ' '))}\n${sql}\n`,
    })),
  ]
  return {
    files,
    unsupported: [
      ...printed.flatMap(({ object, unsupported }) =>
        unsupported.map((what) => ({ object: object.name, what })),
      ),
      ...tests.flatMap(({ check, unsupported }) => unsupported.map((what) => ({ object: check.name, what }))),
    ],
  }
}

const yaml = (content: unknown): string => stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })

const projectFile = (name: string): object => ({
  name,
  version: '1.0.0',
  'config-version': 2,
  'require-dbt-version': '>=1.10.5',
  profile: name,
  'model-paths': ['models'],
  'test-paths': ['tests'],
  'target-path': 'target',
  'clean-targets': ['target'],
  quoting: { identifier: true },
  flags: { require_generic_test_arguments_property: true, send_anonymous_usage_stats: false },
})

function modelHead(
  { layer, name, plan }: PlannedObject,
  { snowflake }: MartConfig,
  dialect: DialectName,
): string {
  // A view on DuckDB would look for the files from wherever it is asked.
  const isView = layer === 'VW_1' && dialect !== 'duckdb'
  const settings: [string, string][] = [['alias', name]]
  if (isView) settings.unshift(['materialized', 'view'])
  else if (dialect !== 'snowflake') settings.unshift(['materialized', 'table'])
  else {
    const isLeaf = layer === 'DT_3'
    settings.unshift(['materialized', 'dynamic_table'])
    settings.push(
      ['snowflake_warehouse', snowflake.warehouse],
      ['target_lag', isLeaf ? snowflake.target_lag : 'downstream'],
      ['refresh_mode', incrementalObstacles(plan).length === 0 ? 'INCREMENTAL' : 'FULL'],
      ['on_configuration_change', 'apply'],
    )
  }
  return `{{ config(\n${settings.map(([key, value]) => `    ${key}=${jinjaString(value)}`).join(',\n')}\n) }}`
}

const PURPOSE: Readonly<Record<PlannedObject['layer'], string>> = {
  VW_1: 'Every active node with its mapping rows; each ID_SOURCE is translated to the dimension and column it stands for.',
  DT_2: 'One row for every node, and for each of its groups one for every combination of dimension keys.',
  DT_3A:
    'Facts summed up by node and grain: one branch for each join pattern, less exclusions, with the sign of the node.',
  DT_3: 'The mart: details, totals of the level paths, and the formulas.',
}

const COLUMNS: Readonly<Record<string, string>> = {
  SURROGATE_KEY: 'MD5 of the node key and the grain: the same in every engine and run.',
  NODE_SURROGATE_KEY: 'MD5 that names a node, a total or a formula.',
  NODE_RANK: 'Dense rank of NODE_SURROGATE_KEY; it moves when nodes come and go.',
  ROW_KIND: 'DETAIL, TOTAL or FORMULA.',
  FORMULA_LEVEL: 'Of a formula: 1 to 5.',
  ADDITIVE_FLAG: 'Y where the figures of several rows may be summed up.',
  XREF_HIERARCHY_KEY: 'The node; empty for totals and for formulas that are no node.',
  HIERARCHY_GROUP_NAME: 'The group name of the node.',
}

function models({ objects, shape, formulas, columns, checks }: DbtInput): readonly object[] {
  return objects.map(({ layer, name }) => {
    const own = checks.filter((check) => check.layer === layer)
    const tested = (column: string): object[] =>
      own.flatMap(({ name: test, rule }): object[] => {
        if (rule.kind === 'rows' || rule.column !== column) return []
        if (rule.kind === 'not_null') return [{ not_null: { name: test } }]
        if (rule.kind === 'unique') return [{ unique: { name: test } }]
        return [{ accepted_values: { name: test, arguments: { values: rule.values } } }]
      })
    const named = own.flatMap(({ rule }) => (rule.kind === 'rows' ? [] : [rule.column]))
    const shown = layer === 'DT_3' ? columns : [...new Set(named)]
    const cascade = formulas.map(({ result, level }) => `${spokenName(result)} (level ${level})`).join(', ')
    const description =
      layer === 'DT_3' && formulas.length > 0 ? `${PURPOSE[layer]} Formulas: ${cascade}.` : PURPOSE[layer]
    return {
      name: model(name),
      description: jinjaText(description),
      config: { tags: [layer.toLowerCase()] },
      columns: shown.map((column) => {
        const tests = tested(column)
        return {
          name: jinjaText(column),
          quote: true,
          description: jinjaText(columnText(column, shape.config)),
          ...(tests.length === 0 ? {} : { data_tests: tests }),
        }
      }),
    }
  })
}

function columnText(column: string, { fact, hierarchy, extension }: MartConfig): string {
  const known = COLUMNS[column]
  if (known !== undefined) return known
  const level = hierarchy.levels.findIndex((_, i) => column === `LEVEL_${i + 1}`)
  if (level >= 0) return `Level ${level + 1} of the path; below its end the level above it.`
  if (/^LEVEL_\d+_SORT$/.test(column)) return 'Place of the level in the order.'
  if (fact.grain.includes(column)) return 'Of the facts, kept as the grain.'
  if (extension?.columns.includes(column) === true) return `Of the extension ${extension.table}.`
  if (column.endsWith('_STATUS')) return 'Why the figure is empty; empty where there is one.'
  return 'The figure.'
}

const readme = ({ projectName, dialect, checks, shape }: DbtInput): string =>
  [
    `# ${projectName.replaceAll(/[\r\n]+/g, ' ')}`,
    '',
    `Made by \`tieout mart dbt\` for ${dialect}. \`dbt build\` makes VW_1, DT_2, DT_3A and DT_3 and runs ${checks.length} checks, each of which`,
    'held when this was written. `profiles.yml` takes what it needs from the environment.',
    '',
    ...shape.config.join_patterns.map(
      ({ name, join_keys }) => `- Join pattern \`${name}\`: ${join_keys.join(', ')}`,
    ),
    '',
  ].join('\n')
