/**
 * Join patterns: the sets of dimensions that occur together in a group of the mapping, and the filter that tells a
 * pattern's facts from those of patterns with more dimensions. Raises nothing.
 */

import { compareText } from '../../base/text.js'
import type { FactShape, FoundDimension } from './fact-shape.js'
import { wordsOf } from './profile.js'

/** A group of the mapping that includes facts, of an active node that is not calculated. */
export interface MappedGroup {
  /** Names along the node's path. */
  readonly node: string
  /** Aliases, sorted. */
  readonly dimensions: readonly string[]
}

export interface FoundPattern {
  readonly name: string
  readonly dimensions: readonly FoundDimension[]
  readonly groups: number
  /** In the predicate language. */
  readonly filter: string | null
  /** Why there is a filter; null when there is none. */
  readonly reason: string | null
}

/** How many facts have which of the dimensions' keys, and which value of a flag. */
export interface Signature {
  /** By the places of the dimensions. */
  readonly keys: readonly boolean[]
  /** By the places of the flags. */
  readonly flags: readonly (string | null)[]
  readonly facts: number
}

export function patternsOf(
  groups: readonly MappedGroup[],
  fact: FactShape,
  signatures: readonly Signature[],
): readonly FoundPattern[] {
  const sets = new Map<string, { aliases: readonly string[]; groups: number }>()
  for (const { dimensions } of groups) {
    const key = JSON.stringify(dimensions)
    sets.set(key, { aliases: dimensions, groups: (sets.get(key)?.groups ?? 0) + 1 })
  }
  const all = [...sets.values()].sort(
    (a, b) => b.groups - a.groups || compareText(a.aliases.join(' '), b.aliases.join(' ')),
  )
  return all.map(({ aliases, groups: count }) => {
    const dimensions = fact.dimensions.filter(({ alias }) => aliases.includes(alias))
    const isInside = all.some((other) => isWithin(aliases, other.aliases))
    const found = isInside
      ? (byFacts(dimensions, fact, signatures) ?? byNames(aliases, groups, fact, signatures))
      : undefined
    const name = found?.name ?? aliases.join('_').toLowerCase()
    return {
      name,
      dimensions,
      groups: count,
      filter: found?.filter ?? null,
      reason: found?.reason ?? null,
    }
  })
}

const isWithin = (part: readonly string[], whole: readonly string[]): boolean =>
  whole.length > part.length && part.every((alias) => whole.includes(alias))

const column = (name: string): string =>
  /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
const test = (name: string, value: string): string => `${column(name)} = '${value.replaceAll("'", "''")}'`

/** `ROYALTY_FILTER` is about royalty. */
const topicOf = (flag: string): string =>
  wordsOf(flag)
    .filter((word) => !['FILTER', 'FLAG', 'IS', 'HAS', 'IND', 'INDICATOR', 'YN'].includes(word))
    .join('_')
    .toLowerCase()

/** A value of a flag that just those facts have which have the pattern's keys and no other. */
function byFacts(
  dimensions: readonly FoundDimension[],
  { dimensions: all, flags }: FactShape,
  signatures: readonly Signature[],
) {
  const wanted = all.map((dimension) => dimensions.includes(dimension))
  const isOwn = ({ keys }: Signature): boolean => keys.every((has, i) => has === wanted[i])
  for (const [i, flag] of flags.entries())
    for (const value of [...(flag.values ?? [])].sort(compareText)) {
      const having = signatures.filter((signature) => signature.flags[i] === value)
      const own = signatures.filter(isOwn)
      if (having.length === 0 || !having.every(isOwn) || !own.every((one) => one.flags[i] === value)) continue
      const facts = having.reduce((sum, one) => sum + one.facts, 0)
      const keys = dimensions.map(({ factKey }) => factKey).join(' and ')
      const reason = `all ${facts} facts with ${test(flag.name, value)} have ${keys} and no other key, and no other fact has only that`
      return { name: topicOf(flag.name), filter: test(flag.name, value), reason }
    }
  return undefined
}

/** A flag whose name all nodes of the pattern say and no other node does. */
function byNames(
  aliases: readonly string[],
  groups: readonly MappedGroup[],
  { flags }: FactShape,
  signatures: readonly Signature[],
) {
  const own = groups.filter(({ dimensions }) => JSON.stringify(dimensions) === JSON.stringify(aliases))
  for (const [i, flag] of flags.entries()) {
    const topic = topicOf(flag.name)
    const says = ({ node }: MappedGroup): boolean =>
      topic !== '' && wordsOf(node).join('_').toLowerCase().includes(topic)
    if (!own.every(says) || groups.filter(says).length > own.length) continue
    const values = signatures.flatMap((one) => one.flags[i] ?? [])
    const value = ['Y', 'YES', 'T', 'TRUE', '1'].find((yes) => values.includes(yes))
    if (value === undefined) continue
    const reason = `every node of the pattern speaks of ${topic}, and no other does`
    return { name: topic, filter: test(flag.name, value), reason }
  }
  return undefined
}
