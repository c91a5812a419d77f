import { describe, expect, test } from 'vitest'
import { isDeeperThan } from '#tieout/base/yaml-depth'

/** The least limit that the text is not deeper than. */
const depthOf = (text: string): number => {
  let limit = 0
  while (isDeeperThan(text, limit)) limit++
  return limit
}

describe('depth is counted from the words', () => {
  test.each([
    ['a: 1', 1],
    ['a: 1\nb: 2\nc: 3', 1],
    ['a:\n  b:\n    c: 1\nd: 2', 3],
    ['- - - x', 4],
    ['- x\n- - y\n- z', 3],
    ['a: [[1], [2, [3]]]', 4],
    ['a: {b: {c: 1}, d: {e: 2}}', 3],
    // Brackets and dashes in text are text.
    [`a: "[[[["\nb: '- - -'\nc: x [[[ y\nd: "a - - -"`, 1],
    ['a: |\n  - - -\n      - x\n  [[[', 1],
    ['rules:\n  - {node: A, where: "x in (1,2)"}\n  - {node: B, where: "y = 1"}', 4],
    ['', 0],
  ])('%j: %d', (text, depth) => expect(depthOf(text)).toBe(depth))

  test.each([
    ['brackets', '['.repeat(4_000_000)],
    ['braces', '{a: '.repeat(1_000_000)],
    ['dashes', '- '.repeat(2_000_000)],
    ['question marks', '? '.repeat(2_000_000)],
    ['indents', Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('megabytes of %s are found without their tree', (_, text) => expect(isDeeperThan(text, 64)).toBe(true))

  test('many lines are not depth', () => {
    const rules = Array.from({ length: 20_000 }, (_, i) => `  - {node: N${i}, where: "a = ${i}"}`).join('\n')
    expect(isDeeperThan(`use_case: X\nrules:\n${rules}\n`, 64)).toBe(false)
  })
})
