/**
 * What a computation of lots is told besides the facts, all of it part of the version's identity: method, pool
 * scope, switches of both at instants, short policy, dust, and the assets of symbols. Raises TIE-3112 with
 * everything wrong at once.
 */

import { canonicalDecimal, type Decimal, ZERO } from '../base/decimal.js'
import { type Digest, digestOf } from '../base/digest.js'
import { problem, refuseAll } from '../base/errors.js'
import { type NanoInstant, parseInstant } from '../base/instant.js'
import { compareText, didYouMean } from '../base/text.js'
import { parseAmount } from './trade.js'

/** Raised whenever the same facts and configuration would give other rows. */
export const ENGINE_VERSION = 'lots/2'

export const METHODS = ['fifo', 'lifo', 'hifo', 'lofo', 'average', 'specific'] as const
export type Method = (typeof METHODS)[number]
/** Which lots a trade may close: those of its symbol, of its symbol and account, of its symbol and strategy. */
export const SCOPES = ['symbol', 'account', 'strategy'] as const
export type Scope = (typeof SCOPES)[number]
/** What the uncovered part of a sell is: an unmatched row, or the opening of a short lot. */
export const SHORT_POLICIES = ['refuse', 'allow'] as const
export type ShortPolicy = (typeof SHORT_POLICIES)[number]

/** From `at` (inclusive) on, this method and scope. */
export interface Switch {
  readonly at: NanoInstant
  readonly method: Method
  readonly scope: Scope
}

export interface Assets {
  readonly base: string
  readonly quote: string
}

export interface LotConfig {
  readonly method: Method
  readonly scope: Scope
  readonly short: ShortPolicy
  /** By time; no two at one instant. */
  readonly switches: readonly Switch[]
  /** A lot of at most this size that a closing trade leaves is closed as dust. 0: none. */
  readonly dust: Decimal
  /** By symbol, instead of `dust`. */
  readonly dust_by_symbol: ReadonlyMap<string, Decimal>
  /** Assets of symbols that are not written base-quote or base/quote. */
  readonly assets: ReadonlyMap<string, Assets>
}

/** As it comes from a file or flags; what is left out has its default: fifo, symbol, refuse, no switches, no dust. */
export interface LotConfigDraft {
  readonly method?: string
  readonly scope?: string
  readonly short?: string
  readonly switches?: readonly { readonly at: string; readonly method?: string; readonly scope?: string }[]
  readonly dust?: string
  readonly dust_by_symbol?: Readonly<Record<string, string>>
  readonly assets?: Readonly<Record<string, Assets>>
}

/** Raises TIE-3112 for each thing that is wrong. */
export function lotConfig(draft: LotConfigDraft = {}): LotConfig {
  const wrong: { detail: string; suggestion?: string }[] = []
  const oneOf = <T extends string>(what: string, known: readonly T[], value: string): T => {
    const found = known.find((name) => name === value)
    if (found === undefined) {
      const detail = `"${value}" is no ${what}; expected ${known.join(', ')}`
      wrong.push({ detail, suggestion: didYouMean(value, known) })
    }
    return found ?? known[0]!
  }
  const dustOf = (value: string, where: string): Decimal => {
    const dust = parseAmount(value)
    if (dust === undefined || dust.units < 0n)
      wrong.push({ detail: `${where} is "${value}", which is no size` })
    return dust ?? ZERO
  }
  const method = oneOf('method', METHODS, draft.method ?? 'fifo')
  const scope = oneOf('scope', SCOPES, draft.scope ?? 'symbol')
  const short = oneOf('short policy', SHORT_POLICIES, draft.short ?? 'refuse')
  const drafts = (draft.switches ?? []).map((each) => {
    const parsed = parseInstant(each.at)
    if (parsed.is !== 'instant')
      wrong.push({ detail: `switch at "${each.at}" needs an instant with its zone` })
    return { ...each, at: parsed.is === 'instant' ? parsed.instant : ('' as NanoInstant) }
  })
  drafts.sort((a, b) => compareText(a.at, b.at))
  const switches: Switch[] = []
  for (const each of drafts) {
    const before = switches.at(-1) ?? { method, scope, at: '' }
    if (each.at !== '' && before.at === each.at) wrong.push({ detail: `two switches at ${each.at}` })
    switches.push({
      at: each.at,
      method: oneOf('method', METHODS, each.method ?? before.method),
      scope: oneOf('scope', SCOPES, each.scope ?? before.scope),
    })
  }
  const dust = dustOf(draft.dust ?? '0', 'dust')
  const dust_by_symbol = new Map(
    Object.entries(draft.dust_by_symbol ?? {}).map(([symbol, value]) => [
      symbol,
      dustOf(value, `dust of ${symbol}`),
    ]),
  )
  refuseAll(wrong.map((params) => problem('TIE-3112', params)))
  const assets = new Map(Object.entries(draft.assets ?? {}))
  return { method, scope, short, switches, dust, dust_by_symbol, assets }
}

/** Method and scope in force at an instant. */
export function inForce(config: LotConfig, at: string): { readonly method: Method; readonly scope: Scope } {
  return config.switches.findLast((each) => each.at <= at) ?? config
}

export const dustOf = (config: LotConfig, symbol: string): Decimal =>
  config.dust_by_symbol.get(symbol) ?? config.dust

/** Base and quote of a symbol: as configured, or as written around `-` or `/`; undefined when neither says. */
export function assetsOf(config: LotConfig, symbol: string): Assets | undefined {
  const known = config.assets.get(symbol)
  if (known !== undefined) return known
  const [base, quote, more] = symbol.split(/[-/]/)
  return base && quote && more === undefined ? { base, quote } : undefined
}

/**
 * Equal for configurations that give equal rows of equal facts, whatever they were written like. `engine`: of the
 * computation that is spoken of.
 */
export function configDigest(config: LotConfig, engine: string = ENGINE_VERSION): Digest {
  return digestOf({
    engine,
    clock: 'executed_at',
    ties: 'splits, buys, transfers, sells; venue sequence; id',
    method: config.method,
    scope: config.scope,
    short: config.short,
    switches: config.switches.map(({ at, method, scope }) => [at, method, scope]),
    dust: canonicalDecimal(config.dust),
    dust_by_symbol: [...config.dust_by_symbol]
      .sort(([a], [b]) => compareText(a, b))
      .map(([symbol, dust]) => [symbol, canonicalDecimal(dust)]),
    assets: [...config.assets]
      .sort(([a], [b]) => compareText(a, b))
      .map(([symbol, { base, quote }]) => [symbol, base, quote]),
  })
}
