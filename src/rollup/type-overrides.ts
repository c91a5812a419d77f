/** `--types daily_amt=numeric(18,2),cc_id=text`: column types that an import takes instead of its own. Raises TIE-2414. */

import { refuse } from '../base/errors.js'
import type { ColumnLimits } from '../books/fact-tables.js'

export interface TypeOverride extends ColumnLimits {
  readonly sql: string
}

const UNLIMITED = { precision: null, scale: null, maxLength: null }

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
  if (type === 'text' || type === 'date' || type === 'boolean') return { type, ...UNLIMITED, sql: type }
  if (type === 'numeric') return { type, ...UNLIMITED, sql: 'numeric' }
  const sized = /^numeric\((\d{1,3}),\s*(\d{1,3})\)$/.exec(type)
  const [precision, scale] = [Number(sized?.[1]), Number(sized?.[2])]
  if (sized === null || scale > precision || precision < 1) return undefined
  return { type: 'numeric', precision, scale, maxLength: null, sql: `numeric(${precision},${scale})` }
}
