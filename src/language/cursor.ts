/**
 * Walks the tokens of one text for the parsers, counts how deep they are, and words what was expected
 * against what was found.
 *
 * Raises as parse stops: TIE-2201 (unexpected text), TIE-2207 (too long, nested too deep), and the lexer's.
 */

import type { ErrorParams } from '../base/errors.js'
import { type LanguageCode, languageProblem, MAX_DEPTH, MAX_TEXT, ParseStop } from './language.js'
import { readTokens, type Token } from './lexer.js'

export class Cursor {
  readonly text: string
  private readonly tokens: readonly Token[]
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
    if (text.length > MAX_TEXT) {
      const what = `The text has ${text.length.toLocaleString('en-US')} characters`
      this.stop('TIE-2207', { what, limit: MAX_TEXT.toLocaleString('en-US') }, MAX_TEXT)
    }
    this.tokens = readTokens(text)
  }

  get token(): Token {
    return this.tokens[this.at]!
  }

  /** The token after the present one; the end again at the end. */
  get following(): Token {
    return this.tokens[Math.min(this.at + 1, this.tokens.length - 1)]!
  }

  take(): Token {
    const token = this.token
    if (token.kind !== 'end') this.at += 1
    return token
  }

  isSymbol(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.value === symbol
  }

  takeSymbol(symbol: string): boolean {
    const found = this.isSymbol(symbol)
    if (found) this.at += 1
    return found
  }

  takeKeyword(word: string): boolean {
    const found = this.token.kind === 'name' && this.token.value.toLowerCase() === word
    if (found) this.at += 1
    return found
  }

  expectSymbol(symbol: string, expected = symbol): void {
    if (!this.takeSymbol(symbol)) this.unexpected(expected)
  }

  expectEnd(expected: string): void {
    if (this.token.kind !== 'end') this.unexpected(expected)
  }

  /** Reads something one level deeper; the recursion of every parser goes through here. */
  nested<T>(read: () => T): T {
    this.depth += 1
    if (this.depth > MAX_DEPTH) this.tooDeep(this.token.offset)
    const value = read()
    this.depth -= 1
    return value
  }

  tooDeep(offset: number): never {
    this.stop('TIE-2207', { what: 'The rule is nested too deep here', limit: `${MAX_DEPTH} levels` }, offset)
  }

  unexpected(expected: string, suggestion = hintFor(this.token)): never {
    this.stop('TIE-2201', { expected, found: describe(this.text, this.token), suggestion })
  }

  stop<C extends LanguageCode>(code: C, params: ErrorParams<C>, offset = this.token.offset): never {
    throw new ParseStop(languageProblem(code, params, this.text, offset))
  }
}

/** The token as it is written, cut short, on one line. */
function describe(text: string, token: Token): string {
  if (token.kind === 'end') return 'the end of the text'
  const written = text.slice(token.offset, token.end)
  return excerpt(written)
}

/** A text for a message: at most 40 characters, control characters shown as blanks. */
export function excerpt(text: string): string {
  const line = text.slice(0, 40).replace(/\p{Cc}/gu, ' ')
  return text.length > 40 ? `${line}…` : line
}

function hintFor(token: Token): string {
  if (token.kind !== 'other') return ''
  if (/^[\d.]/.test(token.value)) return 'Numbers are plain decimals such as 1234.50, without an exponent.'
  if (/^[‘’“”„]/.test(token.value)) return 'Use straight quotes: \'text\' and "name".'
  if (token.value === '&') return 'Write and.'
  if (token.value === '|') return 'Write or.'
  if (token.value === '!') return 'Write not, or != for unequal.'
  return ''
}
