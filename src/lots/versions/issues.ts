/**
 * The issues of a version after a computation, for the queue of reviews: unmatched sells, facts that could not be
 * followed, symbols that failed, balances that differ. An incremental computation looks at a part of the facts;
 * issues of the others stay as they were. Raises nothing.
 */

import { parseDecimal, ZERO } from '../../base/decimal.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import type { LotFinding } from '../allocation.js'
import { type BalanceCheck, checkBalances } from '../balances.js'
import type { LotConfig } from '../config.js'
import { daysBetween } from '../days.js'
import { type Issue, type ReviewSeverity, severityOf } from '../review.js'
import { readBalances, readFacts } from '../store/facts.js'
import { presentIssues, type UnmatchedRow, unmatchedRows } from '../store/issues.js'
import type { SymbolFailure } from '../symbol-change.js'
import { FactTable } from '../symbol-facts.js'
import type { Computation } from './computation.js'

/** Findings that somebody has to look at; an unmatched sell is read from the rows. */
const FOLLOWED: Readonly<Partial<Record<LotFinding['code'], ReviewSeverity>>> = {
  TRANSFER_UNCOVERED: 'high',
  LOT_NOT_FOUND: 'medium',
}
const FAILED = 'SYMBOL_FAILED'

export async function issuesOf(
  context: Context,
  tx: Tx,
  given: { readonly version: number; readonly config: LotConfig; readonly computation: Computation },
): Promise<Issue[]> {
  const { version, config, computation } = given
  const today = context.now()
  return [
    ...(await unmatchedRows(tx, version)).map((row) => unmatchedIssue(row, today)),
    ...found(computation),
    ...computation.failed.map(failedIssue),
    ...(await untouched(tx, version, computation)),
    ...(await balanceIssues(tx, config, computation.through)),
  ]
}

/** The same sell is one issue, however its uncovered part changes. */
function unmatchedIssue(row: UnmatchedRow, today: string): Issue {
  const { sell_order_id, symbol, account, strategy, bracket, executed_at, unmatched_size, net_proceeds } = row
  return {
    key: `UNMATCHED_SELL:${sell_order_id}`,
    code: 'UNMATCHED_SELL',
    symbol,
    order_id: sell_order_id,
    account,
    amount: net_proceeds,
    message: `No lot covers ${unmatched_size} of sell ${sell_order_id}.`,
    detail: {
      executed_at,
      unmatched_size,
      ...(strategy === null ? {} : { strategy }),
      ...(bracket === null ? {} : { bracket }),
    },
    severity: severityOf(parseDecimal(net_proceeds) ?? ZERO, daysBetween(executed_at, today)),
  }
}

function found({ changed, unchanged }: Computation): Issue[] {
  const results = [...changed.map(({ result }) => result), ...unchanged]
  const issues = results
    .flatMap(({ findings }) => findings)
    .flatMap((finding): Issue[] => {
      const severity = FOLLOWED[finding.code]
      if (severity === undefined) return []
      const { code, symbol, order_id, message, suggestion, size } = finding
      const detail = { suggestion, ...(size === undefined ? {} : { size }) }
      // A trade may name several lots that are not there.
      const key = `${code}:${order_id}:${code === 'LOT_NOT_FOUND' ? message : ''}`
      return [{ key, code, symbol, order_id, account: null, amount: null, message, detail, severity }]
    })
  return [...new Map(issues.map((issue) => [issue.key, issue])).values()]
}

function failedIssue({ symbol, problems }: SymbolFailure): Issue {
  const { code, message, remedy } = problems[0]!
  return {
    key: `${FAILED}:${symbol}`,
    code: FAILED,
    symbol,
    order_id: null,
    account: null,
    amount: null,
    message: `${symbol} keeps earlier allocations: ${message}`,
    detail: { code, suggestion: remedy },
    severity: 'high',
  }
}

/** Issues of facts that were not looked at now: of other symbols, and of facts before the state gone on from. */
async function untouched(tx: Tx, version: number, computation: Computation): Promise<Issue[]> {
  const known = await presentIssues(tx, version, [...Object.keys(FOLLOWED), FAILED])
  const failed = new Set(computation.failed.map(({ symbol }) => symbol))
  return known.filter(({ code, symbol, order_id }) => {
    const facts = computation.table.get(symbol!)
    if (facts === undefined) return true
    if (code === FAILED) return false
    if (failed.has(symbol!)) return true
    const isTaken = facts.order_id.includes(order_id!) || facts.transfers.some(({ id }) => id === order_id)
    return computation.from.has(symbol!) && !isTaken
  })
}

async function balanceIssues(tx: Tx, config: LotConfig, through: bigint): Promise<Issue[]> {
  const anchors = await readBalances(tx, through)
  if (anchors.length === 0) return []
  const table = new FactTable(config)
  const symbols = [...new Set(anchors.map(({ symbol }) => symbol))].map((symbol) => ({ symbol, after: null }))
  await readFacts(tx, { through, symbols }, (fact) => table.add(fact))
  return checkBalances(table.bySymbol, anchors).flatMap((check) =>
    // What an earlier anchor said already is not said again.
    check.arose === '0' ? [] : [balanceIssue(check)],
  )
}

function balanceIssue(check: BalanceCheck): Issue {
  const { balance_id, account, symbol, at, said, computed, difference, arose, after } = check
  const since = after === null ? 'at some time before' : `after ${after} and by then`
  return {
    key: `BALANCE_DIFFERENCE:${balance_id}`,
    code: 'BALANCE_DIFFERENCE',
    symbol,
    order_id: null,
    account,
    amount: null,
    message: `Account ${account} had ${said} ${symbol} at ${at}, by its trades ${computed}: ${arose} of the difference of ${difference} arose ${since}.`,
    detail: {
      balance_id,
      at,
      said,
      computed,
      difference,
      arose,
      ...(after === null ? {} : { after }),
      facts_between: String(check.facts_between),
    },
    severity: 'high',
  }
}
