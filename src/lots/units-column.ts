/**
 * A column of whole units that grows: 64-bit integers in one buffer, which the garbage collector does not look
 * at, or plain bigints from the first value on that needs more. Raises nothing.
 */

export class UnitsColumn {
  length = 0
  private words: BigInt64Array | undefined = new BigInt64Array(64)
  private big: bigint[] = []

  push(units: bigint): void {
    if (this.words !== undefined && BigInt.asIntN(64, units) !== units) {
      this.big = Array.from(this.words.subarray(0, this.length))
      this.words = undefined
    }
    if (this.words === undefined) this.big.push(units)
    else {
      if (this.length === this.words.length) {
        const larger = new BigInt64Array(2 * this.length)
        larger.set(this.words)
        this.words = larger
      }
      this.words[this.length] = units
    }
    this.length += 1
  }

  /** 0 ≤ i < length. */
  at(i: number): bigint {
    return this.words === undefined ? this.big[i]! : this.words[i]!
  }
}
