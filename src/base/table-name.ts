/**
 * A table's name as people write it: parts with points between them, a part in double quotes when it has a point or
 * a quote of its own. `ANALYTICS.PUBLIC.GL` has three parts, `"a.b"` one. Raises nothing: text that is no name is
 * undefined.
 */

export function tableParts(text: string): readonly string[] | undefined {
  const parts: string[] = []
  const part = /"((?:[^"]|"")+)"|([^."]+)/y
  let at = 0
  for (;;) {
    part.lastIndex = at
    const found = part.exec(text)
    if (found === null) return undefined
    parts.push(found[1]?.replaceAll('""', '"') ?? found[2]!)
    at = part.lastIndex
    if (at === text.length) return parts
    if (text[at] !== '.') return undefined
    at += 1
  }
}
