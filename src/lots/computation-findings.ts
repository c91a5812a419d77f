/** What a computation noticed, as findings of its run: one for each kind and symbol. Raises nothing. */

import { add, canonicalDecimal, type Decimal, parseDecimal, ZERO } from '../base/decimal.js'
import type { Finding } from '../base/finding.js'
import type { LotFinding } from './allocation.js'
import type { Matched, SymbolFailure } from './symbol-change.js'

/** Ids that a finding names. */
const NAMED = 20

/** In the order of symbols, failed ones first. */
export function computationFindings({ changed, unchanged, failed }: Matched): Finding[] {
  const groups = new Map<string, LotFinding[]>()
  const results = [...changed.map(({ result }) => result), ...unchanged]
  for (const finding of results.flatMap((result) => result.findings)) {
    const key = JSON.stringify([finding.symbol, finding.code])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [finding])
    else group.push(finding)
  }
  return [...failed.map(failedFinding), ...[...groups.values()].map(findingOf)]
}

const failedFinding = ({ symbol, problems }: SymbolFailure): Finding => ({
  code: 'SYMBOL_FAILED',
  severity: 'error',
  message: `${symbol} could not be computed: ${problems[0]!.message}`,
  suggestion: problems[0]!.remedy,
  rows: problems.length,
  detail: { symbol, codes: [...new Set(problems.map(({ code }) => code))] },
})

function findingOf(group: readonly LotFinding[]): Finding {
  const { code, severity, message, suggestion, symbol } = group[0]!
  const size = group.reduce((sum: Decimal, one) => add(sum, parseDecimal(one.size ?? '0')!), ZERO)
  const more =
    group.length === 1 ? '' : ` And ${(group.length - 1).toLocaleString('en-US')} more of ${symbol}.`
  return {
    code,
    severity,
    message: `${message}${more}`,
    suggestion,
    rows: group.length,
    detail: {
      symbol,
      order_ids: group.slice(0, NAMED).map(({ order_id }) => order_id),
      ...(group.some((one) => one.size !== undefined) ? { size: canonicalDecimal(size) } : {}),
    },
  }
}
