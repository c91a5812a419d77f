/** The operation that sets two versions, or a version and an older system, beside each other. */

import { z } from 'zod'
import { add, canonicalDecimal, type Decimal, parseDecimal, subtract, ZERO } from '../../base/decimal.js'
import { problem, Refusal, refuse } from '../../base/errors.js'
import { compareText } from '../../base/text.js'
import { amount } from '../../books/amount.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { compareVersions, type LotDifference, type LotFact, type LotVersion } from '../compare.js'
import { compareHistorical } from '../compare-historical.js'
import { listAllocations } from '../store/allocations.js'
import { loadSnapshot, snapshotDate, snapshotDates } from '../store/historical-pnl.js'
import { readSeenFacts, seenFacts } from '../store/seen-facts.js'
import { computedVersion } from '../versions/validate-version.js'
import { publishedVersionInput, versionOf } from './schemas.js'

const cause = z.object({ cause: z.string(), amount: amount })
const difference = z
  .object({
    sell_order_id: z.string().nullable().describe('Null: the whole symbol.'),
    symbol: z.string().nullable(),
    left: amount.nullable().describe('Null: no P&L on this side.'),
    right: amount.nullable(),
    difference: amount.describe('right − left = Σ causes.'),
    causes: z.array(cause).readonly(),
  })
  .meta({ id: 'LotDifference' })
type Difference = z.output<typeof difference>

const compare = operation({
  name: 'lots compare',
  summary:
    'P&L of two versions, or of an older system and a version, by sell and symbol, each difference by cause.',
  effect: 'read',
  input: z.object({
    versions: z
      .array(z.coerce.number().int().min(1))
      .length(2)
      .optional()
      .describe('The two versions: --versions 1 2.'),
    historical: z.boolean().default(false).describe("An older system's snapshot and a version."),
    date: z
      .string()
      .optional()
      .meta({ format: 'date' })
      .describe('Date of the historical snapshot; the newest when not said.'),
    version: publishedVersionInput,
  }),
  output: z.object({
    left: z.string(),
    right: z.string(),
    left_pnl: amount,
    right_pnl: amount,
    difference: amount,
    causes: z.array(cause).readonly().describe('They sum to the difference.'),
    symbols: z.array(difference).readonly(),
    sells: z.array(difference).readonly().describe('Those that differ.'),
  }),
  errors: ['TIE-1002', 'TIE-3154', 'TIE-3160', 'TIE-3175', 'TIE-3176', 'TIE-3178'],
  positional: [],
  words: ['versions'],
  http: { method: 'GET', path: '/api/v1/lots/comparison' },
  run: ({ books, tenant }, { versions, historical, date, version }) =>
    books.transaction(tenant, async (tx) => {
      if ((versions === undefined) === !historical) {
        const detail = 'Say what to compare: --versions 1 2, or --historical.'
        throw new Refusal([problem('TIE-1002', { command: 'lots compare', detail })])
      }
      if (versions !== undefined) return twoVersions(tx, versions[0]!, versions[1]!)
      return withHistorical(tx, await versionOf(tx, version), date)
    }),
})

async function twoVersions(tx: Tx, left: number, right: number) {
  const { symbols, sells } = compareVersions(await inputsOf(tx, left), await inputsOf(tx, right))
  return {
    left: `version ${left}`,
    right: `version ${right}`,
    ...totals(symbols),
    symbols,
    sells,
  }
}

async function inputsOf(tx: Tx, version: number): Promise<LotVersion> {
  const { config } = await computedVersion(tx, version)
  const facts: LotFact[] = []
  await readSeenFacts(tx, await seenFacts(tx, version), (fact) => facts.push(fact))
  return { facts, config }
}

const EVERY = Number.MAX_SAFE_INTEGER

async function withHistorical(tx: Tx, version: number, asked: string | undefined) {
  const dates = await snapshotDates(tx)
  const date = asked === undefined ? dates[0] : snapshotDate(asked)
  if (date === undefined || !dates.includes(date)) {
    refuse('TIE-3178', { of: asked === undefined ? '' : ` of ${asked}` })
  }
  const rows = await listAllocations(tx, { version }, undefined, EVERY)
  const old = await loadSnapshot(tx, date)
  const symbolOf = new Map(old.map(({ order_id, symbol }) => [order_id, symbol]))
  const compared = compareHistorical(
    rows,
    old.map(({ order_id, parent_id, pnl_usd }) => ({ sell_order_id: order_id, parent_id, pnl_usd })),
  )
  const sells = compared.sells.map(
    (one): Difference => ({
      sell_order_id: one.sell_order_id,
      symbol: one.symbol ?? symbolOf.get(one.sell_order_id) ?? null,
      left: one.historical,
      right: one.computed,
      difference: one.difference,
      causes: [{ cause: one.cause, amount: one.difference }],
    }),
  )
  const symbolOfSell = new Map(rows.map(({ sell_order_id, symbol }) => [sell_order_id, symbol]))
  const symbols = symbolsOf(
    old.map(({ order_id, symbol, pnl_usd }) => [symbolOfSell.get(order_id) ?? symbol, pnl_usd]),
    rows.map(({ symbol, pnl }) => [symbol, pnl]),
    sells,
  )
  return { left: `historical ${date}`, right: `version ${version}`, ...totals(symbols), symbols, sells }
}

type Money = readonly (readonly [symbol: string | null, pnl: string | null])[]

/** Every symbol of either side, with the causes of its sells. */
function symbolsOf(left: Money, right: Money, sells: readonly Difference[]): Difference[] {
  const names = new Set([...left, ...right].map(([symbol]) => symbol))
  const sumOf = (money: Money, name: string | null): string =>
    sum(money.filter(([symbol]) => symbol === name).map(([, pnl]) => pnl))
  return [...names]
    .sort((a, b) => compareText(a ?? '', b ?? ''))
    .map((symbol) => {
      const [before, after] = [sumOf(left, symbol), sumOf(right, symbol)]
      return {
        sell_order_id: null,
        symbol,
        left: before,
        right: after,
        difference: canonicalDecimal(subtract(parseDecimal(after)!, parseDecimal(before)!)),
        causes: summed(sells.filter((sell) => sell.symbol === symbol).flatMap(({ causes }) => causes)),
      }
    })
}

const sum = (amounts: readonly (string | null)[]): string =>
  canonicalDecimal(amounts.reduce((total: Decimal, one) => add(total, parseDecimal(one ?? '0')!), ZERO))

/** One row a cause, in the order in which they come. */
const summed = (causes: Difference['causes']): { cause: string; amount: string }[] =>
  [...new Set(causes.map((one) => one.cause))].map((name) => ({
    cause: name,
    amount: sum(causes.filter((one) => one.cause === name).map((one) => one.amount)),
  }))

function totals(symbols: readonly (Difference | LotDifference)[]) {
  return {
    left_pnl: sum(symbols.map((one) => one.left)),
    right_pnl: sum(symbols.map((one) => one.right)),
    difference: sum(symbols.map((one) => one.difference)),
    causes: summed(symbols.flatMap(({ causes }) => causes)),
  }
}

export const compareOperations: readonly Operation[] = [compare]
