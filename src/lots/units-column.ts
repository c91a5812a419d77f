/**
 * A column of whole units that grows: 64-bit integers in one buffer, which the garbage collector does not look
 * at, or plain bigints from the first value on that needs more. Raises nothing.
 */

export class UnitsColumn {
  length = 0
  private words: BigInt64Array | undefined = new BigInt64Array(64)
  private big: bigint[] = []

  /** A column of zeros. */
  static zeros(length: number): UnitsColumn {
    const column = new UnitsColumn()
    column.words = new BigInt64Array(length)
    column.length = length
    return column
  }

  push(units: bigint): void {
    this.makeRoomFor(units)
    if (this.words === undefined) this.big.push(units)
    else {
      if (this.length === this.words.length) {
        const larger = new BigInt64Array(Math.max(64, 2 * this.length))
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

  /** 0 ≤ i < length. */
  set(i: number, units: bigint): void {
    this.makeRoomFor(units)
    if (this.words === undefined) this.big[i] = units
    else this.words[i] = units
  }

  private makeRoomFor(units: bigint): void {
    if (this.words === undefined || BigInt.asIntN(64, units) === units) return
    this.big = Array.from(this.words.subarray(0, this.length))
    this.words = undefined
  }
}
