/** Channels summed up by family. Raises nothing. */

export interface ChannelAmount {
  readonly family: string
  readonly currency: string
  readonly allocated_revenue_cents: string
  readonly allocations: number
}

/** Exact sums, each family and currency once, in the order in which they first come. */
export function byFamily(channels: readonly ChannelAmount[]): ChannelAmount[] {
  const sums = new Map<string, { cents: bigint; allocations: number; of: ChannelAmount }>()
  for (const one of channels) {
    const key = JSON.stringify([one.currency, one.family])
    const sum = sums.get(key) ?? { cents: 0n, allocations: 0, of: one }
    sums.set(key, {
      of: sum.of,
      cents: sum.cents + BigInt(one.allocated_revenue_cents),
      allocations: sum.allocations + one.allocations,
    })
  }
  return [...sums.values()].map(({ cents, allocations, of: { family, currency } }) => ({
    family,
    currency,
    allocated_revenue_cents: String(cents),
    allocations,
  }))
}
