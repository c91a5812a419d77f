/**
 * The end of a run that cannot be completed. Raises the cause: a refusal with TIE-2502 added, which names the run; TIE-2503
 * alone where the user interrupted; anything else as it is.
 */

import { problem, Refusal } from '../base/errors.js'
import type { Context } from './operation.js'
import { failRun, type RunId } from './runs.js'

/** Marks the run FAILED with the cause and throws that cause, naming the run. */
export async function failed(context: Context, run: RunId, began: number, cause: unknown): Promise<never> {
  const interrupted = context.signal.aborted
  const problems = cause instanceof Refusal ? cause.problems : []
  const message = interrupted ? 'interrupted' : cause instanceof Error ? cause.message : String(cause)
  try {
    await failRun(context.books, context.tenant, {
      id: run,
      finished_at: context.now(),
      calculation_duration_ms: context.elapsed() - began,
      error: {
        message,
        problems: problems.map(({ code, message: text, remedy }) => ({ code, message: text, remedy })),
      },
    })
  } catch {
    // The database is gone too: the next start finds the run without its process and marks it.
  }
  if (interrupted) throw new Refusal([problem('TIE-2503', { run })], { cause })
  if (cause instanceof Refusal) throw new Refusal([...problems, problem('TIE-2502', { run })], { cause })
  throw cause
}
