/** The header X-Correlation-ID, by which systems on both sides find one request again. Raises nothing: TIE-1620 is handed on. */

import { problem, Refusal } from '../../base/errors.js'

export type Correlation =
  | { readonly is: 'given'; readonly id: string }
  | { readonly is: 'refused'; readonly refusal: Refusal }

export function correlationId(given: string | undefined): Correlation {
  if (given !== undefined && /^[A-Za-z0-9._-]{1,100}$/.test(given)) return { is: 'given', id: given }
  const detail = given === undefined ? 'is missing' : 'is no id'
  return { is: 'refused', refusal: new Refusal([problem('TIE-1620', { detail })]) }
}
