/**
 * Which configuration a computation goes by: that of its version, or, of a new version or by force, what was
 * asked for. Raises TIE-3112, and TIE-3155 for another configuration than the version's.
 */

import { refuse } from '../base/errors.js'
import { configDigest, type LotConfig, type LotConfigDraft, lotConfig } from './config.js'
import { configDifferences, configText } from './config-text.js'

/** Options of LotConfigDraft; those that are undefined are not said. */
type Options = Readonly<Record<string, unknown>>

/** What was asked for: a whole configuration, and options that count before it. */
export interface ConfigRequest {
  readonly whole?: Options | undefined
  readonly options: Options
}

const said = (options: Options): LotConfigDraft =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** `kept` is that of the version, undefined of a new one. What a request leaves out stays as it is kept. */
export function settledConfig(
  version: number,
  kept: LotConfig | undefined,
  { whole, options }: ConfigRequest,
  isForced: boolean,
): LotConfig {
  const base = whole !== undefined ? said(whole) : kept === undefined ? {} : configText(kept)
  const asked = lotConfig({ ...base, ...said(options) })
  if (kept !== undefined && !isForced && configDigest(asked) !== configDigest(kept)) {
    refuse('TIE-3155', { version, differences: configDifferences(kept, asked) })
  }
  return asked
}
