/**
 * What predicates and formulas share: the limits of a text, and how a problem in one is told. Both are
 * written by people and come from files and requests, so every problem points at its character and every
 * size is bounded before it costs time or stack.
 *
 * The caller knows the file, line or JSON pointer: `toProblem` adds it. Raises nothing itself.
 */

import { type ErrorCode, type ErrorParams, type Place, type Problem, problem } from '../base/errors.js'
import { caretFrame, didYouMean } from '../base/text.js'

/** Characters of one rule's text. */
export const MAX_TEXT = 100_000
/** Levels: parentheses, nots and minus signs around one thing in a text; nodes above one test in a tree. */
export const MAX_DEPTH = 64
/** Values of one `in`, tests joined by one chain of `and` or `or`. */
export const MAX_LIST = 10_000
/** Characters of one number. */
export const MAX_NUMBER = 100
/** Numbers multiplied into one product: each adds its decimal places to the exact result. */
export const MAX_FACTORS = 100

export type LanguageCode = Extract<ErrorCode, `TIE-22${string}`>

type ProblemOf<C extends LanguageCode> = {
  readonly code: C
  readonly params: ErrorParams<C>
  /** Where in the text it is, 0-based, in UTF-16 units. */
  readonly offset: number
  /** The line of the text with a caret beneath the place. */
  readonly frame: string
}

export type LanguageProblem = { [C in LanguageCode]: ProblemOf<C> }[LanguageCode]

export interface LanguageProblems {
  readonly ok: false
  readonly problems: readonly [LanguageProblem, ...LanguageProblem[]]
}

/** A text and where in it each part of its tree starts; parts are found by identity. */
export interface Located<Part> {
  readonly text: string
  readonly offsets: ReadonlyMap<Part, number>
}

export function languageProblem<C extends LanguageCode>(
  code: C,
  params: ErrorParams<C>,
  text: string,
  offset: number,
): LanguageProblem {
  return { code, params, offset, frame: caretFrame(text, offset) } as LanguageProblem
}

/** The problem as the product reports it, with the place the caller knows. */
export function toProblem(found: LanguageProblem, place: Place = {}): Problem {
  return problem(found.code, found.params as never, { ...place, frame: found.frame })
}

/** Ends a parse at its first problem; never leaves `attempt`. */
export class ParseStop extends Error {
  readonly problem: LanguageProblem

  constructor(found: LanguageProblem) {
    super(found.code)
    this.problem = found
  }
}

/** Runs a parse; a stop becomes its result, anything else is a bug and passes through. */
export function attempt<T extends { readonly ok: true }>(parse: () => T): T | LanguageProblems {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ParseStop) return { ok: false, problems: [error.problem] }
    throw error
  }
}

/** Texts with very many wrong names get near misses for the first of them: each costs a pass over all names. */
const SUGGESTIONS = 20

/** Collects the problems of one binding, so that all are told at once. */
export class ProblemList<Part> {
  private readonly found: LanguageProblem[] = []
  private readonly source: Located<Part>

  constructor(source: Located<Part>) {
    this.source = source
  }

  add<C extends LanguageCode>(code: C, params: ErrorParams<C>, part: Part): void {
    this.found.push(languageProblem(code, params, this.source.text, this.source.offsets.get(part) ?? 0))
  }

  nearest(wrong: string, known: Iterable<string>): string {
    return this.found.length < SUGGESTIONS ? didYouMean(wrong, known) : ''
  }

  /** In the order of the text; undefined when there are none. */
  result(): LanguageProblems | undefined {
    const [first, ...rest] = [...this.found].sort((a, b) => a.offset - b.offset)
    return first === undefined ? undefined : { ok: false, problems: [first, ...rest] }
  }
}

/** The first names of a long list, for a message. */
export function listOf(names: Iterable<string>, most = 20): string {
  const all = [...names]
  const shown = all.slice(0, most).join(', ')
  return all.length > most ? `${shown} and ${all.length - most} more` : shown || 'there are none'
}
