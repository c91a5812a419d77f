/**
 * The digest of lines of text in no order: the sum of their SHA-256, as 256-bit numbers, and how many there are. Lines can
 * be added to a sum that was kept, so a digest of a million lines and a few more costs what the few cost.
 *
 * It tells accidental differences apart as SHA-256 does; it is no seal against someone who can choose many lines, for whom
 * sums are easier to meet than hashes. Raises nothing.
 */

import { hash } from 'node:crypto'
import { type Digest, digestOf } from './digest.js'

const LANES = 8
const LANE = 2 ** 32
/** Lines that a lane can add up before it leaves the whole numbers of a double. */
const STRIP = 2 ** 20

export interface KeptSum {
  readonly lines: number
  /** 64 hexadecimal digits. */
  readonly sum: string
}

export class MultisetDigest {
  private lines: number
  /** The least first. */
  private readonly lanes = new Float64Array(LANES)

  constructor(kept: KeptSum = { lines: 0, sum: '' }) {
    this.lines = kept.lines
    const digits = kept.sum.padStart(LANES * 8, '0')
    for (let lane = 0; lane < LANES; lane++)
      this.lanes[lane] = Number.parseInt(digits.slice((LANES - 1 - lane) * 8, (LANES - lane) * 8), 16)
  }

  add(line: string): void {
    const bytes = hash('sha256', line, 'buffer')
    for (let lane = 0; lane < LANES; lane++) this.lanes[lane]! += bytes.readUInt32BE((LANES - 1 - lane) * 4)
    this.lines += 1
    if (this.lines % STRIP === 0) this.carry()
  }

  kept(): KeptSum {
    this.carry()
    const digits = Array.from(this.lanes, (value) => value.toString(16).padStart(8, '0'))
    return { lines: this.lines, sum: digits.reverse().join('') }
  }

  digest(): Digest {
    const { lines, sum } = this.kept()
    return digestOf([lines, sum])
  }

  private carry(): void {
    let carried = 0
    for (let lane = 0; lane < LANES; lane++) {
      const value = this.lanes[lane]! + carried
      carried = Math.floor(value / LANE)
      this.lanes[lane] = value - carried * LANE
    }
  }
}
