/**
 * Makes a mart of a use case: hierarchy, mapping, dimensions and facts as CSV files beside the configuration, which is
 * written last, so that it never names a table that is not there. Facts are streamed. Raises TIE-2801, TIE-2802, TIE-5033.
 */

import { dirname, join } from 'node:path'
import { canonicalDecimal, parseDecimal } from '../../base/decimal.js'
import { refuse } from '../../base/errors.js'
import { csvLine } from '../../base/exact-csv.js'
import type { Finding } from '../../base/finding.js'
import { agreeing, plural } from '../../base/text.js'
import type { Context } from '../../books/operation.js'
import { type FilePlace, refuseTaken, writeTextWhole } from '../../books/whole-file.js'
import { checkedConfig, type Edited } from '../config-edit.js'
import type { Cell } from '../table.js'
import { factColumns, type MartNames, martNames, useCaseConfigText } from '../use-case/config.js'
import { saidFormulas } from '../use-case/formulas.js'
import type { UseCaseReport } from '../use-case/report.js'
import { hierarchyTable, levelPaths, mappingTable, type TableText } from '../use-case/tables.js'

/** Finds the use case by name or id and works on it in one transaction. */
export type WithUseCase = <T>(
  context: Context,
  useCase: string,
  work: (report: UseCaseReport) => Promise<T>,
) => Promise<T>

export interface UseCaseMart {
  readonly edited: Edited
  /** Beside the configuration. */
  readonly tables: readonly { readonly file: string; readonly rows: number }[]
  readonly findings: readonly Finding[]
}

interface Request {
  readonly file: string
  readonly project: string | undefined
  readonly existing: 'replace' | 'refuse'
}

/** Digits after the point that a measure of a mart may have. */
const MOST_DIGITS = 8

export async function martOfUseCase(
  context: Context,
  report: UseCaseReport,
  { file, project, existing }: Request,
): Promise<UseCaseMart> {
  const names = martNames(report, project)
  const paths = levelPaths(report)
  const { terms, findings } = saidFormulas(report, paths)
  const texts = new Map([
    [names.hierarchy, hierarchyTable(report, paths)],
    [names.mapping, mappingTable(report, names.all)],
  ])
  const place = (table: string): string => join(dirname(file), `${table}.csv`)
  const all = [...texts.keys(), ...names.dimensions.values(), names.fact].map(place)
  const at = (path: string): FilePlace => ({ file: path, existing, token: context.newId() })
  for (const one of [file, ...all]) refuseTaken(at(one))
  const put = (path: string, text: string | AsyncIterable<string>): Promise<void> =>
    writeTextWhole(at(path), text)

  const facts = new FactFile(context, report, names)
  await put(place(names.fact), facts.text())
  for (const [column, table] of names.dimensions) texts.set(table, facts.dimension(column))
  for (const [table, content] of texts) await put(place(table), csvText(content))
  const levels = Math.max(...paths.map(({ length }) => length))
  const edited = checkedConfig(useCaseConfigText(report, names, levels, facts.scales(), terms), file)
  await put(file, edited.text)
  return {
    edited,
    tables: [
      ...[...texts].map(([table, { rows }]) => ({ file: place(table), rows: rows.length })),
      { file: place(names.fact), rows: facts.written },
    ],
    findings: [...findings, ...facts.findings()],
  }
}

const csvText = ({ columns, rows }: TableText): string => [columns, ...rows].map(csvLine).join('')

/** The facts as text, and what is seen of them on the way. */
class FactFile {
  written = 0
  private left = 0
  private readonly columns: readonly string[]
  private readonly values: ReadonlyMap<string, Set<string>>
  private readonly digits = new Map<string, number>()

  constructor(
    private readonly context: Context,
    private readonly report: UseCaseReport,
    private readonly names: MartNames,
  ) {
    this.columns = factColumns(report)
    this.values = new Map(report.driverColumns.map((name) => [name, new Set<string>()]))
  }

  async *text(): AsyncIterable<string> {
    const { report, columns, names } = this
    yield csvLine([...columns, names.all])
    const at = (name: string): number => columns.indexOf(name)
    const needed = [report.date, report.scenario].flatMap((name) => (name === null ? [] : [at(name)]))
    const drivers = [...this.values].map(([name, seen]) => [at(name), seen] as const)
    const amounts = new Set(report.measures.map(({ column }) => at(column)))
    const most = new Array<number>(columns.length).fill(0)
    for await (const batch of report.facts(columns)) {
      this.context.signal.throwIfAborted()
      const kept = batch.filter((cells) => needed.every((i) => cells[i] !== null))
      this.left += batch.length - kept.length
      for (const cells of kept) {
        for (const [i, seen] of drivers) if (cells[i] !== null && cells[i] !== '') seen.add(cells[i]!)
        for (const i of amounts) most[i] = Math.max(most[i]!, digitsOf(cells[i]!))
      }
      this.written += kept.length
      this.context.progress.report('writing facts', this.written)
      yield kept.map((cells) => csvLine([...cells, report.name])).join('')
    }
    columns.forEach((name, i) => void this.digits.set(name, most[i]!))
  }

  dimension(column: string): TableText {
    const values = column === this.names.all ? [this.report.name] : [...this.values.get(column)!].sort()
    return { columns: [column], rows: values.map((value): Cell[] => [value]) }
  }

  scales(): ReadonlyMap<string, number> {
    for (const { name, column } of this.report.measures) {
      const digits = this.digits.get(column) ?? 0
      if (digits > MOST_DIGITS)
        refuse('TIE-5033', {
          use_case: this.report.name,
          detail: `amounts of ${name} have ${digits} digits after the point, and those of a mart at most ${MOST_DIGITS}`,
        })
    }
    return this.digits
  }

  findings(): readonly Finding[] {
    if (this.left === 0) return []
    return [
      {
        code: 'FACTS_LEFT_OUT',
        severity: 'warning',
        message: `${plural(this.left, 'fact')} without a date or scenario ${agreeing(this.left, 'is', 'are')} left out, as in every run.`,
        suggestion: 'Give them a date and a scenario where they come from.',
        rows: this.left,
      },
    ]
  }
}

/** Canonical numbers have no zeros at the end. */
const digitsOf = (amount: Cell): number =>
  amount === null ? 0 : (canonicalDecimal(parseDecimal(amount)!).split('.')[1]?.length ?? 0)
