/**
 * Checks a draft against its structure and its source and makes the use case of it: every column, measure,
 * node and literal is looked up in what is really there, never guessed. All problems are found before any is
 * told.
 *
 * Raises TIE-2302 to TIE-2312 and the rule language's TIE-22xx.
 */

import { type Problem, problem, refuseAll } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { ColumnType, FactColumn } from '../engines/source.js'
import { bindFormula, formulaSums, parseFormula } from '../language/formula.js'
import { type LanguageProblems, listOf, toProblem } from '../language/language.js'
import { bindPredicate, type Predicate, parsePredicate } from '../language/predicate.js'
import { bindNodes, checkBindings } from './bindings.js'
import { type Tree, UNASSIGNED } from './hierarchy.js'
import { checkFormulaCycles } from './order.js'
import { checkRuleConflicts } from './resolver.js'
import { canonicalValue } from './row-owners.js'
import {
  DEFAULT_SCENARIOS,
  type Driver,
  type Measure,
  type Rule,
  type SourceSpec,
  sourceName,
  type UseCase,
} from './use-case.js'
import type { RuleDraft, UseCaseDraft } from './use-case-draft.js'
import type { Path, PlaceOf } from './use-case-file.js'

export interface BindContext {
  readonly tree: Tree
  readonly source: SourceSpec
  readonly columns: readonly FactColumn[]
  readonly placeOf: PlaceOf
}

/** What a source says of where its facts are. */
const NEEDED = {
  books: ['table'],
  duckdb: ['path'],
  snowflake: ['connection', 'table'],
} as const

/** The source of a draft; its path is taken as it is. Raises TIE-2302 and TIE-2312. */
export function sourceOf(draft: UseCaseDraft, placeOf: PlaceOf): SourceSpec {
  const { source } = draft
  const problems: Problem[] = []
  for (const what of ['date', 'scenario'] as const) {
    if (source[what] === undefined) problems.push(problem('TIE-2312', { what }, placeOf(['source'])))
  }
  const engine =
    source.engine ??
    (source.connection !== undefined ? 'snowflake' : source.path === undefined ? 'books' : 'duckdb')
  for (const wanted of NEEDED[engine]) {
    if (source[wanted] !== undefined) continue
    problems.push(
      problem('TIE-2302', { detail: `source: the engine ${engine} needs a ${wanted}.` }, placeOf(['source'])),
    )
  }
  for (const [what, goesWith] of [
    ['path', 'duckdb'],
    ['connection', 'snowflake'],
  ] as const) {
    if (engine === goesWith || source[what] === undefined) continue
    problems.push(
      problem(
        'TIE-2302',
        { detail: `source: a ${what} goes with engine: ${goesWith}.` },
        placeOf(['source', what]),
      ),
    )
  }
  refuseAll(problems)
  return {
    engine,
    ...(source.connection === undefined ? {} : { connection: source.connection }),
    table: source.table ?? null,
    path: source.path ?? null,
    date: source.date ?? null,
    scenario: source.scenario ?? null,
  }
}

export function bindUseCase(draft: UseCaseDraft, context: BindContext): UseCase {
  return new UseCaseBinder(draft, context).bind()
}

class UseCaseBinder {
  private readonly problems: Problem[] = []
  private readonly types: ReadonlyMap<string, ColumnType>
  private readonly measures: readonly Measure[]

  constructor(
    private readonly draft: UseCaseDraft,
    private readonly context: BindContext,
  ) {
    this.types = new Map(context.columns.map(({ name, type }) => [name, type]))
    this.measures = draft.measures
  }

  bind(): UseCase {
    const { draft } = this
    const { source, tree, placeOf } = this.context
    this.checkSource(source)
    this.checkMeasures()
    const drivers = this.drivers()
    const rules = draft.rules.flatMap((rule, i) => this.rule(rule, i) ?? [])
    this.stopOnProblems()
    const bindings = bindNodes(tree, drivers)
    const canonical = (column: string, value: string): string =>
      canonicalValue(value, this.types.get(column)!)
    this.problems.push(...checkBindings(tree, bindings, canonical, placeOf(['drivers'])))
    const ruleAt = (no: number) => placeOf(['rules', no - 1])
    this.problems.push(...checkRuleConflicts(rules, this.measures, ruleAt))
    this.stopOnProblems()
    this.problems.push(...checkFormulaCycles(tree, rules, this.measures, bindings, draft.policy, ruleAt))
    this.stopOnProblems()
    return {
      name: draft.use_case,
      description: draft.description ?? null,
      structure: draft.structure,
      source,
      measures: this.measures,
      policy: draft.policy,
      scenarios: draft.scenarios ?? DEFAULT_SCENARIOS,
      drivers,
      rules,
    }
  }

  private stopOnProblems(): void {
    refuseAll(this.problems)
  }

  private columnProblem(column: string, role: string, path: Path): void {
    const known = [...this.types.keys()]
    const params = { source: sourceName(this.context.source), column, role, known: listOf(known) }
    this.problems.push(
      problem('TIE-2304', { ...params, suggestion: didYouMean(column, known) }, this.context.placeOf(path)),
    )
  }

  private checkSource({ date, scenario }: SourceSpec): void {
    if (date !== null && !this.types.has(date))
      this.columnProblem(date, 'the date of the source', ['source', 'date'])
    if (scenario !== null && !this.types.has(scenario))
      this.columnProblem(scenario, 'the scenario of the source', ['source', 'scenario'])
    if (date !== null && this.types.has(date) && this.types.get(date) !== 'date') {
      const detail = `source.date: column "${date}" is ${this.types.get(date)}, not a date.`
      this.problems.push(problem('TIE-2302', { detail }, this.context.placeOf(['source', 'date'])))
    }
  }

  private checkMeasures(): void {
    const { placeOf } = this.context
    if (this.measures.length === 0) {
      this.problems.push(
        problem('TIE-2302', { detail: 'measures: at least one is needed.' }, placeOf(['measures'])),
      )
    }
    for (const { name, column } of this.measures)
      this.checkNumeric(column, `the measure ${name}`, ['measures', name])
  }

  private checkNumeric(column: string, role: string, path: Path): boolean {
    const type = this.types.get(column)
    if (type === 'numeric') return true
    if (type === undefined) this.columnProblem(column, role, path)
    else {
      const numeric = [...this.types].filter(([, t]) => t === 'numeric').map(([name]) => name)
      const params = { column, source: sourceName(this.context.source), type, role, known: listOf(numeric) }
      this.problems.push(
        problem(
          'TIE-2305',
          { ...params, suggestion: didYouMean(column, numeric) },
          this.context.placeOf(path),
        ),
      )
    }
    return false
  }

  private drivers(): readonly Driver[] | null {
    const { tree } = this.context
    const { drivers } = this.draft
    if (drivers === undefined) {
      const columns = new Set(tree.nodes.flatMap(({ rollup_driver }) => rollup_driver ?? []))
      for (const column of columns) {
        if (!this.types.has(column))
          this.columnProblem(column, `a rollup_driver of the structure ${this.draft.structure}`, [
            'structure',
          ])
      }
      return null
    }
    drivers.forEach(({ column, nodes }, i) => {
      if (!this.types.has(column)) this.columnProblem(column, 'a driver', ['drivers', i, 'column'])
      if (typeof nodes === 'string') return
      for (const [j, node] of nodes.entries()) this.checkNode(node, 'a driver', ['drivers', i, 'nodes', j])
    })
    return drivers
  }

  private checkNode(node: string, role: string, path: Path): boolean {
    const { tree, placeOf } = this.context
    if (tree.positions.has(node) && node !== UNASSIGNED) return true
    const orphan = tree.orphans.find(({ node_id }) => node_id === node)
    const params = {
      structure: this.draft.structure,
      node,
      role,
      suggestion: didYouMean(node, tree.positions.keys()),
    }
    this.problems.push(
      orphan === undefined
        ? problem('TIE-2306', params, placeOf(path))
        : problem('TIE-2311', { node, parent: orphan.parent_node_id ?? '' }, placeOf(path)),
    )
    return false
  }

  private rule(draft: RuleDraft, index: number): Rule | undefined {
    const path = ['rules', index]
    const known = this.checkNode(draft.node, `rule ${index + 1}`, [...path, 'node'])
    const base = { no: index + 1, node: draft.node, note: draft.note ?? null }
    const rule =
      draft.formula === undefined ? this.filter(base, draft, path) : this.arithmetic(base, draft, path)
    return known ? rule : undefined
  }

  private shapeProblem(detail: string, path: Path): undefined {
    this.problems.push(problem('TIE-2310', { detail }, this.context.placeOf(path)))
    return undefined
  }

  private filter(base: RuleBase, draft: RuleDraft, path: Path): Rule | undefined {
    const scope = draft.scope ?? 'node'
    if (draft.where === undefined && draft.measure_name === undefined) {
      return this.shapeProblem(`Rule ${base.no} on ${base.node} has neither where nor formula.`, path)
    }
    if (draft.measure_name === undefined && draft.into !== undefined) {
      return this.shapeProblem(
        `Rule ${base.no} on ${base.node} has into without measure_name: a filter sets every measure.`,
        [...path, 'into'],
      )
    }
    const where = draft.where === undefined ? null : this.predicate(draft.where, [...path, 'where'])
    if (draft.measure_name === undefined) {
      return where === undefined || where === null ? undefined : { ...base, flavour: 'filter', scope, where }
    }
    const column = this.switchColumn(draft.measure_name, [...path, 'measure_name'])
    const into = this.into(draft.into, [...path, 'into']) ?? this.measures[0]?.name
    if (where === undefined || column === undefined || into === undefined) return undefined
    return {
      ...base,
      flavour: 'measure_switch',
      scope,
      where,
      measure_name: draft.measure_name,
      column,
      into,
    }
  }

  /** A measure's name, else a numeric column. */
  private switchColumn(name: string, path: Path): string | undefined {
    const measure = this.measures.find((known) => known.name === name)
    if (measure !== undefined) return measure.column
    return this.checkNumeric(name, 'measure_name', path) ? name : undefined
  }

  private into(name: string | undefined, path: Path): string | undefined {
    if (name === undefined) return undefined
    const known = this.measures.map((measure) => measure.name)
    if (known.includes(name)) return name
    const params = { measure: name, known: known.join(', '), suggestion: didYouMean(name, known) }
    this.problems.push(problem('TIE-2303', params, this.context.placeOf(path)))
    return undefined
  }

  private arithmetic(base: RuleBase, draft: RuleDraft, path: Path): Rule | undefined {
    if (draft.where !== undefined || draft.scope !== undefined || draft.measure_name !== undefined) {
      return this.shapeProblem(
        `Rule ${base.no} on ${base.node} has a formula beside where, scope or measure_name.`,
        path,
      )
    }
    const at = [...path, 'formula']
    const parsed = parseFormula(draft.formula!)
    if (!parsed.ok) return this.languageProblems(parsed, at)
    const { tree } = this.context
    const nodes = new Map(tree.nodes.map((node) => [node.node_id, { name: node.node_name }]))
    const measures = new Map(this.measures.map(({ name, column }) => [name, column]))
    const bound = bindFormula(parsed.formula, { nodes, columns: this.types, measures }, parsed)
    if (!bound.ok) return this.languageProblems(bound, at)
    const into = this.into(draft.into, [...path, 'into'])
    const first = formulaSums(bound.formula).length > 0 ? this.measures[0]?.name : undefined
    return { ...base, flavour: 'arithmetic', formula: bound.formula, into: into ?? first ?? null }
  }

  private predicate(text: string, path: Path): Predicate | undefined {
    const parsed = parsePredicate(text)
    if (!parsed.ok) return this.languageProblems(parsed, path)
    const bound = bindPredicate(parsed.predicate, this.types, parsed)
    return bound.ok ? bound.predicate : this.languageProblems(bound, path)
  }

  private languageProblems({ problems }: LanguageProblems, path: Path): undefined {
    for (const found of problems)
      this.problems.push(toProblem(found, this.context.placeOf(path, found.offset)))
    return undefined
  }
}

type RuleBase = Pick<Rule, 'no' | 'node' | 'note'>
