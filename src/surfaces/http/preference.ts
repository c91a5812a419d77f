/** The header Prefer (RFC 7240): how long a client would wait. What cannot be understood is passed over, as the RFC asks. Raises nothing. */

/** Seconds that a request which writes is waited for when the client does not say. */
const DEFAULT_WAIT = 10
const LONGEST_WAIT = 60

export interface Preference {
  /** Seconds to wait for the end of the work. */
  readonly wait: number
  /** What of the header was followed. */
  readonly applied: string | undefined
}

export function preferenceOf(header: string | undefined): Preference {
  const asked = (header ?? '').split(',').map((part) => part.split(';')[0]!.trim().toLowerCase())
  if (asked.includes('respond-async')) return { wait: 0, applied: 'respond-async' }
  const wait = asked
    .map((part) => /^wait\s*=\s*"?(\d{1,9})"?$/.exec(part)?.[1])
    .find((found) => found !== undefined)
  if (wait === undefined) return { wait: DEFAULT_WAIT, applied: undefined }
  const seconds = Math.min(Number(wait), LONGEST_WAIT)
  return { wait: seconds, applied: `wait=${seconds}` }
}

/** The value when it comes in time; undefined otherwise. The work goes on either way. */
export async function within<T>(work: Promise<T>, seconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), seconds * 1000)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
