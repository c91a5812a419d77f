/**
 * How an operation's output looks: rows for --format, and a text for a terminal. Operations without an entry
 * are shown as indented JSON. Raises nothing.
 */

import { ADJUSTMENT_PRESENTATIONS } from './present-adjustments.js'
import { ALLOCATION_PRESENTATIONS } from './present-allocations.js'
import { ATTRIBUTION_PRESENTATIONS } from './present-attribution.js'
import { COMPARISON_PRESENTATIONS } from './present-comparison.js'
import { EVENT_PRESENTATIONS } from './present-events.js'
import { EXPLANATION_PRESENTATIONS } from './present-explanation.js'
import { EXPORT_PRESENTATIONS } from './present-export.js'
import { INPUT_PRESENTATIONS } from './present-inputs.js'
import { LOT_EVIDENCE_PRESENTATIONS } from './present-lot-evidence.js'
import { LOT_PRESENTATIONS } from './present-lots.js'
import { MART_DISCOVERY_PRESENTATIONS } from './present-mart-discovery.js'
import { MART_PRESENTATIONS } from './present-marts.js'
import { REVENUE_PRESENTATIONS } from './present-revenue.js'
import { RUN_PRESENTATIONS } from './present-runs.js'
import { TRADE_PRESENTATIONS } from './present-trades.js'
import type { Presentation } from './presentation.js'

export const PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  ...INPUT_PRESENTATIONS,
  ...ADJUSTMENT_PRESENTATIONS,
  ...RUN_PRESENTATIONS,
  ...EXPLANATION_PRESENTATIONS,
  ...COMPARISON_PRESENTATIONS,
  ...EXPORT_PRESENTATIONS,
  ...TRADE_PRESENTATIONS,
  ...LOT_PRESENTATIONS,
  ...LOT_EVIDENCE_PRESENTATIONS,
  ...EVENT_PRESENTATIONS,
  ...ATTRIBUTION_PRESENTATIONS,
  ...MART_PRESENTATIONS,
  ...ALLOCATION_PRESENTATIONS,
  ...REVENUE_PRESENTATIONS,
  ...MART_DISCOVERY_PRESENTATIONS,
}
