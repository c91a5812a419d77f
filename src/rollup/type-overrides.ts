/** `--types daily_amt=numeric(18,2),cc_id=text`: column types that an import takes instead of its own. Raises TIE-2414. */

import { refuse } from '../base/errors.js'
import type { FactColumnType } from '../books/fact-tables.js'

export interface TypeOverride {
  readonly type: FactColumnType
  /** Digits after the point; null: any. */
  readonly scale: number | null
  readonly sql: string
}

export function parseTypes(text: string | undefined): ReadonlyMap<string, TypeOverride> {
  // A comma inside numeric(18,2) separates nothing.
  const parts = (text ?? '').split(/,(?![^(]*\))/).filter((part) => part.trim() !== '')
  return new Map(parts.map((part) => typeOf(part.trim())))
}

function typeOf(part: string): [string, TypeOverride] {
  const [name, type, more] = part.split('=').map((side) => side.trim())
  const override = name === '' || type === undefined || more !== undefined ? undefined : overrideOf(type)
  if (override === undefined) refuse('TIE-2414', { text: part })
  return [name!, override]
}

function overrideOf(type: string): TypeOverride | undefined {
  if (type === 'text' || type === 'date' || type === 'boolean') return { type, scale: null, sql: type }
  if (type === 'numeric') return { type, scale: null, sql: 'numeric' }
  const sized = /^numeric\((\d{1,3}),\s*(\d{1,3})\)$/.exec(type)
  if (sized === null || Number(sized[2]) > Number(sized[1]) || Number(sized[1]) < 1) return undefined
  return { type: 'numeric', scale: Number(sized[2]), sql: `numeric(${sized[1]},${sized[2]})` }
}
