/**
 * Predicate text to tree: `or` < `and` < `not` < parentheses. A recursive descent whose every recursion is
 * counted, so that hostile nesting is a problem with a place and not a stack overflow.
 *
 * Raises (as results): TIE-2201, TIE-2207, TIE-2208, TIE-2211.
 */

import { parseDate } from '../base/dates.js'
import { Cursor } from './cursor.js'
import { attempt, type LanguageProblems, type Located, MAX_DEPTH, MAX_LIST } from './language.js'
import { isReserved, printText } from './lexer.js'
import type { Comparison, Literal, Predicate } from './predicate.js'

export interface ParsedPredicate extends Located<Predicate | Literal> {
  readonly ok: true
  readonly predicate: Predicate
}

export function parsePredicate(text: string): ParsedPredicate | LanguageProblems {
  return attempt(() => {
    const offsets = new Map<Predicate | Literal, number>()
    const cursor = new Cursor(text)
    const predicate = readPredicate(cursor, offsets)
    cursor.expectEnd('and, or or the end of the text')
    return { ok: true, predicate, text, offsets }
  })
}

type Offsets = Map<Predicate | Literal, number>

/** A predicate inside a longer text; the cursor is left after it. */
export function readPredicate(cursor: Cursor, offsets: Offsets): Predicate {
  const reader = new PredicateReader(cursor, offsets)
  const predicate = reader.readOr()
  const deep = firstTooDeep(predicate)
  if (deep !== undefined) cursor.tooDeep(offsets.get(deep)!)
  return predicate
}

export function readColumn(cursor: Cursor): string {
  const { kind, value } = cursor.token
  if (kind === 'name' && !isReserved(value)) return cursor.take().value
  if (kind === 'quoted' && value !== '') return cursor.take().value
  if (kind !== 'name') return cursor.unexpected('a column')
  return cursor.unexpected('a column', `A column of this name is written "${value}", in double quotes.`)
}

/** Parentheses are counted while reading; what they hold can still be deeper than a stored tree may be. */
function firstTooDeep(root: Predicate): Predicate | undefined {
  const pending: { predicate: Predicate; depth: number }[] = [{ predicate: root, depth: 1 }]
  for (;;) {
    const next = pending.pop()
    if (next === undefined) return undefined
    const { predicate, depth } = next
    if (depth > MAX_DEPTH) return predicate
    if (predicate.op === 'not') pending.push({ predicate: predicate.arg, depth: depth + 1 })
    if (predicate.op === 'and' || predicate.op === 'or') {
      for (const arg of predicate.args) pending.push({ predicate: arg, depth: depth + 1 })
    }
  }
}

const COMPARISONS: Readonly<Record<string, Comparison['op']>> = {
  '=': 'eq',
  '!=': 'ne',
  '<>': 'ne',
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
}

class PredicateReader {
  private readonly cursor: Cursor
  private readonly offsets: Offsets

  constructor(cursor: Cursor, offsets: Offsets) {
    this.cursor = cursor
    this.offsets = offsets
  }

  readOr(): Predicate {
    return this.readChain('or', () => this.readChain('and', () => this.readNot()))
  }

  private readChain(op: 'and' | 'or', readArg: () => Predicate): Predicate {
    const offset = this.cursor.token.offset
    const first = readArg()
    const args = [first]
    while (this.cursor.takeKeyword(op)) {
      args.push(readArg())
      this.checkLength(args.length, `tests joined by ${op}`)
    }
    return args.length === 1 ? first : this.locate({ op, args }, offset)
  }

  private readNot(): Predicate {
    const { cursor } = this
    const offset = cursor.token.offset
    if (cursor.takeKeyword('not')) {
      return this.locate({ op: 'not', arg: cursor.nested(() => this.readNot()) }, offset)
    }
    if (!cursor.takeSymbol('(')) return this.readTest()
    const inner = cursor.nested(() => this.readOr())
    cursor.expectSymbol(')', 'and, or or )')
    return inner
  }

  private readTest(): Predicate {
    const { cursor } = this
    const offset = cursor.token.offset
    const column = readColumn(cursor)
    const op = cursor.token.kind === 'symbol' ? COMPARISONS[cursor.token.value] : undefined
    if (op !== undefined) {
      cursor.take()
      return this.locate({ op, column, value: this.readLiteral() }, offset)
    }
    if (cursor.takeKeyword('is')) return this.readIs(column, offset)
    const negated = cursor.takeKeyword('not')
    if (cursor.takeKeyword('in')) {
      return this.locate({ op: negated ? 'not_in' : 'in', column, values: this.readList() }, offset)
    }
    const test = this.locate(this.readBetweenOrLike(column, negated ? 'in' : '= != < <= > >= in'), offset)
    return negated ? this.locate({ op: 'not', arg: test }, offset) : test
  }

  private readIs(column: string, offset: number): Predicate {
    const negated = this.cursor.takeKeyword('not')
    if (!this.cursor.takeKeyword('null')) this.cursor.unexpected(negated ? 'null' : 'null or not null')
    const test = this.locate({ op: 'is_null', column }, offset)
    return negated ? this.locate({ op: 'not', arg: test }, offset) : test
  }

  private readBetweenOrLike(column: string, others: string): Predicate {
    const { cursor } = this
    if (cursor.takeKeyword('between')) {
      const low = this.readLiteral()
      if (!cursor.takeKeyword('and')) cursor.unexpected('and')
      return { op: 'between', column, low, high: this.readLiteral() }
    }
    if (!cursor.takeKeyword('like')) cursor.unexpected(`a test of ${column}: ${others} between like is`)
    if (cursor.token.kind !== 'text') cursor.unexpected("a pattern such as 'a%'")
    return { op: 'like', column, pattern: cursor.take().value }
  }

  private readList(): Literal[] {
    const { cursor } = this
    cursor.expectSymbol('(')
    const values = [this.readLiteral()]
    while (cursor.takeSymbol(',')) {
      values.push(this.readLiteral())
      this.checkLength(values.length, 'values')
    }
    cursor.expectSymbol(')', ', or )')
    return values
  }

  private readLiteral(): Literal {
    const { cursor } = this
    const { offset, kind } = cursor.token
    if (kind === 'text') return this.locate({ text: cursor.take().value }, offset)
    if (kind === 'number') return this.locate({ number: cursor.take().value }, offset)
    if (cursor.isSymbol('-') && cursor.following.kind === 'number') {
      cursor.take()
      return this.locate({ number: `-${cursor.take().value}` }, offset)
    }
    if (cursor.takeKeyword('true')) return this.locate({ boolean: true }, offset)
    if (cursor.takeKeyword('false')) return this.locate({ boolean: false }, offset)
    if (cursor.following.kind === 'text' && cursor.takeKeyword('date')) return this.readDate(offset)
    return this.refuseLiteral()
  }

  private readDate(offset: number): Literal {
    const date = this.cursor.take().value
    if (parseDate(date) === undefined) {
      this.cursor.stop('TIE-2211', { literal: `date ${printText(date)}` }, offset)
    }
    return this.locate({ date }, offset)
  }

  private refuseLiteral(): never {
    const { kind, value } = this.cursor.token
    const expected = "a value: 'text', a number, date '2025-12-24', true or false"
    if (kind === 'name' && value.toLowerCase() === 'null') {
      return this.cursor.unexpected(expected, 'A missing value is tested with: is null.')
    }
    if (kind === 'name' || kind === 'quoted') {
      return this.cursor.unexpected(expected, `Text stands in single quotes: ${printText(value)}.`)
    }
    if (this.cursor.isSymbol('=')) return this.cursor.unexpected(expected, 'Equality is written with one =.')
    return this.cursor.unexpected(expected)
  }

  private checkLength(length: number, what: string): void {
    if (length <= MAX_LIST) return
    const limit = MAX_LIST.toLocaleString('en-US')
    this.cursor.stop('TIE-2207', { what: `There are more than ${limit} ${what}`, limit })
  }

  private locate<Part extends Predicate | Literal>(part: Part, offset: number): Part {
    this.offsets.set(part, offset)
    return part
  }
}
