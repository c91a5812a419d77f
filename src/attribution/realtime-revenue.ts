/**
 * Revenue at this moment. Currencies are never added up: one number is told where there is one currency, or where one is
 * asked for; otherwise each stands by itself. Raises nothing.
 */

import { majorAmount, minorDigits } from '../base/currency.js'

export interface CurrencyTotal {
  readonly currency: string
  readonly events: number
  readonly revenue_cents: string
  readonly verified_events: number
  readonly verified_cents: string
  readonly unverified_cents: string
  readonly entries: number
  readonly posted_cents: string
  readonly last_recorded_at: string
}

export interface RealtimeRevenue {
  /** In the major unit of `currency`; null where there are several currencies and none was asked for. */
  readonly total_revenue: string | null
  readonly currency: string | null
  /** Whether all of it is verified; of several currencies, whether all of each is. Nothing is not verified. */
  readonly verified: boolean
  /** Whole seconds since anything of it was recorded; null when nothing ever was. */
  readonly data_freshness_seconds: number | null
  readonly currencies: readonly (Omit<CurrencyTotal, 'last_recorded_at'> & {
    readonly minor_unit_digits: number
    readonly revenue: string
  })[]
}

/** `now` is the moment of reading. */
export function realtimeRevenue(
  totals: readonly CurrencyTotal[],
  asked: string | undefined,
  now: string,
): RealtimeRevenue {
  const told = asked === undefined ? totals : totals.filter(({ currency }) => currency === asked)
  const currency = asked ?? (told.length === 1 ? told[0]!.currency : null)
  const cents = BigInt(told.length === 1 ? told[0]!.revenue_cents : 0)
  const recorded = told.map(({ last_recorded_at }) => Date.parse(last_recorded_at))
  return {
    total_revenue: currency !== null ? majorAmount(cents, currency) : told.length === 0 ? '0' : null,
    currency,
    verified: told.length > 0 && told.every(({ events, verified_events }) => events === verified_events),
    // A clock that was set back gives no negative age.
    data_freshness_seconds:
      recorded.length === 0
        ? null
        : Math.max(0, Math.floor((Date.parse(now) - Math.max(...recorded)) / 1000)),
    currencies: told.map(({ last_recorded_at, ...total }) => ({
      ...total,
      minor_unit_digits: minorDigits(total.currency),
      revenue: majorAmount(BigInt(total.revenue_cents), total.currency),
    })),
  }
}
