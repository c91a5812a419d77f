/**
 * Checks as files: one query each for plain SQL, and a Great Expectations 1.x suite over DT_3. Both come from the same
 * checks; a query gives the rows that break its check. Raises nothing.
 */

import { type DialectName, PLAN_DIALECTS, type PlanDialect } from '../../engines/plan/dialects.js'
import { printPlan } from '../../engines/plan/print.js'
import { brokenBy, type MartCheck } from './check.js'

/** The version whose form of a suite this is. */
const GX_VERSION = '1.0.0'

export interface WrittenFile {
  /** Within the folder, with slashes. */
  readonly path: string
  readonly text: string
}

/** One query, without the semicolon. */
const checkQuery = (check: MartCheck, dialect: DialectName): string =>
  printPlan(brokenBy(check), PLAN_DIALECTS[dialect]).sql

export const unsupportedBy = (checks: readonly MartCheck[], dialect: DialectName): readonly string[] =>
  checks.flatMap((check) => printPlan(brokenBy(check), PLAN_DIALECTS[dialect]).unsupported)

export const sqlChecks = (checks: readonly MartCheck[], dialect: DialectName): readonly WrittenFile[] =>
  checks.map((check) => ({
    path: `sql/${check.name}.sql`,
    text: `-- ${oneLine(check.statement)}\n-- Gives the rows that break this: none where it holds.\n${checkQuery(check, dialect)};\n`,
  }))

/** A comment ends with its line. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n]+/g, ' ')

/** What GX knows by itself is said in its own words where it is about DT_3; the rest are queries. */
export function expectationSuite(checks: readonly MartCheck[], name: string, dialect: DialectName): string {
  const expectations = checks.map((check) => {
    const meta = { name: check.name, notes: check.statement }
    const { rule } = check
    if (check.layer === 'DT_3' && rule.kind !== 'rows') {
      const kwargs = {
        column: rule.column,
        ...(rule.kind === 'values' ? { value_set: rule.values } : {}),
      }
      return { type: GX_TYPES[rule.kind], kwargs, meta }
    }
    const kwargs = { unexpected_rows_query: gxQuery(check, dialect) }
    return { type: 'unexpected_rows_expectation', kwargs, meta }
  })
  const suite = { name, expectations, meta: { great_expectations_version: GX_VERSION } }
  return `${JSON.stringify(suite, null, 2)}\n`
}

const GX_TYPES = {
  not_null: 'expect_column_values_to_not_be_null',
  unique: 'expect_column_values_to_be_unique',
  values: 'expect_column_values_to_be_in_set',
} as const

/** GX fills in what stands in braces, and its driver what follows a colon: names and texts are out of their reach. */
const gxText = (sql: string): string =>
  sql.replaceAll(/[{}]/g, '$&$&').replaceAll(/(?<![:\w\\]):(?=\w)/g, '\\:')

/**
 * Objects stand by their names: what GX puts for `{batch}` is a query with an alias of its own, which these queries,
 * most of them over several objects, have no place for.
 */
function gxQuery(check: MartCheck, dialect: DialectName): string {
  const plain = PLAN_DIALECTS[dialect]
  const guarded: PlanDialect = {
    ...plain,
    identifier: (name) => gxText(plain.identifier(name)),
    text: (value) => gxText(plain.text(value)),
  }
  return printPlan(brokenBy(check), guarded).sql
}
