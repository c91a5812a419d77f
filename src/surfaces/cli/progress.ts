/**
 * Progress on stderr: a line redrawn in place on a terminal, one line every ten seconds elsewhere, nothing
 * for work that is quick. Raises nothing.
 */

import type { Progress } from '../../books/operation.js'

export interface ProgressOutput {
  readonly isTerminal: boolean
  write(text: string): void
  /** Milliseconds of a clock that only goes forward. */
  elapsed(): number
}

const TERMINAL_INTERVAL = 100
const LOG_INTERVAL = 10_000
/** Work that takes less shows no bar. */
const QUIET = 400
const BAR = 24

export function makeProgress(output: ProgressOutput): Progress & { end(): void } {
  const began = output.elapsed()
  let stage = ''
  let stageBegan = began
  let shown = began
  let drawn = false
  const clear = (): void => {
    if (drawn) output.write('\r\u001b[K')
    drawn = false
  }
  return {
    report(next, done, part) {
      const now = output.elapsed()
      if (next !== stage) {
        stage = next
        stageBegan = now
      }
      const interval = output.isTerminal ? TERMINAL_INTERVAL : LOG_INTERVAL
      if (now - shown < interval || now - began < QUIET) return
      shown = now
      const line = progressLine(stage, done, part, now - stageBegan)
      if (output.isTerminal) {
        output.write(`\r\u001b[K${line}`)
        drawn = true
      } else output.write(`${line}\n`)
    },
    end: clear,
  }
}

export function progressLine(
  stage: string,
  done: number,
  part: number | undefined,
  milliseconds: number,
): string {
  const rate = milliseconds > 0 ? Math.round((done * 1000) / milliseconds) : 0
  const shown = rate > 0 ? ` · ${rate.toLocaleString('en-US')}/s` : ''
  return `${stage}  ${part === undefined ? '' : bar(Math.min(1, part))}${done.toLocaleString('en-US')}${shown}`
}

const bar = (part: number): string =>
  `${'█'.repeat(Math.round(part * BAR)).padEnd(BAR, '░')} ${Math.floor(part * 100)}%  `
