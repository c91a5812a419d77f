/**
 * Arithmetic rules: an expression over nodes (`N3 - N4`, `natural(N3) * 0.5`) or over queries
 * (`sum(pnl_daily where strategy = 'CORE')`), evaluated in exact decimals. This module is the door: the
 * tree, and what can be done with it.
 */

export { type BoundFormula, bindFormula, type FormulaScope, formulaOfText } from './bind-formula.js'
export {
  DIVISION_ROUNDING,
  DIVISION_SCALE,
  evaluateFormula,
  type FormulaEnvironment,
  type FormulaResult,
} from './evaluate-formula.js'
export * from './formula-tree.js'
export type { LanguageProblem, LanguageProblems } from './language.js'
export { type ParsedFormula, parseFormula } from './parse-formula.js'
export { printFormula } from './print-formula.js'
