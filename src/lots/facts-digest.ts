/**
 * The digest of a set of facts: the sum of their row digests as 256-bit numbers, so that it does not depend on
 * order and new facts can be added to an old one. Raises nothing.
 */

import type { Digest } from '../base/digest.js'

const SIZE = 1n << 256n

export class FactsDigest {
  private sum: bigint

  /** `from`: what `digest` gave for the facts before. */
  constructor(from?: Digest) {
    this.sum = from === undefined ? 0n : numberOf(from)
  }

  /** A row's digest (tradeDigest, factDigest); each row once. */
  add(row: Digest): void {
    this.sum = (this.sum + numberOf(row)) % SIZE
  }

  digest(): Digest {
    return `sha256:${this.sum.toString(16).padStart(64, '0')}` as Digest
  }
}

const numberOf = (digest: Digest): bigint => BigInt(`0x${digest.slice('sha256:'.length)}`)
