import { expect, test } from 'vitest'
import { instantOf, instantOfPostgres, parseDate } from '#tieout/base/dates'

test.each([
  ['2025-12-24', true],
  ['2024-02-29', true], // divisible by 4
  ['2025-02-29', false],
  ['1900-02-29', false], // by 100, not by 400
  ['2000-02-29', true], // by 400
  ['2025-04-31', false],
  ['2025-01-31', true],
  ['2025-01-00', false],
  ['2025-00-10', false],
  ['2025-13-01', false],
  ['0001-01-01', true],
  ['0000-12-31', false],
  ['9999-12-31', true],
  ['10000-01-01', false],
  ['2025-1-1', false],
  ['25-01-01', false],
  ['2025/01/01', false],
  ['20250101', false],
  [' 2025-01-01', false],
  ['2025-01-01\n', false],
  ['2025-01-01T00:00:00Z', false],
  ['２０２５-01-01', false],
  ['', false],
])('%j is a day: %s', (text, is) => expect(parseDate(text)).toBe(is ? text : undefined))

test('every day of the calendar is one, and no other', () => {
  const found: string[] = []
  for (let year = 1999; year <= 2004; year++)
    for (let month = 0; month <= 13; month++)
      for (let day = 0; day <= 32; day++) {
        const text = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
        if (parseDate(text) !== undefined) found.push(text)
      }
  const days: string[] = []
  for (let at = Date.UTC(1999, 0, 1); at < Date.UTC(2005, 0, 1); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10))
  expect(found).toEqual(days)
})

test.each([
  ['2025-12-24 09:00:00.5+00', '2025-12-24T09:00:00.5Z'],
  ['2025-12-24 09:00:00+00:00', '2025-12-24T09:00:00Z'],
])('%s is %s', (postgres, instant) => expect(instantOfPostgres(postgres)).toBe(instant))

test('an instant is UTC whatever the time zone', () => {
  expect(instantOf(new Date('2025-12-24T01:00:00+02:00'))).toBe('2025-12-23T23:00:00.000Z')
})
