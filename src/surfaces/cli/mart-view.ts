/** The rows of a mart as a statement: the tree of its levels, one column for each slice of the grain. Raises nothing. */

import { shownAmount } from './amounts.js'
import type { Style } from './style.js'
import { displayWidth, pad, printable } from './table.js'

export interface MartRowsShown {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
}

interface Line {
  readonly name: string
  readonly depth: number
  readonly figures: Map<string, string | null>
  readonly below: Map<string, Line>
}

/** Slices shown, the last ones: a terminal has no room for more. */
const SLICES = 4

/** Of the first measure. */
export function statementText({ columns, rows }: MartRowsShown, style: Style): string {
  const at = (name: string): number => columns.indexOf(name)
  const levels = columns
    .filter((name) => /^LEVEL_\d+$/.test(name))
    .map((name) => [at(name), at(`${name}_SORT`)])
  const measure = columns.find((name) => columns.includes(`${name}_STATUS`))!
  const grain = columns.slice(Math.max(...levels.map(([, sort]) => sort!)) + 1, at(measure)).map(at)
  const sliceOf = (row: MartRowsShown['rows'][number]): string =>
    grain.map((i) => printable(row[i] ?? '–')).join(' · ')
  const top: Line = { name: '', depth: -1, figures: new Map(), below: new Map() }
  for (const row of rows) {
    const path = levels.flatMap(([level, sort], i) => {
      const [above, itsSort] = levels[i - 1] ?? [-1, -1]
      return i > 0 && row[level!] === row[above!] && row[sort!] === row[itsSort!] ? [] : [row[level!]!]
    })
    const line = path.reduce(lineBelow, top)
    // What a node with others below it has of its own stands beneath its total.
    const isOwn = row[at('ROW_KIND')] === 'DETAIL' && line.figures.has(sliceOf(row))
    const shown = isOwn ? lineBelow(line, `${line.name}, itself`) : line
    shown.figures.set(sliceOf(row), row[at(measure)] ?? null)
  }
  const slices = [...new Set(rows.map(sliceOf))].sort().slice(-SLICES)
  return linesOf(top, slices, style).join('\n')
}

function lineBelow(above: Line, name: string): Line {
  const known = above.below.get(name)
  if (known !== undefined) return known
  const made: Line = { name, depth: above.depth + 1, figures: new Map(), below: new Map() }
  above.below.set(name, made)
  return made
}

function linesOf(top: Line, slices: readonly string[], style: Style): string[] {
  const shown: { label: string; line: Line }[] = []
  const walk = (line: Line, stem: string): void => {
    const children = [...line.below.values()]
    children.forEach((child, i) => {
      const isLast = i === children.length - 1
      const branch = child.depth === 0 ? '' : isLast ? '└─ ' : '├─ '
      shown.push({ label: `${stem}${branch}${printable(child.name)}`, line: child })
      walk(child, child.depth === 0 ? '' : `${stem}${isLast ? '   ' : '│  '}`)
    })
  }
  walk(top, '')
  const cells = shown.map(({ label, line }) => [
    label,
    ...slices.map((slice) => shownAmount(line.figures.get(slice))),
  ])
  const header = ['', ...slices.map((slice) => `${slice} `)]
  const widths = header.map((title, i) =>
    Math.max(...[title, ...cells.map((row) => row[i]!)].map(displayWidth)),
  )
  const text = (row: readonly string[]): string =>
    row
      .map((cell, i) => pad(cell, widths[i]!, i === 0 ? 'left' : 'right'))
      .join('  ')
      .trimEnd()
  return [
    style.dim(text(header)),
    ...cells.map((row, i) => (shown[i]!.line.depth === 0 ? style.bold(text(row)) : text(row))),
  ]
}
