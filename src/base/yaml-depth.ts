/**
 * Whether a YAML text is nested too deep, found from its words alone. Building a tree of it recurses, and near the
 * end of the stack the engine may end the process instead of throwing; so the depth is looked at first, in
 * memory that does not grow with it. Raises nothing.
 */

import { Lexer } from 'yaml'

/** Stands before the text of a scalar. */
const SCALAR = '\u001f'

export function isDeeperThan(text: string, limit: number): boolean {
  const depth = new Depth()
  let isScalar = false
  for (const word of new Lexer().lex(text)) {
    if (isScalar) isScalar = false
    else if (word === SCALAR) {
      depth.content()
      isScalar = true
    } else depth.add(word)
    if (depth.now > limit) return true
  }
  return false
}

/** Indented lines, collections opened by `- ` on one line, and brackets. */
class Depth {
  private readonly indents: number[] = []
  private indent = 0
  private isLineStart = true
  private compact = 0
  private brackets = 0

  get now(): number {
    return this.indents.length + this.compact + this.brackets
  }

  add(word: string): void {
    if (word[0] === '\n' || word[0] === '\r') {
      this.isLineStart = true
      this.indent = 0
      if (this.brackets === 0) this.compact = 0
    } else if (word[0] === ' ') {
      if (this.isLineStart) this.indent = word.length
    } else {
      this.content()
      if (word === '[' || word === '{') this.brackets++
      else if (word === ']' || word === '}') this.brackets = Math.max(0, this.brackets - 1)
      else if ((word === '-' || word === '?') && this.brackets === 0) this.compact++
    }
  }

  /** What stands on a line: the first of it ends the collections that were indented as far or further. */
  content(): void {
    if (!this.isLineStart) return
    this.isLineStart = false
    if (this.brackets > 0) return
    while ((this.indents.at(-1) ?? -1) >= this.indent) this.indents.pop()
    this.indents.push(this.indent)
  }
}
