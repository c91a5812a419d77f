/** Text that is compared, quoted, suggested or pointed at. Raises nothing. */

/** Code point order, the same as PostgreSQL's collation "C" over UTF-8; `<` on strings compares UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) {
      // A surrogate (part of a code point above U+FFFF) sorts after every other unit.
      const xSurrogate = x >= 0xd800 && x <= 0xdfff
      const ySurrogate = y >= 0xd800 && y <= 0xdfff
      return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1
    }
  }
  return a.length - b.length
}

/** Edits (insert, delete, replace, swap of neighbours) that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1
  let beforeLast = new Array<number>(width).fill(0)
  let last = Array.from({ length: width }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = new Array<number>(width).fill(i)
    for (let j = 1; j < width; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
      }
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** Names longer than this are not compared for near misses: the cost is their product. */
const LONGEST_COMPARED = 80

/** The known names nearest to a wrong one, best first: those that differ by case or by a few edits. */
export function nearest(wrong: string, known: Iterable<string>, count = 3): string[] {
  if (wrong.length > LONGEST_COMPARED) return []
  const lower = wrong.toLowerCase()
  const allowed = Math.max(1, Math.floor(wrong.length / 3))
  const near: { name: string; distance: number }[] = []
  for (const name of known) {
    if (Math.abs(name.length - wrong.length) > allowed) continue
    const distance = editDistance(lower, name.toLowerCase())
    if (distance <= allowed) near.push({ name, distance })
  }
  return near
    .sort((a, b) => a.distance - b.distance || compareText(a.name, b.name))
    .slice(0, count)
    .map(({ name }) => name)
}

/** `Did you mean "x"?`, or nothing when no name is near. */
export function didYouMean(wrong: string, known: Iterable<string>): string {
  const names = nearest(wrong, known).map((name) => `"${name}"`)
  return names.length === 0 ? '' : `Did you mean ${names.join(' or ')}?`
}

/** One line of the text with a caret beneath `offset` (0-based). */
export function caretFrame(text: string, offset: number): string {
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  const newline = text.indexOf('\n', start)
  const line = text.slice(start, newline < 0 ? undefined : newline)
  const at = Math.min(offset - start, line.length)
  // Long lines are shown around the caret.
  const from = Math.max(0, at - 60)
  return `${line.slice(from, from + 120)}\n${' '.repeat(at - from)}^`
}

/** `1 fact`, `2 facts`. */
export const plural = (count: number | bigint, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 || count === 1n ? one : many}`

/** The verb that goes with a count: `1 fact has`, `2 facts have`. */
export const agreeing = (count: number, one: string, many: string): string => (count === 1 ? one : many)

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** What in a text no database can hold; undefined when it holds all of it. */
export function unstorable(text: string): string | undefined {
  if (text.includes('\0')) return 'a NUL character'
  return LONE_SURROGATE.test(text) ? 'half a character (an unpaired surrogate)' : undefined
}
