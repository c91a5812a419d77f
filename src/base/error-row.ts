/** A row of the table of refusals, and the status and exit code of each kind of row. Raises nothing. */

export interface ErrorRow {
  /** HTTP status of the problem document. */
  readonly status: number
  /** Exit code of the CLI: 1 violations · 2 usage · 3 not found or conflict · 4 input · 5 permission · 70 internal · 130 interrupted. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 70 | 130
  /** What happened; `{name}` is replaced by the parameter of that name. */
  readonly message: string
  /** What to do next. */
  readonly remedy: string
}

export const usage = { status: 400, exit: 2 } as const
export const missing = { status: 404, exit: 3 } as const
export const conflict = { status: 409, exit: 3 } as const
export const input = { status: 422, exit: 4 } as const
export const unknown = { status: 401, exit: 5 } as const
export const denied = { status: 403, exit: 5 } as const
export const outdated = { status: 412, exit: 3 } as const
export const busy = { status: 429, exit: 3 } as const
export const tooLarge = { status: 413, exit: 4 } as const
export const unavailable = { status: 503, exit: 2 } as const
export const internal = { status: 500, exit: 70 } as const
