/**
 * What a platform claims to have brought, or what was settled of it: one row under a reference, as it was reported, never
 * changed. A row of text becomes a claim or all its problems (TIE-4202, TIE-4214, TIE-4220, TIE-4302, TIE-4303).
 */

import { type IsoDate, parseDate } from '../base/dates.js'
import { type Digest, digestOf } from '../base/digest.js'
import { type Problem, problem } from '../base/errors.js'
import { MAX_ID, wholeCents } from './revenue-event.js'

export const CLAIM_COLUMNS = ['platform', 'reference', 'amount_cents', 'currency', 'occurred_on'] as const
type Column = (typeof CLAIM_COLUMNS)[number]

export interface Claim {
  readonly platform: string
  /** What platform and books know the revenue by: the external id of its event, where there is one. */
  readonly reference: string
  /** In minor units; negative where something is taken back. */
  readonly amount_cents: bigint
  readonly currency: string
  readonly occurred_on: IsoDate
}

export type ParsedClaim =
  | { readonly is: 'claim'; readonly claim: Claim }
  | { readonly is: 'refused'; readonly problems: readonly Problem[] }

export function parseClaim(row: Readonly<Partial<Record<Column, string>>>): ParsedClaim {
  const problems: Problem[] = []
  const text = (field: Column): string => {
    const value = (row[field] ?? '').trim()
    if (value === '') problems.push(problem('TIE-4302', { field }))
    const length = Buffer.byteLength(value)
    if (length > MAX_ID) problems.push(problem('TIE-4220', { field, length, limit: MAX_ID }))
    return value
  }
  const [platform, reference] = [text('platform'), text('reference')]
  const amount = text('amount_cents')
  const amount_cents = wholeCents(amount)
  if (amount !== '' && amount_cents === undefined)
    problems.push(problem('TIE-4202', { field: 'amount_cents', value: amount.slice(0, 60) }))
  const currency = text('currency')
  if (currency !== '' && !/^[A-Z]{3}$/.test(currency))
    problems.push(problem('TIE-4214', { value: currency.slice(0, 60) }))
  const day = text('occurred_on')
  const occurred_on = parseDate(day)
  if (day !== '' && occurred_on === undefined)
    problems.push(problem('TIE-4303', { field: 'occurred_on', value: day.slice(0, 60) }))
  if (problems.length > 0 || amount_cents === undefined || occurred_on === undefined)
    return { is: 'refused', problems }
  return { is: 'claim', claim: { platform, reference, amount_cents, currency, occurred_on } }
}

/** The same reference with another digest is another content. */
export const claimDigest = ({ amount_cents, ...claim }: Claim): Digest =>
  digestOf({ ...claim, amount_cents: String(amount_cents) })
