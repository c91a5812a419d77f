import { expect, test } from 'vitest'
import { passwordOf, withoutPassword } from '#tieout/books/location'

test.each([
  ['postgres://u:secret@h:5432/d', 'postgres://u:***@h:5432/d'],
  ['postgres://u:a/b?c@h/d', 'postgres://u:***@h/d'],
  ['postgres://u@h/d?password=secret&x=1', 'postgres://u@h/d?password=***&x=1'],
  ['mysql://u:secret@h/d', 'mysql://u:***@h/d'],
  ['postgres://u@h/d', 'postgres://u@h/d'],
  ['/var/lib/a:b@c', '/var/lib/a:b@c'],
])('%s is shown as %s', (db, shown) => expect(withoutPassword(db)).toBe(shown))

test('a password is read as the driver reads it', () => {
  expect(passwordOf('postgres://u:p%40w@h/d')).toBe('p@w')
  expect(passwordOf('postgres://u@h/d')).toBe('')
})
