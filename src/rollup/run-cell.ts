/**
 * One cell of a completed run, found by what a reader calls it, with everything its explanation stands on: the
 * versions the run recorded, its stored figures, and the facts it saw.
 *
 * Raises TIE-1103, TIE-1106, TIE-2303, TIE-2601 (node), TIE-2603 (scenario), TIE-2605 (a run without figures),
 * TIE-2602 (a file that is not what the run was calculated from), and what opening a source raises. Figures
 * that contradict each other, or facts of the books that contradict them, are a bug: Error.
 */

import { refuse } from '../base/errors.js'
import { didYouMean, nearest } from '../base/text.js'
import type { Tx } from '../books/books.js'
import type { RunHeader } from '../books/run-headers.js'
import type { FactRows, FactScope } from '../engines/fact-rows.js'
import type { ColumnType } from '../engines/source.js'
import { atomicTests } from '../language/evaluate.js'
import { formulaReferences, formulaSums } from '../language/formula.js'
import { bindNodes } from './bindings.js'
import { checkUseCase } from './check-use-case.js'
import { type CellInput, explainCell } from './explanation/explain-cell.js'
import type { Explanation } from './explanation/explanation.js'
import { type FactParts, factParts } from './explanation/fact-parts.js'
import { withFactRows } from './fact-rows.js'
import { nodeLabel, type Tree } from './hierarchy.js'
import { type RecordedInputs, recordedInputs } from './inputs.js'
import { resolveRules } from './resolver.js'
import { adjustmentsOn } from './store/adjustments.js'
import { loadCells } from './store/cells.js'
import { completedHeader } from './store/completed-run.js'
import type { Rule, UseCase } from './use-case.js'

export interface CellName {
  readonly run: string
  readonly node: string
  readonly measure: string
  /** By default the run's first. */
  readonly scenario?: string | undefined
}

export interface RunCell extends Omit<CellInput, 'facts'> {
  readonly header: RunHeader
  readonly inputs: RecordedInputs
}

export async function findCell(tx: Tx, name: CellName): Promise<RunCell> {
  const header = await completedHeader(tx, name.run)
  const inputs = await recordedInputs(tx, header)
  const { useCase, tree, policy } = inputs
  const through = Number(header.parameters.adjustments_through ?? 0)
  const adjustments = await adjustmentsOn(tx, inputs.useCaseId, inputs.date, through)
  const scenario = scenarioOf(header, name.scenario)
  const measure = measureOf(useCase, name.measure)
  const node = nodeOf(header, tree, name.node)
  const bindings = bindNodes(tree, useCase.drivers)
  const resolution = resolveRules(tree, useCase.rules, useCase.measures, bindings, policy)
  const rule = resolution.deciding[node]![measure]
  const operands =
    rule?.flavour === 'arithmetic' ? formulaReferences(rule.formula).map((leaf) => leaf.node) : []
  const children = tree.nodes[node]!.children.map((child) => tree.nodes[child]!.node_id)
  const cells = await loadCells(tx, {
    run: header.id,
    measure: useCase.measures[measure]!.name,
    scenario,
    nodes: [...new Set([tree.nodes[0]!.node_id, tree.nodes[node]!.node_id, ...children, ...operands])],
  })
  return {
    header,
    inputs,
    run: {
      run_id: header.id,
      run_name: header.run_name,
      use_case: useCase.name,
      pnl_date: inputs.date,
      policy,
    },
    tree,
    useCase,
    resolution,
    node,
    measure,
    scenario,
    cells,
    adjustedFacts: adjustments.inForce.length > 0,
  }
}

function scenarioOf({ id, parameters }: RunHeader, wanted: string | undefined): string {
  const scenarios = parameters.scenarios as readonly string[]
  const first = scenarios[0] ?? refuse('TIE-2605', { run: id })
  if (wanted === undefined || scenarios.includes(wanted)) return wanted ?? first
  const suggestion = didYouMean(wanted, scenarios)
  refuse('TIE-2603', { scenario: wanted, known: scenarios.join(', '), suggestion })
}

function measureOf({ measures }: UseCase, wanted: string): number {
  const known = measures.map(({ name }) => name)
  const found = known.indexOf(wanted)
  if (found >= 0) return found
  refuse('TIE-2303', {
    measure: wanted,
    known: known.join(', '),
    suggestion: didYouMean(wanted, known),
  })
}

function nodeOf({ id }: RunHeader, tree: Tree, wanted: string): number {
  const found = tree.positions.get(wanted)
  if (found !== undefined) return found
  const named = tree.nodes.filter(({ node_name }) => node_name === wanted)
  const near = nearest(wanted, [...tree.positions.keys(), ...tree.nodes.map(({ node_name }) => node_name)])
  const meant = tree.nodes.filter(
    ({ node_id, node_name }) => near.includes(node_id) || near.includes(node_name),
  )
  const labels = (named.length > 0 ? named : meant).slice(0, 3).map(nodeLabel)
  const suggestion =
    labels.length === 0
      ? ''
      : `${named.length > 0 ? 'It is the name of' : 'Did you mean'} ${labels.join(' or ')}${named.length > 0 ? '; write the id.' : '?'}`
  refuse('TIE-2601', { node: wanted, run: id, suggestion })
}

export interface ExplainedFacts {
  readonly explanation: Explanation
  readonly rows: FactRows
  readonly scope: FactScope
  readonly parts: FactParts
}

/** The cell with its facts, which are those the run saw or else refused, for the time of `work`. */
export function withExplainedFacts<T>(
  tx: Tx,
  cell: RunCell,
  work: (facts: ExplainedFacts) => Promise<T>,
): Promise<T> {
  const { inputs, useCase, tree, resolution, node, measure } = cell
  return withFactRows(tx, useCase.source, inputs.useCaseId, async (rows) => {
    const [problem] = checkUseCase(useCase, tree, rows.columns, inputs.policy)
    if (problem !== undefined) contradicted(cell, problem.message.replace(/\.$/, ''))
    const types = new Map(rows.columns.map(({ name, type }) => [name, type]))
    const rule = resolution.deciding[node]![measure]
    const [other] = rule === undefined ? [] : columnsOfOtherType(rule, types)
    if (other !== undefined)
      contradicted(cell, `column "${other}" holds other values than rule ${rule!.no} tests`)
    const parts = factParts({ tree, useCase, types, node, measure, rule })
    const scope = scopeOf(cell)
    const everything = { holds: [], fails: [], amounts: [useCase.measures[measure]!.column] }
    const [whole, ...totals] = await rows.totals(scope, [everything, ...parts.values()])
    const named = new Map([...parts.keys()].map((part, i) => [part, totals[i]!]))
    const explanation = explainCell({ ...cell, facts: { parts: named, whole: whole! } })
    checkFigures(explanation)
    const broken = explanation.checks.find(({ holds }) => !holds)
    if (broken !== undefined)
      contradicted(cell, `${broken.text} does not hold: ${broken.left} against ${broken.right}`)
    return work({ explanation, rows, scope, parts })
  })
}

/** The figures alone, where their facts cannot be had any more. */
export function explainedWithoutFacts(cell: RunCell, unavailable: string): Explanation {
  const explanation = explainCell({ ...cell, facts: { unavailable } })
  checkFigures(explanation)
  return explanation
}

function checkFigures({ checks, run_id }: Explanation): void {
  const broken = checks.find(({ about, holds }) => about === 'figures' && !holds)
  if (broken !== undefined)
    throw new Error(`run ${run_id}: ${broken.text} does not hold: ${broken.left} against ${broken.right}`)
}

/** Columns whose type the literals of a rule do not have: a CSV's types follow its content. */
function columnsOfOtherType(rule: Rule, types: ReadonlyMap<string, ColumnType>): string[] {
  const predicates =
    rule.flavour === 'arithmetic' ? formulaSums(rule.formula).map(({ where }) => where) : [rule.where]
  return predicates
    .flatMap((where) => (where === undefined || where === null ? [] : atomicTests(where)))
    .filter((test) => {
      const literals =
        'value' in test
          ? [test.value]
          : 'values' in test
            ? test.values
            : 'low' in test
              ? [test.low, test.high]
              : []
      const kind = types.get(test.column) === 'numeric' ? 'number' : types.get(test.column)!
      return test.op === 'like' ? kind !== 'text' : literals.some((literal) => !(kind in literal))
    })
    .map(({ column }) => column)
}

/** A file read in place may have been changed by anybody; facts of the books cannot. */
function contradicted({ header, useCase: { source } }: RunCell, detail: string): never {
  if (source.engine === 'books')
    throw new Error(`the facts of run ${header.id} are not as it saw them: ${detail}`)
  refuse('TIE-2602', { source: source.path!, run: header.id, detail })
}

/** The facts the run saw: of its date and the scenario, as far as they had arrived. */
function scopeOf({ inputs: { date, through }, useCase: { source }, scenario }: RunCell): FactScope {
  return {
    where: [
      ...(source.date === null ? [] : [{ column: source.date, equals: date }]),
      ...(source.scenario === null ? [] : [{ column: source.scenario, equals: scenario }]),
    ],
    through,
  }
}
