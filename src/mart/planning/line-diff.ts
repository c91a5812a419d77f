/**
 * Two texts line by line: the fewest lines removed and added (the greedy search of Myers 1986), shown with the lines
 * around them. Raises nothing.
 */

const AROUND = 2
/** Edits beyond which the texts are told as different as a whole: the search costs their square. */
const MOST_EDITS = 2000

interface Line {
  readonly mark: ' ' | '-' | '+'
  readonly text: string
}

/** Empty for equal texts; lines begin with a space, - or +, and … stands for lines left out. */
export function lineDiff(before: string, after: string): readonly string[] {
  if (before === after) return []
  const lines = edits(before.split('\n'), after.split('\n'))
  const shown = lines.map((_, i) =>
    lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(({ mark }) => mark !== ' '),
  )
  return lines.flatMap(({ mark, text }, i) => (shown[i] ? [`${mark}${text}`] : shown[i - 1] ? ['…'] : []))
}

function edits(a: readonly string[], b: readonly string[]): readonly Line[] {
  const trace: Map<number, number>[] = []
  const furthest = new Map<number, number>([[1, 0]])
  for (let d = 0; d <= Math.min(a.length + b.length, MOST_EDITS); d++) {
    trace.push(new Map(furthest))
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
      let x = down ? furthest.get(k + 1)! : furthest.get(k - 1)! + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1
      furthest.set(k, x)
      if (x >= a.length && x - k >= b.length) return backwards(a, b, trace)
    }
  }
  return [...a.map((text): Line => ({ mark: '-', text })), ...b.map((text): Line => ({ mark: '+', text }))]
}

function backwards(
  a: readonly string[],
  b: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): readonly Line[] {
  const lines: Line[] = []
  let [x, y] = [a.length, b.length]
  for (let d = trace.length - 1; d >= 0; d--) {
    const furthest = trace[d]!
    const k = x - y
    const down = k === -d || (k !== d && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
    const from = down ? k + 1 : k - 1
    const [fromX, fromY] = [furthest.get(from) ?? 0, (furthest.get(from) ?? 0) - from]
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      lines.push({ mark: ' ', text: a[x - 1]! })
      x -= 1
      y -= 1
    }
    if (d === 0) break
    lines.push(down ? { mark: '+', text: b[y - 1]! } : { mark: '-', text: a[x - 1]! })
    if (down) y -= 1
    else x -= 1
  }
  return lines.reverse()
}
