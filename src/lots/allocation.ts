/**
 * What a computation of lots gives, per symbol: allocations in columns, open lots and findings. The
 * columns hold whole units (bigint) at one scale each; rows of text are made of them in allocation-rows.ts.
 */

import type { Digest } from '../base/digest.js'
import type { Severity } from '../base/finding.js'
import type { OrderKey } from './order.js'
import type { UnitsColumn } from './units-column.js'

/**
 * matched: a sell closes a bought lot. unmatched: the part of a sell that no lot covers (buy null). short: a
 * buy closes a lot that a sell opened. dust: what a closing trade left of a lot, at most the dust threshold;
 * its other side is that trade, with nothing of its money.
 */
export const ALLOCATION_CLASSES = ['matched', 'unmatched', 'dust', 'short'] as const
export type AllocationClass = (typeof ALLOCATION_CLASSES)[number]

export type LotSide = 'long' | 'short'

/** The trades that allocations and lots name by number, a column for each of their properties. */
export interface OrderColumns {
  readonly order_id: readonly string[]
  /** Quote per unit of base as it was reported, canonical decimal text. */
  readonly price: readonly string[]
  readonly executed_at: readonly string[]
  readonly account: readonly (string | null)[]
  readonly strategy: readonly (string | null)[]
  readonly bracket: readonly (string | null)[]
}

/** All allocations of one symbol, in the order in which they arose. Arrays have one member per allocation. */
export interface AllocationColumns {
  readonly symbol: string
  readonly orders: OrderColumns
  /** Digits after the point of `size`. */
  readonly sizeScale: number
  /** Digits after the point of the four money columns. */
  readonly amountScale: number
  /** Number of the sell in `orders`. */
  readonly sell: readonly number[]
  /** Number of the buy in `orders`; −1: null, the class is unmatched. */
  readonly buy: readonly number[]
  /** Place in ALLOCATION_CLASSES. */
  readonly class: readonly number[]
  /** 1: the lot is short, so that the buy closed it. */
  readonly short: readonly number[]
  /** The account that held the lot when it was closed; null also when there is no lot. */
  readonly lotAccount: readonly (string | null)[]
  readonly size: UnitsColumn
  /** What of price × size falls to this row, of the buy and of the sell. */
  readonly buyGross: UnitsColumn
  readonly sellGross: UnitsColumn
  /** What of the fees in quote falls to this row. */
  readonly buyFee: UnitsColumn
  readonly sellFee: UnitsColumn
}

/**
 * One allocation as text. Amounts are canonical decimals in quote, sizes in units of the base asset after the
 * splits up to the closing trade. Of an unmatched row everything about the buy, cost_basis and pnl are null:
 * unknown is not 0.
 */
export interface AllocationRow {
  readonly sell_order_id: string
  readonly buy_order_id: string | null
  readonly symbol: string
  /** Of the closing trade. */
  readonly account: string | null
  readonly strategy: string | null
  readonly lot_account: string | null
  readonly allocated_size: string
  readonly buy_price: string | null
  readonly sell_price: string
  readonly buy_fee: string | null
  readonly sell_fee: string
  /** Share of the buy's gross + buy_fee. */
  readonly cost_basis: string | null
  /** Share of the sell's gross. */
  readonly proceeds: string
  /** proceeds − sell_fee. */
  readonly net_proceeds: string
  /** net_proceeds − cost_basis. */
  readonly pnl: string | null
  readonly buy_executed_at: string | null
  readonly sell_executed_at: string
  readonly lot_side: LotSide | null
  readonly class: AllocationClass
}

/**
 * A lot that is open: a row of the inventory snapshot. With the rows of one state in the order of `position`
 * a computation goes on exactly as if it had never stopped. Decimals are canonical text.
 */
export interface OpenLot {
  readonly symbol: string
  /** The pool of its scope: `symbol`, `account:NAME` or `strategy:NAME` (empty NAME: none). */
  readonly pool: string
  /** The trade that opened it. */
  readonly order_id: string
  /** The account that holds it now; the trade's own unless it was transferred. */
  readonly account: string | null
  readonly strategy: string | null
  readonly bracket: string | null
  readonly side: LotSide
  /** What the whole trade brought or sold, in units of its own time. */
  readonly original_size: string
  readonly remaining_size: string
  /** Share of price × size that remains. */
  readonly remaining_gross: string
  /** Share of the fee that remains. */
  readonly remaining_fee: string
  /** Long: gross + fee, the cost of the lot. Short: gross − fee, what was received for it. */
  readonly remaining_cost: string
  readonly price: string
  /** What the whole trade cost (long: gross + fee) or brought (short: gross − fee), for the rank by unit cost. */
  readonly original_cost: string
  readonly opened_at: string
  /** The account of the trade that opened it. */
  readonly opened_in: string | null
  /** Rank by time of opening among the lots of this state; parts of one trade share it. */
  readonly position: number
  /** Digits at which uneven shares of gross and fee are cut. */
  readonly gross_places: number
  readonly fee_places: number
  /** False after a split, a fee in kind or averaging: gross is then shared by size instead of price × size. */
  readonly even: boolean
}

/** Where a computation of a symbol stopped: everything needed to go on. Plain JSON. */
export interface SymbolState {
  readonly symbol: string
  /** The last fact taken in; null before the first. */
  readonly through: OrderKey | null
  readonly lots: readonly OpenLot[]
  readonly splits: readonly {
    readonly at: string
    readonly numerator: string
    readonly denominator: string
  }[]
  /** Digest of the allocations so far, to be gone on with: a chain value and the bytes after it, base64. */
  readonly chain: string
  readonly pending: string
  readonly allocations: number
}

/**
 * OVERSELL: no lot covers part of a sell. LOT_NOT_FOUND: a trade names a lot that is not open in its pool.
 * LOT_IDS_IGNORED: a trade names lots, but the method in force is another. TRANSFER_UNCOVERED: the account
 * holds less than the transfer moves. SPLIT_FRACTION: a split leaves fractions of lots beyond the eighth digit,
 * which are cut.
 */
export type LotFindingCode =
  | 'OVERSELL'
  | 'LOT_NOT_FOUND'
  | 'LOT_IDS_IGNORED'
  | 'TRANSFER_UNCOVERED'
  | 'SPLIT_FRACTION'

export interface LotFinding {
  readonly code: LotFindingCode
  readonly severity: Severity
  readonly message: string
  readonly suggestion: string
  readonly symbol: string
  /** Trade, transfer or split. */
  readonly order_id: string
  /** The size concerned, canonical decimal text. */
  readonly size?: string
}

export interface SymbolResult {
  readonly symbol: string
  /** Of the facts taken in now; what a state before them had is in the store. */
  readonly allocations: AllocationColumns
  readonly findings: readonly LotFinding[]
  /** After the last fact; its lots are the open lots. */
  readonly state: SymbolState
  /** Of all allocations and open lots of the symbol; equal for equal facts, however they were taken in. */
  readonly digest: Digest
}
