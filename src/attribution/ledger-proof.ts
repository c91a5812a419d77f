/** The proof of a hash chain: entry by entry from the first, to the first that is not what its hash says. Raises nothing. */

import { type ChainedEntry, entryHash, FIRST_HASH } from './ledger-hash.js'

export interface LedgerProof {
  readonly entries: number
  /** The hash of the newest entry, by which a later state can be held against this one. */
  readonly head: string
  readonly violation: { readonly entry_no: number; readonly what: string } | null
}

export class ChainProof {
  private entries = 0
  private head = FIRST_HASH
  private violation: LedgerProof['violation'] = null
  private seen: boolean

  /** `noted`: a hash written down before, which an entry must have; a chain that lost its end follows from the first too. */
  constructor(private readonly noted?: string) {
    this.seen = noted === undefined || noted === FIRST_HASH
  }

  /** Whether it may go on. */
  add(entry: ChainedEntry): boolean {
    if (this.violation !== null) return false
    const what = this.wrong(entry)
    if (what !== undefined) this.violation = { entry_no: Number(entry.entry_no), what }
    else {
      this.entries += 1
      this.head = entry.entry_hash
      if (this.head === this.noted) this.seen = true
    }
    return what === undefined
  }

  end(): LedgerProof {
    if (this.violation === null && !this.seen)
      this.violation = { entry_no: this.entries + 1, what: `no entry has the hash ${this.noted}` }
    return { entries: this.entries, head: this.head, violation: this.violation }
  }

  private wrong(entry: ChainedEntry): string | undefined {
    if (entry.entry_no !== BigInt(this.entries) + 1n) return `entry ${this.entries + 1} is missing`
    if (entry.previous_hash !== this.head) return 'it does not follow the entry before it'
    if (entryHash(this.head, entry) !== entry.entry_hash) return 'its content is not that of its hash'
    return undefined
  }
}
