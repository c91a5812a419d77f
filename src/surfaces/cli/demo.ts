/**
 * The samples from files to figures: structure, facts, use case, run, for each of the three, then a mart, run and
 * proved; then what a controller would look at. Everything is imported and applied the way a user would; what is there
 * already is left alone, so the demo can be run again and again.
 */

import { join, relative } from 'node:path'
import type { Finding } from '../../base/finding.js'
import { plural } from '../../base/text.js'
import { CATALOGUE } from '../catalogue.js'
import type { Session } from '../session.js'
import type { CommandContext } from './command-line.js'
import { type MartRowsShown, statementText } from './mart-view.js'
import { findingsText, type TieOutRow, type TreeView, tieOutText, treeText } from './run-view.js'

interface Sample {
  readonly folder: string
  readonly structure: string
  readonly useCase: string
  /** Null: the built-in entries table, which needs the use case first. */
  readonly table: string | null
}

const SAMPLES: readonly Sample[] = [
  { folder: 'america-trading', structure: 'AMERICA', useCase: 'America Trading P&L', table: 'fact_pnl_gold' },
  { folder: 'project-sterling', structure: 'STERLING', useCase: 'Project Sterling', table: null },
  {
    folder: 'cash-equity',
    structure: 'CASH_EQUITY',
    useCase: 'Cash Equity Trading',
    table: 'fact_pnl_use_case_3',
  },
]

const DATE = '2025-12-24'

/** Runs an operation of the catalogue by name. */
async function perform<T>(
  session: Session,
  name: string,
  input: Readonly<Record<string, unknown>>,
): Promise<T> {
  const operation = CATALOGUE.find((one) => one.name === name)
  if (operation === undefined) throw new Error(`there is no operation ${name}`)
  return (await operation.run(session.context, operation.input.parse(input) as never)) as T
}

export async function runDemo(context: CommandContext): Promise<number> {
  const began = context.environment.elapsed()
  return context.withSession(async (session) => {
    const runs: SampleRun[] = []
    for (const sample of SAMPLES) {
      await loadSample(context, session, sample)
      const run = await calculateSample(session, sample)
      runs.push(run)
      if (context.options.json !== true) printSample(context, run)
    }
    const mart = await proveMart(context, session)
    if (context.options.json !== true) printMart(context, mart)
    const checked = await perform<{ ok: boolean }>(session, 'verify-hybrid-engine', {})
    const seconds = ((context.environment.elapsed() - began) / 1000).toFixed(1)
    if (context.options.json === true)
      context.print(`${JSON.stringify({ runs, mart, verified: checked }, null, 2)}\n`)
    else printEnd(context, checked.ok, seconds)
    return checked.ok && mart.proof.valid ? 0 : 1
  })
}

function printEnd(context: CommandContext, ok: boolean, seconds: string): void {
  const { style, print } = context
  print(
    ok
      ? `${style.green('✓')} Every natural figure equals an independent SQL roll-up of the facts.\n`
      : `${style.red('✗')} The SQL roll-up disagrees.\n`,
  )
  const where = style.dim(`(${seconds} s so far; the database is ${shownPath(context)})`)
  print(`\n${style.bold('Try next')} ${where}\n${nextCommands(context)}\n`)
}

const shownPath = ({ settings, environment }: CommandContext): string =>
  settings.db.origin === 'default' ? relative(environment.directory, settings.db.value) : settings.db.value

function nextCommands({ settings, style }: CommandContext): string {
  const db = settings.db.origin === 'default' ? '' : ` --db ${settings.db.value}`
  return [
    ['runs list', 'every run, newest first'],
    ['runs show RUN_ID', 'inputs, digests, tie-out, findings'],
    ['runs results RUN_ID --format csv', 'every cell'],
    ['runs verify RUN_ID', 'calculate it again and compare digests'],
    ['verify-hybrid-engine', 'the second opinion, by SQL'],
    ['mart run examples/mart/balance/mart.yaml --format csv', 'the rows of the mart'],
    ["use-cases show 'Cash Equity Trading'", 'rules and what becomes of them'],
    ["use-cases export 'Cash Equity Trading'", 'the reviewable file'],
    ['doctor', 'is everything in order?'],
  ]
    .map(([command, why]) => `  npx tieout ${command}${db}  ${style.dim(`# ${why}`)}`)
    .join('\n')
}

async function loadSample(
  context: CommandContext,
  session: Session,
  { folder, structure, useCase, table }: Sample,
): Promise<void> {
  const file = (name: string): string => join(context.environment.packageDirectory, 'examples', folder, name)
  await perform(session, 'structures import', { name: structure, file: file('structure.csv') })
  if (table !== null) await perform(session, 'facts import', { file: file('facts.csv'), table })
  await perform(session, 'use-cases apply', { file: file('use-case.yaml') })
  if (table === null) await perform(session, 'facts import', { file: file('facts.csv'), use_case: useCase })
}

interface Created {
  readonly run_id: string
  readonly facts: number
  readonly cells: number
  readonly duration_ms: number
  readonly result_digest: string
  readonly tie_out: readonly TieOutRow[]
  readonly findings: readonly Finding[]
}

interface SampleRun {
  readonly use_case: string
  readonly description: string | null
  readonly run: Created
  readonly results: Pick<TreeView, 'has_adjustments' | 'rows' | 'variance'>
}

async function calculateSample(session: Session, { useCase }: Sample): Promise<SampleRun> {
  const run = await perform<Created>(session, 'runs create', { use_case: useCase, date: DATE, name: 'Demo' })
  const results = await perform<SampleRun['results']>(session, 'runs results', { run: run.run_id })
  const { description } = await perform<{ description: string | null }>(session, 'use-cases show', {
    use_case: useCase,
  })
  return { use_case: useCase, description, run, results }
}

function printSample(
  { style, print }: CommandContext,
  { use_case, description, run, results }: SampleRun,
): void {
  const measure = results.rows[0]?.measure ?? ''
  const scenarios = [...new Set(results.rows.map(({ scenario }) => scenario))]
  const title = `${use_case} · ${DATE}`
  print(`\n${style.bold(title)}\n${'━'.repeat(title.length)}\n${style.dim(description ?? '')}\n\n`)
  print(`${treeText({ ...results, measure, scenarios }, style)}\n\n`)
  print(`${tieOutText(run.tie_out, style)}\n\n${findingsText(run.findings, style)}\n\n`)
  const counts = `${plural(run.facts, 'fact')} → ${plural(run.cells, 'cell')} in ${run.duration_ms} ms`
  print(`run ${run.run_id}  ${counts}\n${style.dim(run.result_digest)}\n`)
}

const MART = 'balance'

interface ProvedMart {
  readonly project_name: string
  readonly rows: MartRowsShown
  readonly proof: {
    readonly valid: boolean
    readonly comparisons: readonly { readonly cells: number; readonly differences: number }[]
    readonly checks: readonly { readonly holds: boolean }[]
    readonly findings: readonly Finding[]
  }
}

async function proveMart({ environment }: CommandContext, session: Session): Promise<ProvedMart> {
  const file = join(environment.packageDirectory, 'examples', 'mart', MART, 'mart.yaml')
  const { project_name, columns, rows } = await perform<MartRowsShown & { project_name: string }>(
    session,
    'mart run',
    { file },
  )
  const proof = await perform<ProvedMart['proof']>(session, 'mart validate', { file })
  return { project_name, rows: { columns, rows }, proof }
}

function printMart({ style, print }: CommandContext, { project_name, rows, proof }: ProvedMart): void {
  const title = `${project_name} · a warehouse mart`
  print(`\n${style.bold(title)}\n${'━'.repeat(title.length)}\n\n${statementText(rows, style)}\n\n`)
  const differences = proof.comparisons.reduce((sum, one) => sum + one.differences, 0)
  const mark = proof.valid ? style.green('✓') : style.red('✗')
  const held = proof.checks.filter(({ holds }) => holds).length
  print(
    `${mark} DuckDB = PostgreSQL = evaluator: ${plural(proof.comparisons[0]?.cells ?? 0, 'cell')}, ${plural(differences, 'difference')}; ${held} of ${plural(proof.checks.length, 'check')} hold.\n\n`,
  )
  print(`${findingsText(proof.findings, style)}\n\n`)
}
