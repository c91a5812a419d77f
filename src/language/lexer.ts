/**
 * The one lexer of predicates and formulas, and its inverse: how a name, a text or a node's name is written
 * so that it is read back as the same characters. Anything may be a name or a text, also quotes, line
 * breaks and NUL; nothing in them is ever read as syntax.
 *
 * Raises TIE-2207 (number too long) and TIE-2208 (quote not closed) as parse stops. A character that
 * belongs to neither language is a token of its own, which the parser refuses where it stands.
 */

import { languageProblem, MAX_NUMBER, ParseStop } from './language.js'

export interface Token {
  readonly kind: 'name' | 'quoted' | 'bracket' | 'text' | 'number' | 'symbol' | 'other' | 'end'
  /** What it says: without quotes, doubled quotes as one. */
  readonly value: string
  /** 0-based, in UTF-16 units; `end` is after the last character. */
  readonly offset: number
  readonly end: number
}

const SPACE = /\s+/uy
const NAME = /[\p{L}_][\p{L}\p{M}\p{Nd}_]*/uy
const NUMBER = /\d+(?:\.\d+)?|\.\d+/uy
/** What may not touch a number: `1e5`, `12abc`, `1.2.3`. */
const NUMBER_TAIL = /[\p{L}\p{M}\p{Nd}_.]+/uy
const SYMBOL = /<=|>=|<>|!=|[=<>(),+\-*/]/uy

const QUOTES: Readonly<Record<string, { kind: Token['kind']; close: string; what: string }>> = {
  '"': { kind: 'quoted', close: '"', what: 'quoted name' },
  '[': { kind: 'bracket', close: ']', what: 'name in brackets' },
  "'": { kind: 'text', close: "'", what: 'text' },
}

/** Words that are never a bare name; other words of the languages (date, sum, natural) still can be. */
const RESERVED = new Set([
  'and',
  'or',
  'not',
  'in',
  'between',
  'like',
  'is',
  'null',
  'true',
  'false',
  'where',
])

export const isReserved = (word: string): boolean => RESERVED.has(word.toLowerCase())

/** All tokens of the text; the last is `end`. */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  let offset = match(SPACE, text, 0)
  while (offset < text.length) {
    const token = readToken(text, offset)
    tokens.push(token)
    offset = match(SPACE, text, token.end)
  }
  tokens.push({ kind: 'end', value: '', offset: text.length, end: text.length })
  return tokens
}

function readToken(text: string, offset: number): Token {
  if (Object.hasOwn(QUOTES, text[offset]!)) return readQuoted(text, offset)
  const token = (kind: Token['kind'], end: number): Token => ({
    kind,
    value: text.slice(offset, end),
    offset,
    end,
  })
  const name = match(NAME, text, offset)
  if (name > offset) return token('name', name)
  const number = match(NUMBER, text, offset)
  if (number > offset) {
    const tail = match(NUMBER_TAIL, text, number)
    if (tail > number) return token('other', tail)
    if (number - offset > MAX_NUMBER) stopAtLongNumber(text, offset, number - offset)
    return token('number', number)
  }
  const symbol = match(SYMBOL, text, offset)
  if (symbol > offset) return token('symbol', symbol)
  return token('other', offset + (text.codePointAt(offset)! > 0xffff ? 2 : 1))
}

function readQuoted(text: string, offset: number): Token {
  const { kind, close, what } = QUOTES[text[offset]!]!
  let at = offset + 1
  for (;;) {
    const found = text.indexOf(close, at)
    if (found < 0) throw new ParseStop(languageProblem('TIE-2208', { what, close }, text, offset))
    if (text[found + 1] !== close) {
      const value = text.slice(offset + 1, found).replaceAll(close + close, close)
      return { kind, value, offset, end: found + 1 }
    }
    at = found + 2
  }
}

function stopAtLongNumber(text: string, offset: number, length: number): never {
  const params = { what: `The number has ${length} characters`, limit: MAX_NUMBER }
  throw new ParseStop(languageProblem('TIE-2207', params, text, offset))
}

/** Where the pattern's match at `offset` ends; `offset` when there is none. */
function match(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset
  return pattern.test(text) ? pattern.lastIndex : offset
}

/** A column or node id: bare when it can be, else in double quotes. */
export function printName(name: string): string {
  const bare = match(NAME, name, 0) === name.length && name !== '' && !isReserved(name)
  return bare ? name : `"${name.replaceAll('"', '""')}"`
}

export const printText = (text: string): string => `'${text.replaceAll("'", "''")}'`
export const printBracket = (name: string): string => `[${name.replaceAll(']', ']]')}]`
