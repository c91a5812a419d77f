/** A rule in the words of the use case file, for findings, results and screens. Raises nothing. */

import { printFormula } from '../language/formula.js'
import { printPredicate } from '../language/predicate.js'
import type { Rule } from './use-case.js'

export function ruleText(rule: Rule): string {
  switch (rule.flavour) {
    case 'filter':
      return `where ${printPredicate(rule.where)}${scopeText(rule.scope)}`
    case 'measure_switch': {
      const where = rule.where === null ? '' : ` where ${printPredicate(rule.where)}`
      return `${rule.into} from ${rule.measure_name}${where}${scopeText(rule.scope)}`
    }
    case 'arithmetic':
      return `${rule.into === null ? '' : `${rule.into} `}= ${printFormula(rule.formula)}`
  }
}

const scopeText = (scope: 'node' | 'table'): string => (scope === 'table' ? ' (whole table)' : '')
