/**
 * How often one principal may ask: as many requests at once as the limit, and then as many as come back with time. Requests
 * of others do not count, so that one client cannot shut out the rest. Raises nothing.
 */

import type { Principal } from './access.js'

interface Bucket {
  /** Requests that are left. */
  tokens: number
  /** Milliseconds at which that was so. */
  at: number
}

/** More principals than that at once, and the one that asked longest ago is forgotten, which gives it a full bucket. */
const MAX_PRINCIPALS = 10_000

export class RateLimit {
  /** In the order in which they last asked. */
  private readonly buckets = new Map<string, Bucket>()

  constructor(
    /** 0: no limit. */
    readonly perMinute: number,
    /** Milliseconds of a clock that only goes forward. */
    private readonly elapsed: () => number,
  ) {}

  /** Takes a request; 0, or whole seconds until the next one is taken. */
  secondsToWait({ tenant, who }: Pick<Principal, 'tenant' | 'who'>): number {
    if (this.perMinute === 0) return 0
    const key = JSON.stringify([tenant, who])
    const perMs = this.perMinute / 60_000
    const at = this.elapsed()
    const { tokens, at: before } = this.buckets.get(key) ?? { tokens: this.perMinute, at }
    const left = Math.min(this.perMinute, tokens + (at - before) * perMs)
    const taken = left >= 1
    this.buckets.delete(key)
    this.buckets.set(key, { tokens: taken ? left - 1 : left, at })
    if (this.buckets.size > MAX_PRINCIPALS) this.buckets.delete(this.buckets.keys().next().value!)
    return taken ? 0 : Math.max(1, Math.ceil((1 - left) / perMs / 1000))
  }
}
