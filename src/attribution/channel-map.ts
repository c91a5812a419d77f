/**
 * Which channel a touch belongs to. The touch keeps the code that it was sent with; the taxonomy says what that means, so
 * that a mapping made later holds for what came before as well. Raises nothing.
 */

export const UNKNOWN = 'unknown'

export interface Channel {
  readonly code: string
  readonly state: 'discovered' | 'active' | 'deprecated' | 'mapped'
  readonly maps_to: string | null
}

/**
 * The channel of a code: what it maps to, or itself where somebody declared it, or the bucket `unknown`. While a tenant
 * has declared no channel at all, every code stands for itself.
 */
export function channelsOf(taxonomy: readonly Channel[]): (code: string) => string {
  const byCode = new Map(taxonomy.map((channel) => [channel.code, channel]))
  const declared = taxonomy.some(({ code, state }) => code !== UNKNOWN && state !== 'discovered')
  return (code) => {
    const channel = byCode.get(code)
    if (channel?.maps_to != null) return channel.maps_to
    return !declared || (channel !== undefined && channel.state !== 'discovered') ? code : UNKNOWN
  }
}
