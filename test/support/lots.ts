/** Trades written in a line each, computed and proved. */

import type { OpenLot } from '#tieout/lots/allocation'
import { allocationFields } from '#tieout/lots/allocation-rows'
import { Claims } from '#tieout/lots/claims'
import { type Computation, computeLots, factsOf } from '#tieout/lots/compute'
import { type LotConfig, type LotConfigDraft, lotConfig } from '#tieout/lots/config'
import { parseSplit, parseTransfer, type Split, type Transfer } from '#tieout/lots/facts'
import { type Proof, proveLots } from '#tieout/lots/proof'
import type { SymbolFacts } from '#tieout/lots/symbol-facts'
import { parseTrade, type RawTrade, type Trade } from '#tieout/lots/trade'
import { parsed } from './random-lots.js'

/** `id side size @ price`, then `fee F`, `in ACCOUNT`, `for STRATEGY`, `lots A,B`, `bracket K`, `feeIn CUR`, `of SYMBOL`; a line an hour. */
export function trades(lines: string): Trade[] {
  return lines
    .trim()
    .split('\n')
    .map((line, hour) => {
      const [order_id, side, size, , price, ...more] = line.trim().split(/\s+/)
      const said = (name: string): string | undefined => {
        const at = more.indexOf(name)
        return at < 0 ? undefined : more[at + 1]
      }
      const day = String(1 + Math.floor(hour / 24)).padStart(2, '0')
      const row: RawTrade = {
        order_id: order_id!,
        side: side!,
        size: size!,
        price: price!,
        symbol: said('of') ?? 'BTC-USD',
        fee: said('fee') ?? '0',
        fee_currency: said('feeIn') ?? '',
        account: said('in') ?? '',
        strategy: said('for') ?? '',
        bracket: said('bracket') ?? '',
        lot_ids: (said('lots') ?? '').replaceAll(',', ' '),
        executed_at: said('at') ?? `2025-03-${day}T${String(hour % 24).padStart(2, '0')}:00:00Z`,
      }
      return parsed(parseTrade(row)) as Trade
    })
}

export const split = (id: string, ratio: string, at: string, symbol = 'BTC-USD'): Split =>
  parsed(parseSplit({ id, symbol, ratio, at }))

export const transfer = (id: string, size: string, from: string, to: string, at: string): Transfer =>
  parsed(parseTransfer({ id, symbol: 'BTC-USD', size, from_account: from, to_account: to, at }))

export interface Lots extends Computation {
  readonly config: LotConfig
  readonly facts: ReadonlyMap<string, SymbolFacts>
}

export function lots(facts: Iterable<Trade | Split | Transfer>, draft: LotConfigDraft = {}): Lots {
  const config = lotConfig(draft)
  const table = factsOf(facts, config)
  return { ...computeLots(table, config), config, facts: table }
}

/** The rows of a computation as text, to be spoiled. */
export interface Stored {
  readonly rows: (string | null)[][]
  readonly open: OpenLot[]
}

export function stored({ symbols }: Computation): Stored {
  const all = [...symbols.values()]
  return {
    rows: all.flatMap(({ allocations }) => allocations.sell.map((_, i) => allocationFields(allocations, i))),
    open: all.flatMap(({ state }) => state.lots),
  }
}

export function prove({ facts, config }: Lots, { rows, open }: Stored): Proof {
  const claims = new Claims()
  for (const row of rows) claims.add(row)
  return proveLots({ facts, config, claims, open })
}
