/** How these tests write a refusal: its code, then the line with its caret. */

import { caretFrame } from '#tieout/base/text'
import { type LanguageProblem, type LanguageProblems, toProblem } from '#tieout/language/language'

/** The problem's code, what it says and what to do, filled in. */
export const said = (problem: LanguageProblem): string => {
  const { code, message, remedy } = toProblem(problem)
  return `${code} ${message} ${remedy}`
}

/** Each problem as `code@offset`. */
export const problemsOf = (result: { readonly ok: true } | LanguageProblems): readonly LanguageProblem[] =>
  result.ok ? [] : result.problems

export const placesOf = (result: { readonly ok: true } | LanguageProblems): string[] =>
  problemsOf(result).map(({ code, offset }) => `${code}@${offset}`)

/** A table row's text marks the place with ^ before the character at fault. */
export function marked(row: string): { readonly text: string; readonly offset: number } {
  const offset = row.indexOf('^')
  return { text: row.slice(0, offset) + row.slice(offset + 1), offset }
}

export const frameAt = (text: string, offset: number): string => caretFrame(text, offset)
