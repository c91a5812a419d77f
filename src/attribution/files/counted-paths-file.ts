/**
 * A CSV file of counted paths: `path,conversions,nulls`, a path as `a > b > c`. All problems are told at once; rows of
 * one path may stand more than once and add up.
 *
 * Raises TIE-4110 to TIE-4113 and those of csv-table.ts.
 */

import { problem } from '../../base/errors.js'
import { type CsvRecord, readCsv } from '../../engines/csv.js'
import { checkHeader, checkRecord, FileProblems } from '../../engines/csv-table.js'
import type { CountedPath } from '../counted-paths.js'
import { MAX_TOUCHES } from '../paths.js'

const COLUMNS = { required: ['path', 'conversions', 'nulls'], optional: [], ignoreUnknown: false }

/** Counts of one row; their sums over a file are checked where they are used. */
const MAX_COUNT = 10n ** 12n
/** Characters of a row: a path of a million touches with codes of sixty characters fits. */
const LONGEST_ROW = 2 ** 26

export async function readCountedPaths(file: string): Promise<CountedPath[]> {
  const problems = new FileProblems(file)
  const paths: CountedPath[] = []
  let isKnown = false
  let names: readonly string[] = []
  for await (const batch of readCsv(file, undefined, LONGEST_ROW)) {
    for (const record of batch) {
      if (names.length === 0) {
        checkHeader(record, COLUMNS, problems)
        names = record.fields
        isKnown = !problems.any
      } else if (checkRecord(record, names, problems) && isKnown)
        paths.push(countedPath(record, names, problems))
    }
  }
  problems.stop()
  return paths
}

function countedPath(
  { line, fields }: CsvRecord,
  names: readonly string[],
  problems: FileProblems,
): CountedPath {
  const field = (name: string): string => fields[names.indexOf(name)] ?? ''
  return {
    path: channelsIn(field('path'), line, problems),
    conversions: count('conversions', field('conversions'), line, problems),
    nulls: count('nulls', field('nulls'), line, problems),
  }
}

function channelsIn(text: string, line: number, problems: FileProblems): string[] {
  if (text.trim() === '') {
    problems.add(problem('TIE-4111', {}, problems.at(line)))
    return []
  }
  const channels = text.split('>').map((channel) => channel.trim())
  if (channels.length > MAX_TOUCHES) {
    const touches = channels.length
    problems.add(problem('TIE-4113', { touches, limit: MAX_TOUCHES }, problems.at(line)))
    return []
  }
  const empty = channels.indexOf('')
  if (empty >= 0) problems.add(problem('TIE-4112', { touch: empty + 1 }, problems.at(line)))
  return channels
}

function count(column: string, text: string, line: number, problems: FileProblems): bigint {
  const value = /^\d{1,13}$/.test(text) ? BigInt(text) : undefined
  if (value !== undefined && value <= MAX_COUNT) return value
  problems.add(problem('TIE-4110', { value: text, column, limit: String(MAX_COUNT) }, problems.at(line)))
  return 0n
}
