/**
 * The columns that predicates test, with their values put into classes: values of a column that pass the same
 * tests are one class, so a column of a million trade ids that one rule names is two classes. Raises nothing.
 */

import { codedIndex, type Frame } from '../engines/frame.js'
import type { Search } from './kernel.js'
import { atomicTests, compileTest, type Test } from './language/evaluate.js'

export interface TestedColumn {
  /** Of the frame. */
  readonly column: number
  readonly classCount: number
  /** Class of each code. */
  readonly classOf: Int32Array
  /** Whether a class passes a test, by `testKey`. */
  readonly passes: ReadonlyMap<string, Uint8Array>
}

/** Equal tests have equal keys. */
export const testKey = (test: Test): string => JSON.stringify(test)

export function testedColumns(frame: Frame, searches: readonly Search[]): TestedColumn[] {
  const byColumn = new Map<string, Map<string, Test>>()
  for (const { where } of searches) {
    for (const test of where === null ? [] : atomicTests(where)) {
      const tests = byColumn.get(test.column) ?? new Map<string, Test>()
      byColumn.set(test.column, tests.set(testKey(test), test))
    }
  }
  return [...byColumn].map(([name, tests]) => classify(frame, codedIndex(frame, name), [...tests]))
}

/** Splits the classes test by test: two values stay together while every test so far agrees. */
function classify(frame: Frame, column: number, tests: readonly (readonly [string, Test])[]): TestedColumn {
  const { dictionary, type } = frame.coded[column]!
  const classOf = new Int32Array(dictionary.length)
  let classCount = 1
  const verdicts = tests.map(([, test]) => {
    const passes = compileTest(test, type)
    const verdict = Uint8Array.from(dictionary, (value) => (passes(value) ? 1 : 0))
    classCount = split(classOf, verdict, classCount)
    return verdict
  })
  const example = new Int32Array(classCount)
  classOf.forEach((group, code) => {
    example[group] = code
  })
  const passes = new Map(
    tests.map(([key], i) => [key, Uint8Array.from(example, (code) => verdicts[i]![code]!)]),
  )
  return { column, classCount, classOf, passes }
}

/** Members of a class that fail stay in it; those that pass move to a class of their own. New count. */
function split(classOf: Int32Array, verdict: Uint8Array, classCount: number): number {
  const members = new Int32Array(classCount)
  const passing = new Int32Array(classCount)
  for (let code = 0; code < classOf.length; code++) {
    members[classOf[code]!]! += 1
    passing[classOf[code]!]! += verdict[code]!
  }
  const moved = new Map<number, number>()
  let count = classCount
  for (let code = 0; code < classOf.length; code++) {
    const group = classOf[code]!
    if (verdict[code] === 0 || passing[group] === members[group]) continue
    let target = moved.get(group)
    if (target === undefined) {
      target = count
      moved.set(group, target)
      count += 1
    }
    classOf[code] = target
  }
  return count
}
