/**
 * The configuration of lots as it is stored with a version and said in differences: plain JSON of text, in one
 * order. Raises nothing.
 */

import { canonicalDecimal } from '../base/decimal.js'
import { compareText } from '../base/text.js'
import type { LotConfig, LotConfigDraft } from './config.js'

/** Every option said; `lotConfig` reads it back. */
export function configText(config: LotConfig): Required<LotConfigDraft> {
  const sorted = <T, U>(map: ReadonlyMap<string, T>, to: (value: T) => U): Record<string, U> =>
    Object.fromEntries([...map].sort(([a], [b]) => compareText(a, b)).map(([key, value]) => [key, to(value)]))
  return {
    method: config.method,
    scope: config.scope,
    short: config.short,
    switches: config.switches.map(({ at, method, scope }) => ({ at, method, scope })),
    dust: canonicalDecimal(config.dust),
    dust_by_symbol: sorted(config.dust_by_symbol, canonicalDecimal),
    assets: sorted(config.assets, ({ base, quote }) => ({ base, quote })),
  }
}

/** `method fifo there, lifo here`, one for each option that differs; empty when none does. */
export function configDifferences(there: LotConfig, here: LotConfig): string {
  const [a, b] = [configText(there), configText(here)] as unknown as Record<string, unknown>[]
  const said = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.keys(a!)
    .filter((name) => said(a![name]) !== said(b![name]))
    .map((name) => `${name} ${said(a![name])} there, ${said(b![name])} here`)
    .join('; ')
}

/** `fifo by symbol, short refuse`, with what else is not the default. */
export function configSummary(config: LotConfig): string {
  const { method, scope, short, switches, dust, dust_by_symbol, assets } = configText(config)
  return [
    `${method} by ${scope}`,
    `short ${short}`,
    ...(dust === '0' ? [] : [`dust ${dust}`]),
    ...Object.entries(dust_by_symbol).map(([symbol, size]) => `dust of ${symbol} ${size}`),
    ...switches.map((each) => `${each.method} by ${each.scope} from ${each.at}`),
    ...Object.entries(assets).map(([symbol, { base, quote }]) => `${symbol} is ${base} in ${quote}`),
  ].join(', ')
}
