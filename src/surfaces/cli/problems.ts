/** Refusals as a person reads them on stderr, or as a problem document for programs. Raises nothing. */

import { ERRORS, type Place, type Problem, type Refusal } from '../../base/errors.js'
import type { Style } from './style.js'
import { printable } from './table.js'

function placeText({ file, line, column, pointer }: Place): string {
  if (file !== undefined) return [file, line, column].filter((part) => part !== undefined).join(':')
  return pointer ?? ''
}

export function problemText({ code, message, remedy, place }: Problem, style: Style): string {
  const where = place === undefined ? '' : placeText(place)
  const frame =
    place?.frame === undefined ? [] : place.frame.split('\n').map((line) => `    ${printable(line)}`)
  return [
    `${style.red('✗')} ${style.bold(code)} ${where === '' ? '' : `${where}: `}${printable(message)}`,
    ...frame,
    `  ${style.dim('→')} ${printable(remedy)}`,
  ].join('\n')
}

export function refusalText(refusal: Refusal, style: Style): string {
  const list = refusal.problems.map((problem) => problemText(problem, style)).join('\n')
  return `${list}\n${style.dim(`  tieout explain ${refusal.code} says more.`)}\n`
}

/** RFC 9457, with every problem under `problems`. */
export function problemDocument(refusal: Refusal): object {
  const [first] = refusal.problems
  return {
    type: `urn:tieout:error:${first.code}`,
    title: first.message,
    status: ERRORS[first.code].status,
    code: first.code,
    detail: first.remedy,
    problems: refusal.problems,
  }
}
