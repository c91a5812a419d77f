import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalDecimal, type Decimal, formatDecimal, parseDecimal } from '#tieout/base/decimal'
import {
  bindFormula,
  evaluateFormula,
  type Formula,
  type FormulaOf,
  formulaReferences,
  parseFormula,
  printFormula,
} from '#tieout/language/formula'
import * as any from './arbitraries.js'

const of = (text: string): Decimal => parseDecimal(text)!
const NATURAL: Readonly<Record<string, string>> = { A: '100.00', B: '40.25', ZERO: '0.00' }
const ADJUSTED: Readonly<Record<string, string>> = { A: '90.00', B: '40.25', ZERO: '0.00' }
const SCOPE = {
  nodes: new Map(['A', 'B', 'ZERO', 'NONE'].map((id) => [id, { name: id }])),
  columns: new Map([['amt', 'numeric'] as const]),
  measures: new Map<string, string>(),
}
const ENV = {
  natural: (node: string) => (NATURAL[node] === undefined ? undefined : of(NATURAL[node])),
  adjusted: (node: string) => (ADJUSTED[node] === undefined ? undefined : of(ADJUSTED[node])),
  sum: (_: string, where: unknown) => of(where === undefined ? '7.5' : '2.5'),
}

const bound = (text: string): Formula => {
  const parsed = parseFormula(text)
  const result = parsed.ok ? bindFormula(parsed.formula, SCOPE, parsed) : parsed
  if (!result.ok) throw new Error(result.problems[0].frame)
  return result.formula
}
const calculate = (text: string, self?: string): string => {
  const result = evaluateFormula(bound(text), self === undefined ? ENV : { ...ENV, self })
  return 'value' in result ? formatDecimal(result.value) : `${result.empty} at ${printFormula(result.at)}`
}

describe('with A natural 100.00, adjusted 90.00, and B 40.25', () => {
  test.each([
    ['A - B', '49.75'], //                 90.00 − 40.25
    ['natural(A) - B', '59.75'], //       100.00 − 40.25
    ['adjusted(A)', '90.00'],
    ['-A + 2 * B', '-9.50'], //           −90.00 + 80.50
    ['A - (B - 10)', '59.75'], //          90.00 − 30.25
    ['A - B - 10', '39.75'],
    ['0.1 + 0.2', '0.3'],
    ['sum(amt) - sum(amt where amt > 1)', '5.0'], // 7.5 − 2.5
    ['1 / 3', '0.333333333333'],
    ['2 / 3', '0.666666666667'],
    ['-2 / 3', '-0.666666666667'],
    ['1 / 3 * 3', '0.999999999999'], //  each division rounds, then the product is exact
    ['0.000000000001 / 2', '0.000000000000'], // half to even: 0
    ['0.000000000003 / 2', '0.000000000002'], // half to even: 2
    ['A / ZERO', 'division by zero at A / ZERO'],
    ['1 + B / (A - 90)', 'division by zero at B / (A - 90)'],
    ['ZERO / A', '0.000000000000'],
    ['A + natural(NONE)', 'operand is empty at natural(NONE)'],
    ['0 * NONE', 'operand is empty at NONE'],
    ['NONE / 0', 'operand is empty at NONE'],
    ['1 / 0 + NONE', 'division by zero at 1 / 0'],
  ])('%s = %s', (text, expected) => expect(calculate(text)).toBe(expected))

  test('in the rule of A, a bare A is its natural value', () => {
    expect(calculate('A * 2', 'A')).toBe('200.00')
    expect(calculate('adjusted(A) * 2', 'A')).toBe('180.00')
  })
})

test('a flat sum of 5,000 operands: 2,500 × 90.00 − 2,500 × 40.25 = 124,375.00', () => {
  const text = Array.from({ length: 5_000 }, (_, i) => (i % 2 === 0 ? '+ A' : '- B'))
    .join(' ')
    .slice(2)
  expect(calculate(text)).toBe('124375.00')
  expect(formulaReferences(bound(text))).toHaveLength(2)
})

/** Whole numbers, without division: what the engine must equal to the last digit. */
function oracle(formula: FormulaOf<string>): bigint {
  switch (formula.op) {
    case 'const':
      return BigInt(formula.value)
    case 'neg':
      return -oracle(formula.arg)
    case '+':
      return oracle(formula.left) + oracle(formula.right)
    case '-':
      return oracle(formula.left) - oracle(formula.right)
    case '*':
      return oracle(formula.left) * oracle(formula.right)
    default:
      throw new Error(formula.op)
  }
}

const constant = fc
  .bigInt({ min: 0n, max: 10n ** 20n })
  .map((value) => ({ op: 'const' as const, value: `${value}` }))
const hasDivision = (formula: FormulaOf<string>): boolean => printFormula(formula).includes('/')

test('whole numbers of any size add and multiply exactly', () => {
  fc.assert(
    fc.property(
      any.formulaOver<string>(constant).filter((formula) => !hasDivision(formula)),
      (formula) => {
        const result = evaluateFormula(formula, ENV)
        expect('value' in result && canonicalDecimal(result.value)).toBe(`${oracle(formula)}`)
      },
    ),
    { numRuns: 500 },
  )
})

test('a quotient is within half a unit of its last place', () => {
  const amounts = any.unsigned.map(of)
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      fc.pre(b.units !== 0n)
      const text = `${formatDecimal(a)} / ${formatDecimal(b)}`
      const quotient = of(calculate(text))
      // |quotient × b − a| ≤ b × 0.5e-12, all in units of 1e-20.
      const up = (d: Decimal, scale: number): bigint => d.units * 10n ** BigInt(scale - d.scale)
      const error = quotient.units * up(b, 8) - up(a, 20)
      expect((error < 0n ? -error : error) * 2n <= up(b, 8)).toBe(true)
    }),
  )
})
