/**
 * If-Match as the operation's `expected_version`: the tag of a resource that has a version begins with it. The
 * operation itself compares it, in the transaction of the change. Raises TIE-1606 (a tag of another resource kind
 * or tenant), TIE-1607 (no tag).
 */

import { refuse } from '../../base/errors.js'
import type { TenantId } from '../../books/books.js'
import { tenantMark } from './answer.js'

/** The version the client saw; undefined when it does not say, or says any. */
export function expectedVersion(header: string | undefined, tenant: TenantId): number | undefined {
  const text = header?.trim()
  if (text === undefined || text === '*') return undefined
  if (text.startsWith('W/')) refuse('TIE-1607', { detail: 'a weak tag cannot say what may be overwritten' })
  if (!/^"[\x21\x23-\x7e]*"$/.test(text))
    refuse('TIE-1607', { detail: 'one tag in double quotes is expected' })
  const [, version, mark] = /^"v(\d{1,15})-([0-9a-f]{8})[0-9a-f]{32}"$/.exec(text) ?? []
  if (version === undefined || mark !== tenantMark(tenant)) refuse('TIE-1606', {})
  return Number(version)
}
