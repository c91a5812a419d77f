/** Members of a fixed order that come and go, and which of a range of them is the first that is there. Raises nothing. */

export class FirstActive {
  private readonly leaves: number
  /** A binary tree in an array: how many members below each place are there. */
  private readonly counts: Int32Array

  constructor(members: number) {
    this.leaves = 2 ** Math.ceil(Math.log2(Math.max(1, members)))
    this.counts = new Int32Array(2 * this.leaves)
  }

  set(member: number, there: 0 | 1): void {
    const change = there - this.counts[this.leaves + member]!
    if (change === 0) return
    for (let at = this.leaves + member; at > 0; at >>= 1) this.counts[at]! += change
  }

  /** The first that is there in [from, to); −1: none. */
  first(from: number, to: number): number {
    let at = from + this.leaves
    if (this.counts[at] === 0) {
      // Up until something is to the right, then down to its leftmost.
      while (at > 1 && ((at & 1) === 1 || this.counts[at + 1] === 0)) at >>= 1
      if (at <= 1) return -1
      at += 1
      while (at < this.leaves) {
        at *= 2
        if (this.counts[at] === 0) at += 1
      }
    }
    const member = at - this.leaves
    return member < to ? member : -1
  }
}
