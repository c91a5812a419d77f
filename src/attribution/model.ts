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

/**
 * `time-decay@1.0.0+0123456789abcdef`: name, version, and the digest of all parameters; of a learned model the digest
 * of its weight table too, so that weights learned again are another version. As semver has it, what follows + says
 * which build it is.
 */
export function modelVersion({ name, version, parameters }: Model, table?: WeightTable): string {
  const digest = digestOf({ model: name, version, parameters, table: table?.digest ?? null })
  return `${name}@${version}+${digest.slice('sha256:'.length, 'sha256:'.length + SHOWN_DIGITS)}`
}
