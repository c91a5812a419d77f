/**
 * Findings are data: what a calculation noticed, stored with its run. A code, what it concerns, how much
 * money and how many rows are behind it, and what would settle it.
 */

export type Severity = 'info' | 'warning' | 'error'

export interface Finding {
  /** Stable, upper case with underscores: RULE_MATCHES_NOTHING. */
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly suggestion: string
  readonly node_id?: string
  readonly measure?: string
  readonly scenario?: string
  /** Decimal text: the money behind the finding. */
  readonly amount?: string
  /** Fact rows behind the finding. */
  readonly rows?: number
  /** Anything more, as strings and lists: near-miss values, the rule's text, the nodes concerned. */
  readonly detail?: Readonly<Record<string, string | readonly string[]>>
}
