/**
 * Rows of a table of terms (result, operand, operator, constant) as the configuration writes them. Raises (as problems)
 * TIE-5007 for a row without a result or an operator; what else is wrong with a term is told where terms are read.
 */

import { type Problem, problem } from '../../base/errors.js'
import type { MartConfig, TermRow } from '../config.js'
import type { Cell, Table } from '../table.js'

type Columns = NonNullable<MartConfig['formulas_table']>

export function termRowsOf(
  table: Table,
  { result, operand, operator, constant, precedence }: Columns,
  problems: Problem[],
): readonly TermRow[] {
  const [results, operands, operators, constants, precedences] = [
    table.reader(result),
    table.reader(operand),
    table.reader(operator),
    table.reader(constant),
    table.reader(precedence),
  ]
  return table.rows.flatMap((cells, i): TermRow[] => {
    const [named, by] = [orNull(results(cells)), orNull(operators(cells))]
    const needed = [
      [result, named],
      [operator, by],
    ] as const
    for (const [column, value] of needed)
      if (value === null) problems.push(problem('TIE-5007', { row: i + 1, table: table.name, column }))
    if (named === null || by === null) return []
    return [
      {
        result: named,
        operand: orNull(operands(cells)),
        operator: by,
        constant: orNull(constants(cells)),
        precedence: orNull(precedences(cells)),
      },
    ]
  })
}

const orNull = (value: Cell): Cell => (value === '' ? null : value)
