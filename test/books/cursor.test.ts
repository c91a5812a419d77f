import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeCursor, readCursor } from '#tieout/books/cursor'
import { refusalOf } from '../support/refusals.js'

const SCOPE = ['tenant-a', 'runs facts', 'run-1', 'natural']
const cursor = makeCursor(SCOPE, '4711')

test('a cursor gives its position back to the list that made it', () => {
  expect(readCursor(SCOPE, cursor)).toBe('4711')
  expect(cursor).toMatch(/^[\w-]+$/)
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.string({ maxLength: 40 }), (scope, position) => {
      const unit = Buffer.from(position, 'utf8').toString('utf8')
      expect(readCursor(scope, makeCursor(scope, unit))).toBe(unit)
    }),
  )
})

describe('TIE-1605', () => {
  test.each<[string, readonly string[], string]>([
    ['of another tenant', ['tenant-b', 'runs facts', 'run-1', 'natural'], cursor],
    ['of another operation', ['tenant-a', 'runs list', 'run-1', 'natural'], cursor],
    ['of another run', ['tenant-a', 'runs facts', 'run-2', 'natural'], cursor],
    ['of another filter', ['tenant-a', 'runs facts', 'run-1', 'direct'], cursor],
    ['of a scope that joins to the same text', ['tenant-a', 'runs facts', 'run-1natural', ''], cursor],
    ['nothing', SCOPE, ''],
    ['a word', SCOPE, 'next'],
    ['a position alone', SCOPE, Buffer.from('4711').toString('base64url')],
    ['not base64url', SCOPE, `${cursor}=`],
    ['with a line break', SCOPE, `${cursor}\n`],
    ['cut short', SCOPE, cursor.slice(0, 20)],
    ['a megabyte', SCOPE, 'A'.repeat(1_000_000)],
  ])('%s', async (_, scope, text) => {
    const [problem] = await refusalOf(() => readCursor(scope, text))
    expect(problem?.code).toBe('TIE-1605')
  })
})
