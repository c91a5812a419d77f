/**
 * A formula that is no weighted sum, as queries: its operands side by side for each slice of the grain, numerator and
 * denominator as whole units, and the quotient rounded half to even at the twelfth digit. Engines differ in how they
 * divide decimals; whole numbers they divide alike. Raises nothing.
 *
 * A missing operand or a zero denominator gives no figure and a status that says so, never a zero.
 */

import { type Decimal, pow10 } from '../../base/decimal.js'
import {
  cast,
  column,
  compare,
  decimalType,
  type Expr,
  equal,
  filter,
  isNull,
  type NamedQuery,
  named,
  not,
  nothing,
  number,
  type Output,
  output,
  project,
  ref,
  some,
  sum,
  TEXT,
  text,
  times,
  UNITS,
  when,
} from '../../engines/plan/plan.js'
import type { Formula } from '../formulas/cascade.js'
import { identityOf } from '../formulas/names.js'
import type { Term } from '../formulas/terms.js'
import { carried, FIGURE_SCALE, NODE_KEY } from './columns.js'
import { nodeKeyOf } from './node-key.js'

/** A whole number in SQL, and the digits after the point that it stands for. */
interface Units {
  readonly value: Expr
  readonly scale: number
}

export interface Slices {
  /** Names of the grain's columns in the cascade. */
  readonly grain: readonly string[]
  /** Names of the measures' columns, and the digits after the point that sums of them can have. */
  readonly measures: readonly { readonly name: string; readonly scale: number }[]
}

/** The queries that give `name` the formula's figures by slice; `known` has every figure of the levels below. */
export function quotientQueries(
  formula: Formula,
  name: string,
  known: string,
  { grain, measures }: Slices,
  isRounded: (operand: string) => boolean,
): NamedQuery[] {
  const ids = [
    ...new Set(formula.terms.flatMap(({ operand }) => (operand === null ? [] : [identityOf(operand)]))),
  ]
  const operandColumn = (id: string, m: number): string => `O${ids.indexOf(id) + 1}_${m + 1}`
  const keys = ids.map((id) => nodeKeyOf(id))
  const operands = {
    rel: 'aggregate' as const,
    input: filter(ref(known, 'k'), [
      { op: 'in', arg: column(NODE_KEY, 'k'), values: keys.map((key) => text(key)) },
    ]),
    keys: carried(grain, 'k'),
    outputs: measures.flatMap((measure, m) =>
      ids.map((id, i) =>
        output(
          operandColumn(id, m),
          sum(when([[equal(column(NODE_KEY, 'k'), text(keys[i]!)), column(measure.name, 'k')]])),
        ),
      ),
    ),
    // Without a grain there is one group even of nothing.
    ...(grain.length === 0 ? { having: compare({ op: 'count' }, '>', number(0)) } : {}),
  }
  const fraction = measures.flatMap((measure, m) => {
    const read = (id: string): Units => {
      const scale = isRounded(id) ? FIGURE_SCALE : measure.scale
      return { value: unitsOf(column(operandColumn(id, m), 'o'), scale), scale }
    }
    return fractionOutputs(
      formula,
      read,
      m,
      ids.map((id) => column(operandColumn(id, m), 'o')),
    )
  })
  const numbers = measures.map((_, m) => m + 1)
  const quotients = numbers.flatMap((m): Output[] => {
    const [n, d] = [column(`N_${m}`, 'q'), column(`D_${m}`, 'q')]
    const divisor = when([[equal(d, number(0)), nothing(UNITS)]], { op: 'abs', arg: d })
    const size: Expr = { op: 'abs', arg: n }
    const isNegative = compare(times(sign(n), sign(d)), '<', number(0))
    return [
      output(`S_${m}`, when([[isNegative, number(-1)]], number(1))),
      output(`Q_${m}`, { op: 'whole_quotient', left: size, right: divisor }),
      output(`R_${m}`, times({ op: 'remainder', left: size, right: divisor }, number(2))),
      output(`D_${m}`, divisor),
      output(`STATUS_${m}`, column(`STATUS_${m}`, 'q')),
    ]
  })
  const figures = measures.flatMap(({ name: measure }, i): Output[] => {
    const of = (letter: string): Expr => column(`${letter}_${i + 1}`, 'r')
    const isOdd = equal({ op: 'remainder', left: of('Q'), right: number(2) }, number(1))
    const rest = when(
      [
        [compare(of('R'), '>', of('D')), number(1)],
        [{ op: 'and', args: [equal(of('R'), of('D')), isOdd] }, number(1)],
      ],
      number(0),
    )
    const units = times(of('S'), { op: 'add', left: of('Q'), right: rest })
    const figure = times(cast(units, decimalType(0)), cast(number(ONE_UNIT), decimalType(FIGURE_SCALE)))
    return [
      output(measure, cast(figure, decimalType(FIGURE_SCALE))),
      output(`${measure}_STATUS`, of('STATUS')),
    ]
  })
  return [
    named(`${name}_operands`, operands),
    named(`${name}_fraction`, project(ref(`${name}_operands`, 'o'), [...carried(grain, 'o'), ...fraction])),
    named(`${name}_quotient`, project(ref(`${name}_fraction`, 'q'), [...carried(grain, 'q'), ...quotients])),
    named(name, project(ref(`${name}_quotient`, 'r'), [...carried(grain, 'r'), ...figures])),
  ]
}

const ONE_UNIT = `0.${'1'.padStart(FIGURE_SCALE, '0')}`

const sign = (value: Expr): Expr => when([[compare(value, '<', number(0)), number(-1)]], number(1))

const unitsOf = (value: Expr, scale: number): Expr =>
  cast(scale === 0 ? value : times(value, number(pow10(scale).toString())), UNITS)

const constantUnits = ({ units, scale }: Decimal): Units => ({
  value: cast(number(units.toString()), UNITS),
  scale,
})
const scaled = ({ value, scale }: Units, to: number): Expr =>
  to === scale ? value : times(value, cast(number(pow10(to - scale).toString()), UNITS))
const product = (a: Units, b: Units): Units => ({ value: times(a.value, b.value), scale: a.scale + b.scale })

function fractionOutputs(
  { terms, isSignChanged }: Formula,
  read: (id: string) => Units,
  m: number,
  operands: readonly Expr[],
): Output[] {
  const unitsOfTerm = ({ operand, constant }: Term): Units => {
    if (operand === null) return constantUnits(constant!)
    const own = read(identityOf(operand))
    return constant === null ? own : product(own, constantUnits(constant))
  }
  const those = (...ops: readonly Term['op'][]): Term[] => terms.filter(({ op }) => ops.includes(op))
  const added = those('add', 'subtract', 'average').map((term) => ({ term, units: unitsOfTerm(term) }))
  const widest = Math.max(0, ...added.map(({ units }) => units.scale))
  const total = added.reduce<Expr | undefined>((left, { term, units }) => {
    const right = scaled(units, widest)
    if (left === undefined && term.op !== 'subtract') return right
    return { op: term.op === 'subtract' ? 'subtract' : 'add', left: left ?? number(0), right }
  }, undefined)
  const factors = those('multiply').map(unitsOfTerm)
  let top: Units =
    total === undefined
      ? (factors.shift() ?? constantUnits({ units: 1n, scale: 0 }))
      : { value: total, scale: widest }
  for (const factor of factors) top = product(top, factor)
  const averaged = those('average').length
  let bottom = constantUnits({ units: BigInt(Math.max(1, averaged)), scale: 0 })
  for (const divisor of those('divide').map(unitsOfTerm)) bottom = product(bottom, divisor)
  const shift = FIGURE_SCALE + bottom.scale - top.scale
  const n = shift >= 0 ? scaled({ value: top.value, scale: 0 }, shift) : top.value
  const d = shift >= 0 ? bottom.value : scaled({ value: bottom.value, scale: 0 }, -shift)
  const isMissing = some(operands.map((operand) => isNull(operand)))
  const numerator: Expr = isSignChanged ? { op: 'subtract', left: number(0), right: n } : n
  return [
    output(`N_${m + 1}`, when([[not(isMissing), cast(numerator, UNITS)]], nothing(UNITS))),
    output(`D_${m + 1}`, when([[not(isMissing), cast(d, UNITS)]], nothing(UNITS))),
    output(
      `STATUS_${m + 1}`,
      when(
        [
          [isMissing, text('MISSING_OPERAND')],
          [equal(d, number(0)), text('DIVISION_BY_ZERO')],
        ],
        nothing(TEXT),
      ),
    ),
  ]
}
