/**
 * The documents of a bundle other than the facts: the run, its structure, its use case and its results, whole
 * and exact. The same run gives the same texts, wherever and whenever they are made. docs/bundles.md says what
 * is in them. Raises nothing.
 */

import { csvText } from '../../base/exact-csv.js'
import type { Finding } from '../../base/finding.js'
import type { RunHeader } from '../../books/run-headers.js'
import type { FactColumn } from '../../engines/source.js'
import type { Adjustment } from '../adjustments/adjustment.js'
import type { NodeRow } from '../hierarchy.js'
import { ruleText } from '../rule-text.js'
import type { StepRow } from '../store/adjustments.js'
import type { ResultRow } from '../store/results.js'
import type { Rule, UseCase } from '../use-case.js'
import { formulaSteps } from './formula-steps.js'

const jsonText = (document: object): string => `${JSON.stringify(document, null, 2)}\n`

export function runDocument(header: RunHeader, findings: readonly Finding[]): string {
  return jsonText({
    run_id: header.id,
    kind: header.kind,
    run_name: header.run_name,
    pnl_date: header.pnl_date,
    policy: header.policy,
    trial: header.trial,
    triggered_by: header.triggered_by,
    executed_at: header.executed_at,
    finished_at: header.finished_at,
    calculation_duration_ms: header.calculation_duration_ms,
    engine_version: header.engine_version,
    use_case_id: header.use_case_id,
    // With the versions, the division, the horizon, the scenarios and the tie-out.
    parameters: header.parameters,
    digests: header.digests,
    input_digest: header.input_digest,
    result_digest: header.result_digest,
    findings,
  })
}

/** `columns` are those of facts.csv, with how their values compare. */
export function useCaseDocument(useCase: UseCase, columns: readonly FactColumn[]): string {
  const { name, description, structure, source, measures, policy, scenarios, drivers, rules } = useCase
  return jsonText({
    name,
    description,
    structure,
    source,
    columns,
    measures,
    policy,
    scenarios,
    drivers,
    rules: rules.map(ruleDocument),
  })
}

function ruleDocument(rule: Rule): object {
  const { no, node, note, flavour } = rule
  const base = { no, node, flavour, text: ruleText(rule), note }
  switch (flavour) {
    case 'filter':
      return { ...base, scope: rule.scope, where: rule.where }
    case 'measure_switch': {
      const { scope, where, measure_name, column, into } = rule
      return { ...base, scope, where, measure_name, column, into }
    }
    case 'arithmetic':
      return { ...base, formula: formulaSteps(rule.formula), into: rule.into }
  }
}

/** Those in force in their order, and what each of them did. */
export const adjustmentsDocument = (inForce: readonly Adjustment[], steps: readonly StepRow[]): string =>
  jsonText({
    adjustments: inForce.map(({ no, name, definition, reason, owner, valid_from, valid_to }) => ({
      no,
      name,
      definition,
      reason,
      owner,
      valid_from,
      valid_to,
    })),
    steps,
  })

export const structureText = (rows: readonly NodeRow[]): string =>
  csvText(['node_id', 'parent_node_id', 'node_name', 'rollup_driver', 'rollup_value_source'], rows)

/** The exchange format of results; with what adjustments change where any were in force. */
export const resultsText = (rows: readonly ResultRow[], isAdjusted: boolean): string =>
  csvText(
    [
      'node_id',
      'parent_node_id',
      'node_name',
      'depth',
      'is_leaf',
      'measure',
      'scenario',
      'natural',
      'direct',
      ...(isAdjusted ? (['adjustment'] as const) : []),
      'adjusted',
      'plug',
      'fact_count',
      'rule',
    ],
    rows,
  )
