/** What a route may be refused for: the operation's own codes, and those that follow from what the route takes. Raises nothing. */

import { ERRORS, type ErrorCode } from '../../base/errors.js'
import type { Route } from './routes.js'

/** Codes by status, both in order. */
export function errorsOf(route: Route): ReadonlyMap<number, readonly ErrorCode[]> {
  const codes = new Set<ErrorCode>([...route.operation.errors, ...EVERYWHERE])
  if (route.body.length > 0) for (const code of OF_BODIES) codes.add(code)
  if (route.upload !== undefined) for (const code of OF_UPLOADS) codes.add(code)
  if (route.writes) for (const code of OF_WRITES) codes.add(code)
  if (route.paged) codes.add('TIE-1605')
  if (route.binding.correlated) codes.add('TIE-1620')
  if (route.edits) for (const code of OF_EDITS) codes.add(code)
  return byStatus([...codes])
}

export function byStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const found = new Map<number, ErrorCode[]>()
  for (const code of [...codes].sort()) {
    const { status } = ERRORS[code]
    found.set(status, [...(found.get(status) ?? []), code])
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}

/** The request itself, who asks, the database, a bug. */
const EVERYWHERE: readonly ErrorCode[] = [
  'TIE-1007',
  'TIE-1301',
  'TIE-1306',
  'TIE-1308',
  'TIE-1401',
  'TIE-1402',
  'TIE-1403',
  'TIE-1405',
  'TIE-1408',
  'TIE-1412',
  'TIE-1609',
  'TIE-1611',
  'TIE-1619',
  'TIE-1621',
  'TIE-9001',
]
const OF_BODIES: readonly ErrorCode[] = ['TIE-1601', 'TIE-1602', 'TIE-1603', 'TIE-1604', 'TIE-1610']
const OF_UPLOADS: readonly ErrorCode[] = ['TIE-1602', 'TIE-1610']
const OF_EDITS: readonly ErrorCode[] = ['TIE-1606', 'TIE-1607']
const OF_WRITES: readonly ErrorCode[] = ['TIE-1613', 'TIE-1614', 'TIE-1615', 'TIE-1616', 'TIE-1618']
