/** The operation that reports on lots: the monitoring views, the log, and how the money adds up. */

import { z } from 'zod'
import { add, canonicalDecimal, parseDecimal, ZERO } from '../../base/decimal.js'
import { problem, Refusal } from '../../base/errors.js'
import { amount } from '../../books/amount.js'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { bridge, type MoneyBridge } from '../money-bridge.js'
import { listComputations } from '../store/computation-log.js'
import { type MonitoringView, moneyBySymbol, readView, versionHealth } from '../store/report.js'
import { seenFacts } from '../store/seen-facts.js'
import { SymbolFacts } from '../symbol-facts.js'
import { computedVersion, seenTable } from '../versions/validate-version.js'
import { publishedVersionInput, versionOf } from './schemas.js'
import { versionHealthRow } from './versions.js'

const VIEWS = ['summary', 'pnl-by-symbol', 'unmatched', 'discrepancies', 'computation-log'] as const

const bridgeRow = z
  .object({
    symbol: z.string().describe('Empty: all of them.'),
    matched_pnl: amount,
    unmatched_net_proceeds: amount,
    open_cost: amount,
    open_short_proceeds: amount,
    cash_flow: amount.describe('Of the trades: net proceeds of sells − cost of buys.'),
    difference: amount.describe('P&L + unmatched − open cost + open short proceeds − cash flow: zero.'),
  })
  .meta({ id: 'MoneyBridge' })

const report = operation({
  name: 'lots report',
  summary: 'Report on a version: summary with the money bridge, P&L by symbol, what is not matched, the log.',
  effect: 'read',
  input: z.object({
    summary: z
      .boolean()
      .default(false)
      .describe('What the version holds, and its money bridge (the default).'),
    pnl_by_symbol: z.boolean().default(false).describe('P&L by symbol of the published version.'),
    unmatched: z.boolean().default(false).describe('Sells of the published version that no lot covers.'),
    discrepancies: z
      .boolean()
      .default(false)
      .describe('What SQL alone sees to be wrong with the published version; lots validate proves more.'),
    computation_log: z.boolean().default(false).describe('Computations, newest first.'),
    version: publishedVersionInput,
  }),
  output: z.object({
    view: z.enum(VIEWS),
    allocation_version: z.number().nullable().describe('Null: of all versions.'),
    version: versionHealthRow.optional(),
    bridge: z.array(bridgeRow).optional().describe('By symbol, then all of them.'),
    rows: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()]))),
  }),
  errors: ['TIE-1002', 'TIE-3154', 'TIE-3175', 'TIE-3176'],
  positional: [],
  http: { method: 'GET', path: '/api/v1/lots/report' },
  run: (context, given) =>
    context.books.transaction(context.tenant, async (tx) => {
      const view = viewOf(given)
      switch (view) {
        case 'summary':
          return summary(context, tx, await versionOf(tx, given.version))
        case 'computation-log':
          return { view, allocation_version: given.version ?? null, rows: await logRows(tx, given.version) }
        default:
          return publishedView(tx, view, given.version)
      }
    }),
})

function viewOf(given: Readonly<Record<string, unknown>>): (typeof VIEWS)[number] {
  const said = VIEWS.filter((view) => given[view.replaceAll('-', '_')] === true)
  if (said.length > 1) {
    const detail = `--${said.join(' and --')} are different reports; ask for one.`
    throw new Refusal([problem('TIE-1002', { command: 'lots report', detail })])
  }
  return said[0] ?? 'summary'
}

async function publishedView(tx: Tx, view: MonitoringView, version: number | undefined) {
  const shown = await versionOf(tx, undefined)
  if (version !== undefined && version !== shown) {
    const detail = `--${view} is of the published version, which is ${shown}; lots allocations shows any.`
    throw new Refusal([problem('TIE-1002', { command: 'lots report', detail })])
  }
  return { view, allocation_version: shown, rows: await readView(tx, view) }
}

async function summary(context: Context, tx: Tx, version: number) {
  const { config } = await computedVersion(tx, version)
  const facts = await seenTable(context, tx, config, await seenFacts(tx, version))
  const amountOf = (text: string) => parseDecimal(text)!
  const rows = (await moneyBySymbol(tx, version)).map((money) =>
    bridge(
      facts.get(money.symbol) ?? new SymbolFacts(money.symbol, config),
      amountOf(money.pnl),
      amountOf(money.unmatched_net_proceeds),
      amountOf(money.open_cost),
      amountOf(money.open_short_proceeds),
    ),
  )
  const health = (await versionHealth(tx)).find(({ allocation_version }) => allocation_version === version)!
  const whole = [...rows, totalOf(rows)]
  return {
    view: 'summary' as const,
    allocation_version: version,
    version: health,
    bridge: whole,
    rows: whole.map((row) => ({ ...row })),
  }
}

function totalOf(rows: readonly MoneyBridge[]): MoneyBridge {
  const sum = (name: Exclude<keyof MoneyBridge, 'symbol'>): string =>
    canonicalDecimal(rows.reduce((total, row) => add(total, parseDecimal(row[name])!), ZERO))
  return {
    symbol: '',
    matched_pnl: sum('matched_pnl'),
    unmatched_net_proceeds: sum('unmatched_net_proceeds'),
    open_cost: sum('open_cost'),
    open_short_proceeds: sum('open_short_proceeds'),
    cash_flow: sum('cash_flow'),
    difference: sum('difference'),
  }
}

const LOGGED = 1000

async function logRows(tx: Tx, version: number | undefined) {
  const log = await listComputations(tx, { version, limit: LOGGED })
  return log.map(({ failed_symbols, error, ...row }) => ({
    ...row,
    failed: failed_symbols.map(({ symbol }) => symbol).join(' '),
    error: (error?.message as string | undefined) ?? null,
  }))
}

export const reportOperations: readonly Operation[] = [report]
