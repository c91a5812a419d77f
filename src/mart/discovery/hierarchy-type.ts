/** What kind of report a hierarchy is, by the words it uses. Raises nothing. */

import { compareText } from '../../base/text.js'
import { rounded, wordsOf } from './profile.js'

export interface HierarchyType {
  readonly type: string
  /** How it stands in names: LOS. Empty where there is no such name. */
  readonly short: string
  /** 0 to 1: its share of the words that tell kinds apart. */
  readonly confidence: number
  /** The words that said so, the most frequent first. */
  readonly words: readonly string[]
}

/** A report's own name counts more than a word that several kinds of report use. */
const KINDS: readonly { type: string; short: string; names: readonly string[]; words: readonly string[] }[] =
  [
    {
      type: 'lease operating statement',
      short: 'LOS',
      names: ['LOS', 'LEASE'],
      words: ['ROYALTY', 'SEVERANCE', 'WORKOVER', 'LIFTING', 'BOE', 'CRUDE', 'WELL', 'NGL', 'DEDUCTS'],
    },
    {
      type: 'midstream statement',
      short: 'MID',
      names: ['MIDSTREAM'],
      words: ['GATHERING', 'PROCESSING', 'THROUGHPUT', 'PIPELINE', 'FRACTIONATION', 'RESIDUE'],
    },
    {
      type: 'balance sheet',
      short: 'BS',
      names: ['BALANCE', 'SHEET'],
      words: [
        'ASSETS',
        'LIABILITIES',
        'EQUITY',
        'RECEIVABLES',
        'PAYABLES',
        'INVENTORY',
        'GOODWILL',
        'PROVISIONS',
      ],
    },
    {
      type: 'cash flow statement',
      short: 'CFS',
      names: ['CASHFLOW'],
      words: ['FINANCING', 'INVESTING', 'INFLOW', 'OUTFLOW', 'DIVIDENDS'],
    },
    {
      type: 'profit and loss statement',
      short: 'PNL',
      names: ['PNL', 'P', 'INCOME', 'LOSS'],
      words: [
        'REVENUE',
        'COGS',
        'MARGIN',
        'PROFIT',
        'EBITDA',
        'EXPENSE',
        'EXPENSES',
        'SALARIES',
        'MARKETING',
      ],
    },
    { type: 'budget', short: 'BUD', names: ['BUDGET', 'FORECAST', 'PLAN'], words: ['VARIANCE', 'HEADCOUNT'] },
  ]
const NAME_WEIGHT = 3
const LEAST = 3

/** `names` are of tables and groups, `levels` the distinct names in the tree. */
export function hierarchyTypeOf(names: readonly string[], levels: Iterable<string>): HierarchyType {
  const counted = new Map<string, number>()
  for (const level of levels)
    for (const word of wordsOf(level)) counted.set(word, (counted.get(word) ?? 0) + 1)
  const own = new Set(names.flatMap(wordsOf))
  const scores = KINDS.map((kind) => {
    const said = kind.names.filter((word) => own.has(word))
    const found = kind.words.filter((word) => counted.has(word))
    const score =
      said.length * NAME_WEIGHT + found.length + kind.names.filter((word) => counted.has(word)).length
    const words = [...said, ...found.sort((a, b) => counted.get(b)! - counted.get(a)! || compareText(a, b))]
    return { ...kind, score, words }
  })
  const total = scores.reduce((sum, { score }) => sum + score, 0)
  const [first] = scores.sort((a, b) => b.score - a.score)
  if (first === undefined || first.score < LEAST) return { type: 'tree', short: '', confidence: 0, words: [] }
  return {
    type: first.type,
    short: first.short,
    confidence: rounded(first.score / total),
    words: first.words,
  }
}
