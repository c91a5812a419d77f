/** How tests write a refusal: `CODE@line message`. */

import { type Problem, Refusal } from '#tieout/base/errors'

export const said = ({ code, message, place }: Problem): string =>
  `${code}${place?.line === undefined ? '' : `@${place.line}`} ${message}`

/** The problems that the work is refused for; none when it is not. */
export async function refusalOf(work: () => unknown): Promise<readonly Problem[]> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Refusal) return error.problems
    throw error
  }
  return []
}
