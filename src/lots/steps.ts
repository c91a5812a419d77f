/**
 * Long work cut into steps: it yields every so often and goes on when it is asked to, so that whoever drives it may
 * listen for an interruption in between. Raises what the work raises.
 */

export type Steps<T> = Generator<undefined, T, undefined>

/** Rows, lots or comparisons between two yields: some milliseconds. */
export const STEP = 4096

/** In one go. */
export function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** With a pause between the steps, which may raise. */
export async function finishedWith<T>(steps: Steps<T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await pause()
  }
}

/** A stable merge sort of the array itself, as Array.sort. */
export function* sorted<T>(all: T[], compare: (a: T, b: T) => number): Steps<T[]> {
  const { length } = all
  let from: T[] = []
  for (let start = 0; start < length; start += STEP) {
    for (const item of all.slice(start, start + STEP).sort(compare)) from.push(item)
    yield
  }
  let to: T[] = new Array(length)
  for (let width = STEP; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length)
      const end = Math.min(middle + width, length)
      let [left, right] = [start, middle]
      for (let at = start; at < end; at++) {
        const isLeft = right >= end || (left < middle && compare(from[left]!, from[right]!) <= 0)
        to[at] = isLeft ? from[left++]! : from[right++]!
        if (at % STEP === 0) yield
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}
