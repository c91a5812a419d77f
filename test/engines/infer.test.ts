import { describe, expect, test } from 'vitest'
import type { ColumnLimits, FactColumnType } from '#tieout/books/fact-tables'
import { ColumnShape, fitsType } from '#tieout/engines/infer'

/** The values stand in lines 2, 3, …; misfits come as `line value`. */
function shape(values: readonly string[]): { type: FactColumnType; misfits: string[] } {
  const column = new ColumnShape()
  values.forEach((value, i) => {
    if (value !== '') column.add(value, i + 2)
  })
  const { type, misfits } = column.decide()
  return { type, misfits: misfits.map(({ line, value }) => `${line} ${value}`) }
}

describe('what a column is', () => {
  test.each<[string, FactColumnType, string[]]>([
    ['plain decimals', 'numeric', ['1', '-2.50', '.5', '+3', '5.', '0', '0.25', '-0']],
    ['decimals and empty fields', 'numeric', ['1', '', '2']],
    ['ISO dates', 'date', ['2025-12-24', '2024-02-29']],
    ['text', 'text', ['CORE', 'B1']],
    ['nothing at all', 'text', ['', '']],
    ['codes with leading zeros', 'text', ['0101', '0102']],
    ['one leading zero among numbers makes codes of them', 'text', ['101', '007', '250']],
    ['a signed leading zero', 'text', ['1', '-01']],
    ['numbers and words in equal parts', 'text', ['1', '2', 'A', 'B']],
    ['numbers with one word, none with a fraction: book codes', 'text', ['101', '102', '103', 'X1']],
    ['dates and numbers in equal parts', 'text', ['2025-12-24', '7']],
    ['other dates only', 'text', ['24.12.2025', '25.12.2025']],
    ['broken numbers only', 'text', ['1e5', 'NaN', '(100)']],
  ])('%s: %s', (_, type, values) => expect(shape(values)).toEqual({ type, misfits: [] }))
})

describe('a numeric or date column but for a few values is a problem with its lines', () => {
  test.each<[string, FactColumnType, string[], string[]]>([
    ['an exponent', 'numeric', ['1', '2', '1e5'], ['4 1e5']],
    ['a decimal comma', 'numeric', ['1', '12,5', '2'], ['3 12,5']],
    ['thousands', 'numeric', ['1', '1,234.50', '2'], ['3 1,234.50']],
    ['not a number', 'numeric', ['NaN', '1', '2'], ['2 NaN']],
    ['infinity', 'numeric', ['1', '2', '-Infinity'], ['4 -Infinity']],
    ['brackets for a minus', 'numeric', ['1', '2', '(100)'], ['4 (100)']],
    ['a currency', 'numeric', ['1', '2', '$5'], ['4 $5']],
    ['a percentage', 'numeric', ['1', '2', '5%'], ['4 5%']],
    ['a minus behind', 'numeric', ['1', '2', '5-'], ['4 5-']],
    ['words among amounts with fractions', 'numeric', ['1.25', '2', 'n/a'], ['4 n/a']],
    ['several', 'numeric', ['1', '1e5', '2', '3', 'NaN'], ['3 1e5', '6 NaN']],
    ['repeated', 'numeric', ['1', '1', '1', 'NaN', 'NaN'], ['5 NaN', '6 NaN']],
    ['a day that is none', 'date', ['2025-02-28', '2025-02-30', '2025-03-01'], ['3 2025-02-30']],
    ['another format', 'date', ['2025-12-24', '24.12.2025'], ['3 24.12.2025']],
    ['a word among dates', 'date', ['2025-12-24', '2025-12-25', 'today'], ['4 today']],
    ['a number among dates', 'date', ['2025-12-24', '2025-12-24', '7'], ['4 7']],
  ])('%s', (_, type, values, misfits) => expect(shape(values)).toEqual({ type, misfits }))

  test('twenty examples are enough', () => {
    expect(
      shape([...Array.from({ length: 40 }, () => '1.5'), ...Array.from({ length: 30 }, () => 'NaN')]).misfits,
    ).toHaveLength(20)
  })
})

const any = { precision: null, scale: null, maxLength: null }
const cents = { type: 'numeric', precision: 6, scale: 2, maxLength: null } as const

test.each<[string, ColumnLimits, boolean]>([
  ['', cents, true],
  ['1.25', cents, true],
  ['1.250', cents, true],
  ['1.255', cents, false],
  ['1.255', { type: 'numeric', ...any }, true],
  ['1e5', { type: 'numeric', ...any }, false],
  // numeric(6,2) has four digits before the point; leading zeros are none.
  ['-9999.99', cents, true],
  ['0009999.9', cents, true],
  ['10000', cents, false],
  ['9'.repeat(1001), { type: 'numeric', ...any }, false],
  ['2025-02-29', { type: 'date', ...any }, false],
  ['2024-02-29', { type: 'date', ...any }, true],
  ['true', { type: 'boolean', ...any }, true],
  ['TRUE', { type: 'boolean', ...any }, false],
  ['anything', { type: 'text', ...any }, true],
  ['🦄🦄', { type: 'text', ...any, maxLength: 2 }, true],
  ['abc', { type: 'text', ...any, maxLength: 2 }, false],
])('%j fits %j: %s', (value, limits, fits) => expect(fitsType(value, limits)).toBe(fits))
