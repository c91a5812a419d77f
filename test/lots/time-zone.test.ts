/** Local times of named zones: what the clocks skip and show twice is refused, everything else is one instant. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseInstant } from '#tieout/base/instant'
import { offsetText, timeZone } from '#tieout/base/time-zone'

const read = (text: string, zone: string): string => {
  const parsed = parseInstant(text, timeZone(zone)!)
  if (parsed.is === 'instant') return parsed.instant.replace(/\.0{9}Z$/, 'Z')
  return parsed.is === 'twice' ? `twice ${parsed.offsets.map(offsetText).join(' ')}` : parsed.is
}

test.each([
  // New York went to −04:00 on 9 March 2025 at 07:00Z, and back on 2 November at 06:00Z.
  ['America/New_York', '2025-01-15 09:30:00', '2025-01-15T14:30:00Z'],
  ['America/New_York', '2025-07-15 09:30:00', '2025-07-15T13:30:00Z'],
  ['America/New_York', '2025-03-09T01:59:59', '2025-03-09T06:59:59Z'],
  ['America/New_York', '2025-03-09T02:00:00', 'skipped'],
  ['America/New_York', '2025-03-09T02:59:59', 'skipped'],
  ['America/New_York', '2025-03-09T03:00:00', '2025-03-09T07:00:00Z'],
  ['America/New_York', '2025-11-02T00:59:59', '2025-11-02T04:59:59Z'],
  ['America/New_York', '2025-11-02T01:00:00', 'twice -04:00 -05:00'],
  ['America/New_York', '2025-11-02T01:59:59', 'twice -04:00 -05:00'],
  ['America/New_York', '2025-11-02T02:00:00', '2025-11-02T07:00:00Z'],
  // A row that says its own offset needs no rules.
  ['America/New_York', '2025-11-02T01:30:00-05:00', '2025-11-02T06:30:00Z'],
  ['America/New_York', '2025-03-09T02:30:00Z', '2025-03-09T02:30:00Z'],
  ['Europe/Berlin', '2025-03-30T02:30:00', 'skipped'],
  ['europe/berlin', '2025-10-26T02:30:00', 'twice +02:00 +01:00'],
  // Half an hour of summer time.
  ['Australia/Lord_Howe', '2025-10-05T02:15:00', 'skipped'],
  ['Australia/Lord_Howe', '2025-04-06T01:45:00', 'twice +11:00 +10:30'],
  ['Asia/Kathmandu', '2025-01-01T05:45:00', '2025-01-01T00:00:00Z'],
  // A whole day that did not happen.
  ['Pacific/Apia', '2011-12-30T12:00:00', 'skipped'],
  ['Pacific/Apia', '2011-12-29T23:59:59', '2011-12-30T09:59:59Z'],
  // Before zones: mean solar time, to the second.
  ['America/New_York', '1800-01-01T00:00:00', '1800-01-01T04:56:02Z'],
  ['+01:00', '2025-03-30T02:30:00', '2025-03-30T01:30:00Z'],
  ['utc', '2025-03-30T02:30:00.5', '2025-03-30T02:30:00.500000000Z'],
])('%s %s is %s', (zone, text, instant) => expect(read(text, zone)).toBe(instant))

describe('zones that are none', () => {
  test.each([
    'IST',
    'EST',
    'PST',
    'Japan',
    'Europe/Berlim',
    'Europe/',
    '../etc/passwd',
    '+16:00',
    '',
    'America/New York',
  ])('%j', (name) => expect(timeZone(name)).toBeUndefined())
})

test('whatever an instant looks like on the clocks of a zone is read as that instant', () => {
  const zones = Intl.supportedValuesOf('timeZone').filter((name) => name.includes('/'))
  const seconds = fc.integer({ min: Date.UTC(1900, 0) / 1000, max: Date.UTC(2037, 0) / 1000 })
  fc.assert(
    fc.property(fc.constantFrom(...zones), seconds, (name, at) => {
      const zone = timeZone(name)!
      // Swedes write 2025-03-09 03:00:00.
      const shown = new Date(at * 1000).toLocaleString('sv-SE', { timeZone: name })
      const local = Date.parse(`${shown.replace(' ', 'T')}Z`)
      const found = zone.at(local)
      const offsets = found.is === 'once' ? [found.offset] : found.is === 'twice' ? found.offsets : []
      expect(offsets.map((offset) => (local - offset) / 1000)).toContain(at)
    }),
    { numRuns: 2000 },
  )
})
