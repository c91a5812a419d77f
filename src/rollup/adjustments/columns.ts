/** The columns of the source that adjustments name: amounts they change or compare, columns they test. Raises nothing. */

import { atomicTests } from '../../language/evaluate.js'
import type { UseCase } from '../use-case.js'
import type { Adjustment, Correction } from './adjustment.js'

/** The fact column that a name of `measures` stands for: a measure's, or the column of that name. */
export const amountColumn = ({ measures }: UseCase, name: string): string =>
  measures.find((measure) => measure.name === name)?.column ?? name

/** The amount columns a correction changes, each once, however many measures take their values from it. */
export const touchedColumns = (useCase: UseCase, { measures }: Correction): string[] => [
  ...new Set(measures.map((name) => amountColumn(useCase, name))),
]

export interface Columns {
  readonly coded: string[]
  readonly amounts: string[]
}

/** What a frame must hold beside the use case's own columns. */
export function adjustmentColumns(useCase: UseCase, list: readonly Adjustment[]): Columns {
  const corrections = list.flatMap(({ definition }) => (definition.action === 'reverse' ? [] : [definition]))
  return {
    coded: corrections.flatMap(({ where, compare }) => [
      ...(where === null ? [] : atomicTests(where).map(({ column }) => column)),
      ...(compare?.key ?? []),
    ]),
    amounts: corrections.flatMap((correction) => {
      const compared = correction.compare?.measure ?? null
      return [
        ...touchedColumns(useCase, correction),
        ...(compared === null ? [] : [amountColumn(useCase, compared)]),
      ]
    }),
  }
}
