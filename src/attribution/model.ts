/** A model with its parameters, and the version that says which figures it makes. Raises nothing. */

import { type Digest, digestOf } from '../base/digest.js'
import { definitionOf, type ModelName } from './models.js'

export interface Model {
  readonly name: ModelName
  readonly version: string
  /** Every parameter that holds, in canonical text, defaults included. */
  readonly parameters: Readonly<Record<string, string>>
}

/** Weights of channels, learned from paths: whole numbers ≥ 0 that sum to TABLE_TOTAL. */
export interface WeightTable {
  readonly weights: ReadonlyMap<string, bigint>
  readonly digest: Digest
}

/** What the weights of a table sum to: eighteen decimals of a share. */
export const TABLE_TOTAL = 10n ** 18n

export const isLearned = ({ name }: Model): boolean => definitionOf(name).weighs === 'learned'

/** `linear@1?lookback=30`: read by parseModel again; parameters at their default are left out. */
export function modelText({ name, version, parameters }: Model): string {
  const said = definitionOf(name).parameters.flatMap(({ name: parameter, fallback }) => {
    const value = parameters[parameter]
    return value === undefined || value === fallback ? [] : [`${parameter}=${value}`]
  })
  return `${name}@${version}${said.length === 0 ? '' : `?${said.join('&')}`}`
}

/** Digits of the digest that a version shows. */
const SHOWN_DIGITS = 16

const shown = (digest: Digest): string => digest.slice('sha256:'.length, 'sha256:'.length + SHOWN_DIGITS)

/**
 * `time-decay@1.0.0+0123456789abcdef`: name, version, and the digest of all parameters. Of the sets of an event by
 * versions that begin so, one holds at a time.
 */
export const modelKey = ({ name, version, parameters }: Model): string =>
  `${name}@${version}+${shown(digestOf({ model: name, version, parameters, table: null }))}`

/**
 * The key; of a learned model, behind a point, the digest of its weight table too, so that weights learned again are
 * another version. As semver has it, what follows + says which build it is.
 */
export const modelVersion = (model: Model, table?: WeightTable): string =>
  table === undefined ? modelKey(model) : `${modelKey(model)}.${shown(table.digest)}`

/** The set of an event whose inputs changed is another version: `.r2` behind it, then `.r3`. */
export const revisedVersion = (version: string, revision: number): string =>
  revision === 1 ? version : `${version}.r${revision}`

/** What revisedVersion made: the version and the number. */
export function revisionOf(version: string): { readonly version: string; readonly revision: number } {
  const match = /^(.*)\.r(\d+)$/.exec(version)
  return match === null ? { version, revision: 1 } : { version: match[1]!, revision: Number(match[2]) }
}
