/**
 * What the tests of predicates say of the values of a column: once for each value in the dictionary, never
 * row by row. Values that pass the same tests are one class, so a column of a million trade ids that one rule
 * names is two classes. Raises nothing.
 */

import { codedIndex, type Frame } from '../engines/frame.js'
import { atomicTests, compileTest, type Test } from '../language/evaluate.js'
import type { Predicate } from '../language/predicate.js'

/** Equal tests have equal keys. */
export const testKey = (test: Test): string => JSON.stringify(test)

/** Verdicts kept, in bytes: long dictionaries under many tests would otherwise fill the memory. */
const MAX_KEPT = 1 << 26

/** Whether each code of a column passes a test. */
export class Verdicts {
  private readonly known = new Map<string, Uint8Array>()
  private kept = 0

  constructor(readonly frame: Frame) {}

  of(test: Test): Uint8Array {
    const key = testKey(test)
    const known = this.known.get(key)
    if (known !== undefined) return known
    const { dictionary, type } = this.frame.coded[codedIndex(this.frame, test.column)]!
    const passes = compileTest(test, type)
    const verdict = Uint8Array.from(dictionary, (value) => (passes(value) ? 1 : 0))
    if (this.kept + verdict.length > MAX_KEPT) {
      this.known.clear()
      this.kept = 0
    }
    this.known.set(key, verdict)
    this.kept += verdict.length
    return verdict
  }
}

export interface TestedColumn {
  /** Of the frame. */
  readonly column: number
  readonly tests: ReadonlySet<string>
  readonly classCount: number
  /** Class of each code. */
  readonly classOf: Int32Array
  /** One code of each class, which stands for all of them under these tests. */
  readonly example: Int32Array
}

/** The columns that the predicates test, each once, with their values in classes. */
export function testedColumns(verdicts: Verdicts, predicates: readonly Predicate[]): TestedColumn[] {
  const byColumn = new Map<string, Map<string, Test>>()
  for (const test of predicates.flatMap(atomicTests)) {
    const tests = byColumn.get(test.column) ?? new Map<string, Test>()
    byColumn.set(test.column, tests.set(testKey(test), test))
  }
  return [...byColumn].map(([name, tests]) => classify(verdicts, codedIndex(verdicts.frame, name), tests))
}

/** Splits the classes test by test: two values stay together while every test so far agrees. */
function classify(verdicts: Verdicts, column: number, tests: ReadonlyMap<string, Test>): TestedColumn {
  const classOf = new Int32Array(verdicts.frame.coded[column]!.dictionary.length)
  let classCount = 1
  for (const test of tests.values()) classCount = split(classOf, verdicts.of(test), classCount)
  const example = new Int32Array(classCount)
  classOf.forEach((group, code) => {
    example[group] = code
  })
  return { column, tests: new Set(tests.keys()), classCount, classOf, example }
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
