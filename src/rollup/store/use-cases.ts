/** Use cases and their rules in the books: every applied change is a version that never changes. Raises TIE-1102. */

import { type Digest, digestOf } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { TenantId, Tx } from '../../books/books.js'
import { formulaOfText, printFormula } from '../../language/formula.js'
import type { Predicate } from '../../language/predicate.js'
import { ruleText } from '../rule-text.js'
import { type Rule, sourceName, type UseCase, useCaseDigests } from '../use-case.js'

export interface StoredUseCase {
  readonly id: string
  readonly version: number
  readonly useCase: UseCase
}

export interface UseCaseSummary {
  readonly use_case_id: string
  readonly name: string
  readonly status: string
  readonly version: number
  readonly atlas_structure_id: string
  readonly input_table_name: string
  readonly measure_mapping: Readonly<Record<string, string>>
  readonly policy: string
}

export function listUseCases(tx: Tx): Promise<UseCaseSummary[]> {
  return tx.rows<UseCaseSummary>(
    `SELECT use_case_id, name, status, version, atlas_structure_id, input_table_name, measure_mapping, policy
       FROM use_cases ORDER BY name COLLATE "C"`,
  )
}

export interface FoundUseCase {
  readonly id: string
  /** The current one. */
  readonly version: number
  /** Trials have versions too, which never become the current one. */
  readonly newest: number
}

/** By name; `locked` until the end of the transaction for whoever is going to make or change it. */
export async function findUseCase(
  tx: Tx,
  name: string,
  mode: 'read' | 'locked' = 'read',
): Promise<FoundUseCase | undefined> {
  if (mode === 'locked') {
    await tx.execute(
      `SELECT pg_advisory_xact_lock(hashtextextended('use-case:' || tieout_current_tenant()::text || ':' || $1, 0))`,
      [name],
    )
  }
  const [row] = await tx.rows<FoundUseCase>(
    `SELECT u.use_case_id AS id, u.version,
       (SELECT max(v.version) FROM use_case_versions AS v WHERE v.use_case_id = u.use_case_id) AS newest
       FROM use_cases AS u WHERE u.name = $1`,
    [name],
  )
  return row
}

/** The use case of that name (or id) at its current version. */
export async function loadUseCase(tx: Tx, name: string): Promise<StoredUseCase> {
  const known = await listUseCases(tx)
  const found = known.find((one) => one.name === name) ?? known.find((one) => one.use_case_id === name)
  if (found === undefined)
    refuse('TIE-1102', {
      use_case: name,
      suggestion: didYouMean(
        name,
        known.map((one) => one.name),
      ),
    })
  return loadUseCaseVersion(tx, found.use_case_id, found.version)
}

type Definition = Omit<UseCase, 'rules'>

interface RuleRow {
  readonly rule_no: number
  readonly node_id: string
  readonly flavour: Rule['flavour']
  readonly scope: 'node' | 'table' | null
  readonly measure_name: string | null
  readonly switch_column: string | null
  readonly into_measure: string | null
  readonly predicate: Predicate | null
  readonly formula: string | null
  readonly note: string | null
}

export async function loadUseCaseVersion(tx: Tx, id: string, version: number): Promise<StoredUseCase> {
  const [row] = await tx.rows<{ definition: Definition }>(
    'SELECT definition FROM use_case_versions WHERE use_case_id = $1 AND version = $2',
    [id, version],
  )
  if (row === undefined) refuse('TIE-1102', { use_case: `${id} version ${version}` })
  const rules = await tx.rows<RuleRow>(
    `SELECT rule_no, node_id, flavour, scope, measure_name, switch_column, into_measure, predicate, formula, note
       FROM metadata_rules WHERE use_case_id = $1 AND use_case_version = $2 ORDER BY rule_no`,
    [id, version],
  )
  return { id, version, useCase: { ...row.definition, rules: rules.map(ruleOf) } }
}

function ruleOf(row: RuleRow): Rule {
  const base = { no: row.rule_no, node: row.node_id, note: row.note }
  const scope = row.scope ?? 'node'
  switch (row.flavour) {
    case 'filter':
      return { ...base, flavour: 'filter', scope, where: row.predicate! }
    case 'measure_switch': {
      const { measure_name, switch_column, into_measure } = row
      return {
        ...base,
        flavour: 'measure_switch',
        scope,
        where: row.predicate,
        measure_name: measure_name!,
        column: switch_column!,
        into: into_measure!,
      }
    }
    case 'arithmetic':
      return { ...base, flavour: 'arithmetic', formula: formulaOfText(row.formula!), into: row.into_measure }
  }
}

/** Of everything in a use case, for telling whether applying it again changes anything. */
export function useCaseDigest(useCase: UseCase): Digest {
  const { rules: _, ...definition } = useCase
  const notes = useCase.rules.map((rule) => [rule.no, rule.note])
  return digestOf(JSON.parse(JSON.stringify({ definition, notes, ...useCaseDigests(useCase) })))
}

export async function savedDigest(tx: Tx, id: string, version: number): Promise<string | undefined> {
  const [row] = await tx.rows<{ digest: string }>(
    'SELECT digest FROM use_case_versions WHERE use_case_id = $1 AND version = $2',
    [id, version],
  )
  return row?.digest
}

/** Stores the use case as the given version and makes it the current one. */
export async function saveUseCase(
  tx: Tx,
  tenant: TenantId,
  stored: StoredUseCase,
  appliedBy: string,
): Promise<void> {
  const { id, version, useCase } = stored
  const mapping = JSON.stringify(
    Object.fromEntries(useCase.measures.map(({ name, column }) => [name, column])),
  )
  await tx.execute(
    `INSERT INTO use_cases (tenant_id, use_case_id, name, description, version, atlas_structure_id, input_table_name, measure_mapping, policy)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
     ON CONFLICT (tenant_id, use_case_id) DO UPDATE SET description = excluded.description, version = excluded.version,
       atlas_structure_id = excluded.atlas_structure_id, input_table_name = excluded.input_table_name,
       measure_mapping = excluded.measure_mapping, policy = excluded.policy, updated_at = now()`,
    [
      tenant,
      id,
      useCase.name,
      useCase.description,
      version,
      useCase.structure,
      sourceName(useCase.source),
      mapping,
      useCase.policy,
    ],
  )
  await saveVersion(tx, tenant, stored, appliedBy)
}

/** A version beside the current one, which stays what it is: that of a trial. */
export async function saveVersion(
  tx: Tx,
  tenant: TenantId,
  { id, version, useCase }: StoredUseCase,
  appliedBy: string,
): Promise<void> {
  const { rules, ...definition } = useCase
  await tx.execute(
    'INSERT INTO use_case_versions (tenant_id, use_case_id, version, definition, digest, applied_by) VALUES ($1, $2, $3, $4::jsonb, $5, $6)',
    [tenant, id, version, JSON.stringify(definition), useCaseDigest(useCase), appliedBy],
  )
  if (rules.length === 0) return
  await tx.execute(
    `INSERT INTO metadata_rules (tenant_id, use_case_id, use_case_version, rule_no, node_id, flavour, scope, measure_name,
       switch_column, into_measure, predicate, formula, rule_text, note)
     SELECT $1::uuid, $2::uuid, $3::integer, r.* FROM jsonb_to_recordset($4::jsonb) AS r(rule_no integer, node_id text, flavour text,
       scope text, measure_name text, switch_column text, into_measure text, predicate jsonb, formula text, rule_text text, note text)`,
    [tenant, id, version, JSON.stringify(rules.map(ruleRow))],
  )
}

function ruleRow(rule: Rule): RuleRow & { readonly rule_text: string } {
  const isFilter = rule.flavour !== 'arithmetic'
  return {
    rule_no: rule.no,
    node_id: rule.node,
    flavour: rule.flavour,
    scope: isFilter ? rule.scope : null,
    measure_name: rule.flavour === 'measure_switch' ? rule.measure_name : null,
    switch_column: rule.flavour === 'measure_switch' ? rule.column : null,
    into_measure: rule.flavour === 'filter' ? null : rule.into,
    predicate: isFilter ? rule.where : null,
    formula: isFilter ? null : printFormula(rule.formula),
    rule_text: ruleText(rule),
    note: rule.note,
  }
}

/** The use cases, at their current versions, whose facts are in the table. */
export async function useCasesOfTable(tx: Tx, table: string): Promise<StoredUseCase[]> {
  const rows = await tx.rows<{ id: string; version: number }>(
    'SELECT use_case_id AS id, version FROM use_cases WHERE input_table_name = $1 ORDER BY name',
    [table],
  )
  const found: StoredUseCase[] = []
  for (const { id, version } of rows) found.push(await loadUseCaseVersion(tx, id, version))
  return found
}

export async function statusOf(tx: Tx, id: string): Promise<string> {
  const [row] = await tx.rows<{ status: string }>('SELECT status FROM use_cases WHERE use_case_id = $1', [id])
  return row!.status
}

export async function setStatus(tx: Tx, id: string, status: string): Promise<void> {
  await tx.execute('UPDATE use_cases SET status = $2, updated_at = now() WHERE use_case_id = $1', [
    id,
    status,
  ])
}
