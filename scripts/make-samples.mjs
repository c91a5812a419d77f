/**
 * Makes the three sample use cases under examples/ and examples/expected.json, always the same bytes.
 *
 *   node scripts/make-samples.mjs           writes them
 *   node scripts/make-samples.mjs --check   exits 1 when a committed file differs
 *
 * Money is whole cents throughout. What expected.json says is worked out here from the text of the facts, by
 * plain loops in BigInt cents and with every rule written out by hand: no code of Tieout takes part.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url))
const DATE = '2025-12-24'
const UNASSIGNED = 'UNASSIGNED'

// ---------------------------------------------------------------- numbers

/** mulberry32: 32-bit integers from a seed, the same on every machine. */
function mulberry32(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

class Dice {
  constructor(seed) {
    this.next = mulberry32(seed)
  }

  /** A whole number from low to high, both included. */
  whole(low, high) {
    return low + (this.next() % (high - low + 1))
  }

  /** Cents around a mean: bell-shaped, at most `spread` away from it. */
  around(mean, spread) {
    const third = Math.trunc(spread / 3)
    return mean + this.whole(-third, third) + this.whole(-third, third) + this.whole(-third, third)
  }

  pick(list) {
    return list[this.whole(0, list.length - 1)]
  }
}

/** Cents (number or BigInt) as plain text: -1234.05. */
function money(cents) {
  const units = BigInt(cents)
  const digits = (units < 0n ? -units : units).toString().padStart(3, '0')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/** For a reader: -1,234.05. */
const shown = (cents) => money(cents).replace(/\B(?=(\d{3})+\.)/g, ',')

const centsOf = (text) => (text === '' ? 0n : BigInt(text.replace('.', '')))

// ---------------------------------------------------------------- CSV

function csv(header, rows) {
  const lines = [header, ...rows].map((fields) => {
    if (fields.length !== header.length) throw new Error(`${fields.length} fields for ${header.join()}`)
    for (const field of fields) if (/[",\n]/.test(field)) throw new Error(`"${field}" would need quotes`)
    return fields.join(',')
  })
  return `${lines.join('\n')}\n`
}

function recordsOf(text) {
  const [header, ...lines] = text.trimEnd().split('\n')
  const columns = header.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((field, i) => [columns[i], field])))
}

const NODE_COLUMNS = ['node_id', 'parent_node_id', 'node_name', 'rollup_driver', 'rollup_value_source']

/** `nodes` are [id, parent, name]; `driver` is what the leaves carry, if anything. */
function structureCsv(nodes, driver) {
  if (driver === undefined) return csv(NODE_COLUMNS.slice(0, 3), nodes)
  const parents = new Set(nodes.map(([, parent]) => parent))
  return csv(
    NODE_COLUMNS,
    nodes.map((node) => [...node, ...(parents.has(node[0]) ? ['', ''] : driver)]),
  )
}

// ---------------------------------------------------------------- America Trading P&L

const AMERICA_NODES = [
  ['AMER', '', 'America Trading P&L'],
  ['AMER_NA', 'AMER', 'North America'],
  ['AMER_NA_EQ', 'AMER_NA', 'Equities'],
  ['DG_CASH', 'AMER_NA_EQ', 'Cash and Program Trading'],
  ['DESK_HT', 'DG_CASH', 'High Touch'],
  ['TRADE_101', 'DESK_HT', 'High Touch US Large Cap'],
  ['TRADE_102', 'DESK_HT', 'High Touch US Small and Mid Cap'],
  ['TRADE_103', 'DESK_HT', 'High Touch Canada'],
  ['CC_190', 'DESK_HT', 'High Touch Desk Funding'],
  ['DESK_PT', 'DG_CASH', 'Program Trading'],
  ['TRADE_201', 'DESK_PT', 'Program Trading Agency'],
  ['TRADE_202', 'DESK_PT', 'Program Trading Risk'],
  ['TRADE_203', 'DESK_PT', 'Index Arbitrage'],
  ['DG_VOL', 'AMER_NA_EQ', 'Volatility Trading'],
  ['DESK_FLOW', 'DG_VOL', 'Flow Derivatives'],
  ['TRADE_301', 'DESK_FLOW', 'Single Stock Options'],
  ['TRADE_302', 'DESK_FLOW', 'Index Options'],
  ['TRADE_303', 'DESK_FLOW', 'ETF Options'],
  ['DESK_EXO', 'DG_VOL', 'Exotics'],
  ['TRADE_401', 'DESK_EXO', 'Autocallables'],
  ['TRADE_402', 'DESK_EXO', 'Variance and Dispersion'],
  ['CC_490', 'DESK_EXO', 'Exotics Model Reserves'],
]

/** Cost centre, accounts, book, strategy, mean and spread of a day in cents. A series is an account in a book. */
const AMERICA_BOOKS = [
  ['TRADE_101', 39, 'HT-LC-01', 'FACILITATION', 210_000, 1_900_000],
  ['TRADE_101', 39, 'HT-LC-02', 'AGENCY', 95_000, 300_000],
  ['TRADE_102', 28, 'HT-SMC-01', 'FACILITATION', 120_000, 1_400_000],
  ['TRADE_102', 28, 'HT-SMC-02', 'AGENCY', 60_000, 200_000],
  ['TRADE_103', 40, 'HT-CAN-01', 'FACILITATION', 70_000, 900_000],
  ['CC_190', 10, 'HT-FUND-01', 'FUNDING', -45_000, 90_000],
  ['CC_190', 10, 'HT-FUND-02', 'STOCK_LOAN', 30_000, 60_000],
  ['TRADE_201', 60, 'PT-AG-01', 'AGENCY', 85_000, 250_000],
  ['TRADE_202', 29, 'PT-RISK-01', 'PRINCIPAL', 130_000, 2_600_000],
  ['TRADE_202', 29, 'PT-RISK-02', 'HEDGING', -40_000, 800_000],
  ['TRADE_203', 22, 'ARB-01', 'INDEX_ARB', 240_000, 1_500_000],
  ['TRADE_203', 22, 'ARB-02', 'INDEX_ARB', 150_000, 1_100_000],
  ['TRADE_301', 33, 'SSO-01', 'MARKET_MAKING', 160_000, 2_200_000],
  ['TRADE_301', 33, 'SSO-02', 'HEDGING', -50_000, 1_200_000],
  ['TRADE_302', 22, 'IDX-OPT-01', 'MARKET_MAKING', 230_000, 2_400_000],
  ['TRADE_302', 22, 'IDX-OPT-02', 'HEDGING', -60_000, 1_300_000],
  ['TRADE_302', 22, 'IDX-FUT-09', 'ARB_HEDGE', -190_000, 700_000],
  ['TRADE_303', 38, 'ETFO-01', 'MARKET_MAKING', 90_000, 1_000_000],
  ['TRADE_401', 18, 'EXO-AC-01', 'STRUCTURED', 310_000, 2_800_000],
  ['TRADE_401', 17, 'EXO-AC-02', 'HEDGING', -120_000, 1_900_000],
  ['TRADE_402', 24, 'EXO-VAR-01', 'DISPERSION', 140_000, 2_100_000],
  ['CC_490', 4, 'EXO-RSV-01', 'RESERVE_TAKEN', -420_000, 240_000],
  ['CC_490', 4, 'EXO-RSV-02', 'RESERVE_RELEASE', 160_000, 120_000],
  // No node has these: a cost centre opened last week, a suspense account, and a fact without one.
  ['TRADE_104', 4, 'HT-LATAM-01', 'FACILITATION', 60_000, 500_000],
  ['TRADE_999', 2, 'SUSPENSE', 'UNKNOWN', 0, 150_000],
  ['', 1, 'HT-LC-01', 'FACILITATION', 0, 400_000],
]

const AMERICA_DATES = ['2025-12-22', '2025-12-23', DATE]
/** Business days of December before the first date of the sample. */
const DAYS_BEFORE = 15

/** One series: its figures on each date, each day standing on the day before. */
function americaSeries(dice, mean, spread) {
  let mtd = 0
  for (let day = 0; day < DAYS_BEFORE; day++) mtd += dice.around(mean, spread)
  const opening = dice.around(230 * mean, 15 * spread)
  let pytd = dice.around(215 * mean, 15 * spread)
  return AMERICA_DATES.map((date) => {
    const daily = dice.around(mean, spread)
    mtd += daily
    pytd += dice.around(mean, spread)
    return { date, amounts: [daily, mtd, opening + mtd, pytd].map(money) }
  })
}

function americaFacts() {
  const dice = new Dice(20251224)
  const dated = new Map(AMERICA_DATES.map((date) => [date, []]))
  let series = 0
  for (const [cc, accounts, book, strategy, mean, spread] of AMERICA_BOOKS) {
    for (let i = 1; i <= accounts; i++, series++) {
      const account = `ACC-${cc.replace(/\D/g, '').padStart(3, '0')}${String(i).padStart(3, '0')}`
      // Every series has the last day, every second the day before, every sixth all three.
      const first = series % 6 === 0 ? 0 : series % 2 === 0 ? 1 : 2
      for (const { date, amounts } of americaSeries(dice, mean, spread).slice(first)) {
        dated.get(date).push([cc, account, book, strategy, date, ...amounts])
      }
    }
  }
  const rows = [...dated.values()].flat().map((row, i) => [`F${String(i + 1).padStart(5, '0')}`, ...row])
  const header = 'fact_id,cc_id,account_id,book,strategy,pnl_date,daily_pnl,mtd_pnl,ytd_pnl,pytd_pnl'
  return csv(header.split(','), rows)
}

const AMERICA_YAML = `use_case: America Trading P&L
description: >-
  Daily flash of the Americas equity desks by cost centre. The drivers are those of the structure:
  cc_id = node_id at every cost centre.
structure: AMERICA
source: { table: fact_pnl_gold, date: pnl_date, scenario: null }
measures: { daily: daily_pnl, mtd: mtd_pnl, ytd: ytd_pnl, pytd: pytd_pnl }
policy: most_specific
rules:
  - node: TRADE_203
    where: "cc_id = 'TRADE_203' or strategy = 'ARB_HEDGE'"
    scope: table
    note: >-
      The futures that hedge index arbitrage are booked in Index Options, because that cost centre holds the
      futures account. The arbitrage is shown with its hedge.
  - node: TRADE_302
    where: "strategy <> 'ARB_HEDGE'"
    note: >-
      The other half of the rule on Index Arbitrage: its futures hedge leaves Index Options, so that nothing
      counts twice and the two plugs cancel out.
  - node: DESK_EXO
    formula: "sum(daily_pnl where cc_id in ('TRADE_401', 'TRADE_402')) + sum(daily_pnl where cc_id = 'CC_490' and strategy = 'RESERVE_RELEASE')"
    into: daily
    note: >-
      Model reserves taken are Product Control's until month end; only releases count in the flash of the
      desk. Month and year to date stay as booked.
`

const america = {
  folder: 'america-trading',
  useCase: 'America Trading P&L',
  structure: 'AMERICA',
  table: 'fact_pnl_gold',
  nodes: AMERICA_NODES,
  structureCsv: structureCsv(AMERICA_NODES, ['cc_id', 'node_id']),
  facts: americaFacts(),
  yaml: AMERICA_YAML,
  measures: { daily: 'daily_pnl', mtd: 'mtd_pnl', ytd: 'ytd_pnl', pytd: 'pytd_pnl' },
  scenarioOf: () => 'ACTUAL',
  scenarios: ['ACTUAL'],
  driverValue: (fact) => fact.cc_id,
  boundValue: ([id], isLeaf) => (isLeaf ? id : undefined),
  rules: [
    {
      node: 'TRADE_203',
      flavour: 'filter',
      value: (roll, { column }) =>
        roll.sum(column, (f) => f.cc_id === 'TRADE_203' || f.strategy === 'ARB_HEDGE'),
    },
    {
      node: 'TRADE_302',
      flavour: 'filter',
      value: (roll, { column }) =>
        roll.sum(column, (f) => f.strategy !== '' && f.strategy !== 'ARB_HEDGE', 'TRADE_302'),
    },
    {
      node: 'DESK_EXO',
      flavour: 'arithmetic',
      into: 'daily',
      value: (roll) =>
        roll.sum('daily_pnl', (f) => f.cc_id === 'TRADE_401' || f.cc_id === 'TRADE_402') +
        roll.sum('daily_pnl', (f) => f.cc_id === 'CC_490' && f.strategy === 'RESERVE_RELEASE'),
    },
  ],
  findings: ['FACTS_UNASSIGNED'],
  readme: (figures) => `# America Trading P&L

The daily flash of an equities business: region, business, desk group, 4 desks and 13 cost centres (22 nodes),
over 1,000 facts of 22 to 24 December 2025 with daily, mtd, ytd and pytd. Facts belong to a cost centre where
\`cc_id\` is its node id; the structure itself says so. The source has no scenario, and the use case says that too.

${commands(america)}

- On ${DATE}, ${figures.facts('ACTUAL')} facts sum to a root natural of ${figures.natural('AMER', 'daily')} daily.
- ${figures.unassigned('ACTUAL')} facts of that day have a cost centre no node has; they stand under UNASSIGNED, not lost.
- Index Arbitrage (TRADE_203) and Index Options (TRADE_302) hand a hedge to each other: plugs ${figures.plug('TRADE_203', 'daily')}
  and ${figures.plug('TRADE_302', 'daily')} daily, which cancel out above them.
- Exotics (DESK_EXO) counts reserve releases only, in daily alone: plug ${figures.plug('DESK_EXO', 'daily')}, the same as the root's.
- For a series with facts on both days, mtd of the 24th is mtd of the 23rd plus daily of the 24th, to the cent.
`,
}

// ---------------------------------------------------------------- Project Sterling

const STERLING_NODES = [
  ['STERLING', '', 'Project Sterling'],
  ['LE_UK', 'STERLING', 'Sterling Bank plc'],
  ['UK_EMEA', 'LE_UK', 'UK and Ireland'],
  ['UK_EMEA_GILTS', 'UK_EMEA', 'Gilts Market Making'],
  ['UK_EMEA_SWAPS', 'UK_EMEA', 'GBP Swaps'],
  ['UK_EMEA_INFL', 'UK_EMEA', 'Inflation Linkers'],
  ['UK_APAC', 'LE_UK', 'Asia Pacific Branch'],
  ['UK_APAC_XCCY', 'UK_APAC', 'Cross-Currency Basis'],
  ['UK_APAC_FWD', 'UK_APAC', 'FX Forwards'],
  ['LE_US', 'STERLING', 'Sterling Securities LLC'],
  ['US_AMER', 'LE_US', 'Americas'],
  ['US_AMER_TSY', 'US_AMER', 'Treasuries'],
  ['US_AMER_SOFR', 'US_AMER', 'SOFR Swaps'],
  ['US_AMER_BASIS', 'US_AMER', 'Treasury Futures Basis'],
  ['LE_EU', 'STERLING', 'Sterling Europe SE'],
  ['EU_EMEA', 'LE_EU', 'Continental Europe'],
  ['EU_EMEA_BUND', 'EU_EMEA', 'Bunds'],
  ['EU_EMEA_SWAPS', 'EU_EMEA', 'EUR Swaps'],
]

/** Category, number of trades, mean and spread of a day in cents. */
const STERLING_TRADES = [
  ['UK_EMEA_GILTS', 30, 180_000, 2_400_000],
  ['UK_EMEA_SWAPS', 28, 140_000, 3_100_000],
  ['UK_EMEA_INFL', 22, 110_000, 1_800_000],
  ['UK_APAC_XCCY', 18, 90_000, 1_500_000],
  ['UK_APAC_FWD', 16, 70_000, 800_000],
  ['US_AMER_TSY', 26, 160_000, 2_700_000],
  ['US_AMER_SOFR', 20, 130_000, 2_200_000],
  ['US_AMER_BASIS', 12, -60_000, 1_300_000],
  ['EU_EMEA_BUND', 14, 100_000, 1_600_000],
  ['EU_EMEA_SWAPS', 12, 80_000, 1_900_000],
  // Repo was moved into the perimeter yesterday; the structure does not have it yet.
  ['UK_EMEA_REPO', 2, 20_000, 100_000],
]

/** The linker that has not moved for months: nothing today, a large year. */
const DORMANT = { trade: 'STL-00077', ytd: 425_000_000 }
/** Dealt today, so PRIOR does not have it. */
const NEW_TRADE = { trade: 'STL-00201', category: 'US_AMER_SOFR', daily: -3_841_275 }

function sterlingFacts() {
  const dice = new Dice(5150)
  const names = new Map(STERLING_NODES.map(([id, parent, name]) => [id, { parent, name }]))
  const dimensions = (category) => {
    if (!names.has(category)) return [category, 'Sterling Bank plc', 'UK and Ireland', 'Repo']
    const { parent: region, name } = names.get(category)
    return [category, names.get(names.get(region).parent).name, names.get(region).name, name]
  }
  const rows = { ACTUAL: [], PRIOR: [] }
  const add = (scenario, trade, category, [daily, wtd, ytd]) =>
    rows[scenario].push([
      DATE,
      scenario,
      trade,
      ...dimensions(category),
      ...[daily, wtd, ytd, daily].map(money),
    ])
  let number = 0
  for (const [category, count, mean, spread] of STERLING_TRADES) {
    for (let i = 0; i < count; i++) {
      const trade = `STL-${String(++number).padStart(5, '0')}`
      const [monday, tuesday, wednesday] = [1, 2, 3].map(() => dice.around(mean, spread))
      const year = dice.around(200 * mean, 12 * spread)
      if (trade === DORMANT.trade) {
        for (const scenario of ['ACTUAL', 'PRIOR']) add(scenario, trade, category, [0, 0, DORMANT.ytd])
        continue
      }
      add('PRIOR', trade, category, [tuesday, monday + tuesday, year + monday + tuesday])
      add('ACTUAL', trade, category, [
        wednesday,
        monday + tuesday + wednesday,
        year + monday + tuesday + wednesday,
      ])
    }
  }
  const { trade, category, daily } = NEW_TRADE
  add('ACTUAL', trade, category, [daily, daily, daily])
  const header =
    'pnl_date,scenario,trade_id,category_code,legal_entity,region,strategy,daily_amount,wtd_amount,ytd_amount,amount'
  return csv(header.split(','), [...rows.ACTUAL, ...rows.PRIOR])
}

const STERLING_YAML = `use_case: Project Sterling
description: >-
  Rates businesses in the perimeter of Project Sterling, by legal entity, region and strategy. ACTUAL is
  today, PRIOR is yesterday's close as of today.
structure: STERLING
source: { table: fact_pnl_entries, date: pnl_date, scenario: scenario }
measures: { daily: daily_amount, wtd: wtd_amount, ytd: ytd_amount }
policy: most_specific
scenarios: [ACTUAL, PRIOR]
drivers:
  - { nodes: leaves, column: category_code, value: node_id }
rules:
  - node: UK_EMEA_INFL
    where: "trade_id <> '${DORMANT.trade}'"
    note: >-
      The legacy linker ${DORMANT.trade} stays with the seller under the purchase agreement. It has not moved this
      week, so daily and wtd look right without this rule, and ytd does not.
  - node: US_AMER
    formula: "US_AMER_TSY + US_AMER_SOFR"
    note: >-
      Treasury Futures Basis is being wound down and is not part of the continuing business; the line stays
      visible below.
  - node: LE_UK
    where: "region = 'UK and Ireland'"
    note: >-
      The bank without its Asia Pacific branch. Under most_specific it is skipped, because Inflation Linkers
      below has a rule of its own; a run with top_down shows it.
`

const sterling = {
  folder: 'project-sterling',
  useCase: 'Project Sterling',
  structure: 'STERLING',
  table: 'fact_pnl_entries',
  nodes: STERLING_NODES,
  structureCsv: structureCsv(STERLING_NODES),
  facts: sterlingFacts(),
  yaml: STERLING_YAML,
  measures: { daily: 'daily_amount', wtd: 'wtd_amount', ytd: 'ytd_amount' },
  scenarioOf: (fact) => fact.scenario,
  scenarios: ['ACTUAL', 'PRIOR'],
  driverValue: (fact) => fact.category_code,
  boundValue: ([id], isLeaf) => (isLeaf ? id : undefined),
  rules: [
    {
      node: 'UK_EMEA_INFL',
      flavour: 'filter',
      value: (roll, { column }) => roll.sum(column, (f) => f.trade_id !== DORMANT.trade, 'UK_EMEA_INFL'),
    },
    {
      node: 'US_AMER',
      flavour: 'arithmetic',
      value: (roll, { name }) => roll.adjusted('US_AMER_TSY', name) + roll.adjusted('US_AMER_SOFR', name),
    },
    { node: 'LE_UK', flavour: 'filter', skipped: true },
  ],
  findings: ['RULE_SKIPPED', 'FACTS_UNASSIGNED'],
  readme: (figures) => `# Project Sterling

Rates businesses in the perimeter of a deal: legal entity, region, strategy (18 nodes), over the built-in table
\`fact_pnl_entries\` with ACTUAL and PRIOR of ${DATE}. PRIOR is yesterday's close, so ACTUAL is PRIOR plus the day
for wtd and ytd. Facts belong to a strategy where \`category_code\` is its node id; the use case says so.

${commands(sterling)}

- Root natural daily: ${figures.natural('STERLING', 'daily')} ACTUAL, ${figures.natural('STERLING', 'daily', 'PRIOR')} PRIOR.
- ${NEW_TRADE.trade} in SOFR Swaps is new today: ${shown(NEW_TRADE.daily)}, nothing in PRIOR.
- ${DORMANT.trade} has a daily of zero and ${shown(DORMANT.ytd)} ytd. The rule on Inflation Linkers leaves it out: no plug in
  daily and wtd, ${figures.plug('UK_EMEA_INFL', 'ytd')} in ytd.
- Americas is a formula, Treasuries plus SOFR Swaps: plug ${figures.plug('US_AMER', 'daily')} daily, the Basis line.
- The filter on Sterling Bank plc is skipped and the run says why; with the policy top_down it decides.
- The repo trades have no node yet: ${figures.unassigned('ACTUAL')} facts a scenario under UNASSIGNED.
`,
}

// ---------------------------------------------------------------- Cash Equity Trading

const CASH_NODES = [
  ['CE', '', 'Cash Equity Trading'],
  ['CE_TRADING', 'CE', 'TRADING'],
  ['CE_CORE', 'CE_TRADING', 'CORE'],
  ['CE_PRODUCTS', 'CE_CORE', 'PRODUCTS'],
  ['CE_FACIL', 'CE_PRODUCTS', 'FACILITATION'],
  ['CE_INVENTORY', 'CE_PRODUCTS', 'INVENTORY MANAGEMENT'],
  ['CE_CRB', 'CE_CORE', 'CRB'],
  ['CE_COMM', 'CE', 'COMMISSIONS'],
  ['CE_EXEC', 'CE_COMM', 'EXECUTION'],
  ['CE_SWAPS', 'CE', 'SWAPS'],
  ['CE_ETF', 'CE', 'ETF'],
]

/** Parents with facts of their own, through the second driver. */
const CASH_PARENTS = ['CE_PRODUCTS', 'CE_COMM']

/** Product lines and books of a strategy. */
const CASH_DESKS = {
  PRODUCTS: [['CASH'], ['CE-DESK-01']],
  FACILITATION: [
    ['CASH', 'BLOCK'],
    ['CE-FAC-01', 'CE-FAC-02', 'CE-FAC-03'],
  ],
  'INVENTORY MANAGEMENT': [
    ['CASH', 'ADR'],
    ['CE-INV-01', 'CE-INV-02'],
  ],
  CRB: [['CASH', 'FUTURES'], ['CE-CRB-01']],
  COMMISSIONS: [['CASH'], ['CE-COM-01']],
  EXECUTION: [
    ['CASH', 'ADR', 'BLOCK'],
    ['CE-EXE-01', 'CE-EXE-02'],
  ],
  SWAPS: [['SWAP'], ['CE-SWP-01', 'CE-SWP-02']],
  ETF: [['ETF'], ['CE-ETF-01']],
  PRIME: [['SWAP'], ['CE-PRM-01']],
}

/** Strategy, entries a scenario, process_1, process_2, and the means of daily, commission and trade in cents. */
const CASH_ENTRIES = [
  ['PRODUCTS', 8, 'ALLOCATION', 'DESK ALLOCATION', 90_000, 0, -25_000],
  ['PRODUCTS', 8, 'ADJUSTMENT', '', -20_000, 0, 15_000],
  ['FACILITATION', 20, 'TRADING', 'CLIENT FACILITATION', 310_000, 42_000, 260_000],
  ['FACILITATION', 19, 'TRADING', 'UNWIND', -80_000, 6_000, -95_000],
  ['FACILITATION', 19, 'FINANCING', 'OVERNIGHT', -15_000, 0, 0],
  ['INVENTORY MANAGEMENT', 20, 'TRADING', 'AXE', 140_000, 9_000, 170_000],
  ['INVENTORY MANAGEMENT', 20, 'TRADING', 'HEDGE', -60_000, 2_000, -40_000],
  ['CRB', 18, 'TRADING', 'INTERNALISATION', 120_000, 0, 155_000],
  ['CRB', 18, 'TRADING', 'HEDGE', -70_000, 1_500, -30_000],
  ['COMMISSIONS', 7, 'COMMISSION', 'RESEARCH CSA', 4_000, 65_000, 0],
  ['COMMISSIONS', 7, 'REBATE', '', -9_000, -12_000, 0],
  ['EXECUTION', 19, 'COMMISSION', 'HIGH TOUCH', 11_000, 96_000, 5_000],
  ['EXECUTION', 19, 'COMMISSION', 'LOW TOUCH', 3_000, 38_000, 1_000],
  ['EXECUTION', 18, 'REBATE', 'EXCHANGE REBATE', -7_000, -4_000, 0],
  ['SWAPS', 11, 'COMMISSION', 'SWAP COMMISSION', 85_000, 48_000, 12_000],
  ['SWAPS', 11, 'COMMISSION', 'SD COMMISSION', 52_000, 31_000, 7_000],
  ['SWAPS', 10, 'FINANCING', 'SWAP FINANCING', 130_000, 0, 20_000],
  ['SWAPS', 10, 'FINANCING', '', -18_000, 0, 0],
  ['ETF', 12, 'TRADING', 'CREATION REDEMPTION', 95_000, 5_000, 120_000],
  ['ETF', 11, 'COMMISSION', 'ETF COMMISSION', 6_000, 44_000, 2_000],
  ['ETF', 11, 'FINANCING', 'OVERNIGHT', -22_000, 0, 0],
  // Nobody has told the hierarchy about this desk.
  ['PRIME', 4, 'FINANCING', 'MARGIN', 25_000, 0, 9_000],
]

const TRADERS = ['A. Whitfield', 'J. Okafor', 'M. Lindqvist', 'P. Castellano', 'R. Iyer', 'S. Brandt']

/** Each column has a spread of its own, so that none is a multiple of another; a mean of zero stays zero. */
const cashAmounts = (dice, means) =>
  means.map((mean, i) => (mean === 0 ? 0 : dice.around(mean, Math.abs(mean) * [3, 2, 4][i] + 2_000)))

function cashFacts() {
  const dice = new Dice(1111)
  const rows = { ACTUAL: [], PRIOR: [] }
  let number = 0
  for (const [strategy, count, first, second, ...means] of CASH_ENTRIES) {
    const [products, books] = CASH_DESKS[strategy]
    for (let i = 0; i < count; i++) {
      const entry = `CE-${String(++number).padStart(5, '0')}`
      const key = [entry, strategy, first, second, dice.pick(products), dice.pick(books), dice.pick(TRADERS)]
      for (const scenario of ['ACTUAL', 'PRIOR']) {
        rows[scenario].push([DATE, scenario, ...key, ...cashAmounts(dice, means).map(money)])
      }
    }
  }
  const header =
    'pnl_date,scenario,entry_id,strategy,process_1,process_2,product_line,book,trader,pnl_daily,pnl_commission,pnl_trade'
  return csv(header.split(','), [...rows.ACTUAL, ...rows.PRIOR])
}

const CASH_YAML = `use_case: Cash Equity Trading
description: >-
  Cash equities by strategy. Strategies are bound to the leaves by name; two parents have desk-level rows of
  their own. The three measures are three columns, none a multiple of another.
structure: CASH_EQUITY
source: { table: fact_pnl_use_case_3, date: pnl_date, scenario: scenario }
measures: { daily: pnl_daily, commission: pnl_commission, trade: pnl_trade }
policy: most_specific
scenarios: [ACTUAL, PRIOR]
drivers:
  - { nodes: leaves, column: strategy, value: node_name }
  - { nodes: [${CASH_PARENTS.join(', ')}], column: strategy, value: node_name }
rules:
  - node: CE_CORE
    formula: "CE_PRODUCTS - CE_CRB"
    note: >-
      Core = Products - CRB. Products are booked gross of what the central risk book internalises; Core is the
      client business net of it.
  - node: CE_TRADING
    formula: "CE_CORE - CE_COMM"
    note: >-
      Trading = Core - Commissions. Commission is inside the product P&L and has a line of its own beside
      Trading, so it leaves Trading.
  - node: CE_COMM
    where: "process_1 = 'COMMISSION'"
    measure_name: pnl_commission
    into: daily
    note: >-
      The order system books commission in pnl_commission; pnl_daily of these rows holds only accruals. Rebates
      are no commission.
  - node: CE_ETF
    formula: "sum(pnl_daily where strategy = 'ETF' and process_1 = 'TRADING') + sum(pnl_commission where strategy = 'ETF' and process_2 = 'ETF COMMISSION')"
    into: daily
    note: >-
      An ETF day is its trading plus the commission on creations; overnight financing is charged by Treasury
      and left out.
  - node: CE_SWAPS
    where: "process_2 in ('SWAP COMMISSION', 'SD COMMISSION')"
    note: >-
      Only the commission on swaps and stock deltas is Cash Equity's; the financing leg belongs to Prime. Rows
      without a process_2 match neither.
  - node: CE_FACIL
    where: "strategy = 'FACILITATON'"
    note: >-
      Facilitation counts what is booked under its own strategy. Misspelt on purpose: the rule matches nothing,
      the node is 0, and the run says what it replaced and which value was probably meant.
`

const cash = {
  folder: 'cash-equity',
  useCase: 'Cash Equity Trading',
  structure: 'CASH_EQUITY',
  table: 'fact_pnl_use_case_3',
  nodes: CASH_NODES,
  structureCsv: structureCsv(CASH_NODES, ['strategy', 'node_name']),
  facts: cashFacts(),
  yaml: CASH_YAML,
  measures: { daily: 'pnl_daily', commission: 'pnl_commission', trade: 'pnl_trade' },
  scenarioOf: (fact) => fact.scenario,
  scenarios: ['ACTUAL', 'PRIOR'],
  driverValue: (fact) => fact.strategy,
  boundValue: ([id, , name], isLeaf) => (isLeaf || CASH_PARENTS.includes(id) ? name : undefined),
  rules: [
    {
      node: 'CE_CORE',
      flavour: 'arithmetic',
      value: (roll, { name }) => roll.adjusted('CE_PRODUCTS', name) - roll.adjusted('CE_CRB', name),
    },
    {
      node: 'CE_TRADING',
      flavour: 'arithmetic',
      value: (roll, { name }) => roll.adjusted('CE_CORE', name) - roll.adjusted('CE_COMM', name),
    },
    {
      node: 'CE_COMM',
      flavour: 'measure_switch',
      into: 'daily',
      value: (roll) => roll.sum('pnl_commission', (f) => f.process_1 === 'COMMISSION', 'CE_COMM'),
    },
    {
      node: 'CE_ETF',
      flavour: 'arithmetic',
      into: 'daily',
      value: (roll) =>
        roll.sum('pnl_daily', (f) => f.strategy === 'ETF' && f.process_1 === 'TRADING') +
        roll.sum('pnl_commission', (f) => f.strategy === 'ETF' && f.process_2 === 'ETF COMMISSION'),
    },
    {
      node: 'CE_SWAPS',
      flavour: 'filter',
      value: (roll, { column }) =>
        roll.sum(
          column,
          (f) => f.process_2 === 'SWAP COMMISSION' || f.process_2 === 'SD COMMISSION',
          'CE_SWAPS',
        ),
    },
    {
      node: 'CE_FACIL',
      flavour: 'filter',
      value: (roll, { column }) => roll.sum(column, (f) => f.strategy === 'FACILITATON', 'CE_FACIL'),
    },
  ],
  findings: ['RULE_MATCHES_NOTHING', 'MEASURE_SWITCHED', 'FACTS_UNASSIGNED'],
  readme: (figures) => `# Cash Equity Trading

Cash equities by strategy: 11 nodes, 600 facts, ACTUAL and PRIOR of ${DATE}. Facts belong to a leaf where
\`strategy\` is its node _name_; Products and Commissions have desk-level rows of their own through a second driver.

${commands(cash)}

All four flavours of rules, each with a note that says why (daily, ACTUAL):

- Core = Products - CRB: natural ${figures.natural('CE_CORE', 'daily')}, adjusted ${figures.adjusted('CE_CORE', 'daily')}. Trading = Core - Commissions: ${figures.adjusted('CE_TRADING', 'daily')}.
- Commissions takes daily from pnl_commission: ${figures.natural('CE_COMM', 'daily')} becomes ${figures.adjusted('CE_COMM', 'daily')}; commission and trade stay.
- ETF is arithmetic over two queries: ${figures.adjusted('CE_ETF', 'daily')}. Swaps keeps two kinds of commission: ${figures.adjusted('CE_SWAPS', 'daily')}.
- Facilitation looks for 'FACILITATON' and finds nothing: ${figures.natural('CE_FACIL', 'daily')} becomes 0.00. The finding asks
  whether 'FACILITATION' was meant; correct the rule and compare the two runs.
- Root: natural ${figures.natural('CE', 'daily')}, adjusted ${figures.adjusted('CE', 'daily')}; ${figures.unassigned('ACTUAL')} facts of PRIME have no node.
`,
}

/** The built-in table holds facts of a use case, so there the use case comes first. */
function commands({ folder, structure, table, useCase }) {
  const at = `examples/${folder}`
  const shared = table === 'fact_pnl_entries'
  const apply = `use-cases apply ${at}/use-case.yaml`
  const importFacts = `facts import ${at}/facts.csv ${shared ? `--use-case "${useCase}"` : `--table ${table}`}`
  return [
    `structures import ${structure} ${at}/structure.csv`,
    ...(shared ? [apply, importFacts] : [importFacts, apply]),
    `runs create --use-case "${useCase}" --date ${DATE}`,
  ]
    .map((command) => `    tieout ${command}`)
    .join('\n')
}

// ---------------------------------------------------------------- what to expect

/** One scenario of a sample on the date, straight from the text of its facts. */
class Roll {
  constructor(sample, scenario) {
    this.sample = sample
    this.children = new Map([[UNASSIGNED, []], ...sample.nodes.map(([id]) => [id, []])])
    for (const [id, parent] of sample.nodes) if (parent !== '') this.children.get(parent).push(id)
    this.root = sample.nodes[0][0]
    const owners = new Map()
    for (const node of sample.nodes) {
      const value = sample.boundValue(node, this.children.get(node[0]).length === 0)
      if (value !== undefined) owners.set(value, node[0])
    }
    this.children.get(this.root).push(UNASSIGNED)
    this.facts = recordsOf(sample.facts)
      .filter((fact) => fact.pnl_date === DATE && sample.scenarioOf(fact) === scenario)
      .map((fact) => ({ ...fact, owner: owners.get(sample.driverValue(fact)) ?? UNASSIGNED }))
  }

  subtree(node) {
    return [node, ...this.children.get(node).flatMap((child) => this.subtree(child))]
  }

  /** Of the facts that pass, everywhere or below a node. */
  sum(column, test, node = this.root) {
    const owners = new Set(this.subtree(node))
    let sum = 0n
    for (const fact of this.facts) if (owners.has(fact.owner) && test(fact)) sum += centsOf(fact[column])
    return sum
  }

  natural(node, measure) {
    return this.sum(this.sample.measures[measure], () => true, node)
  }

  adjusted(node, measure) {
    const column = this.sample.measures[measure]
    const rule = this.sample.rules.find(
      (r) => r.node === node && !r.skipped && (r.into ?? measure) === measure,
    )
    if (rule !== undefined) return rule.value(this, { name: measure, column })
    let sum = 0n
    for (const fact of this.facts) if (fact.owner === node) sum += centsOf(fact[column])
    for (const child of this.children.get(node)) sum += this.adjusted(child, measure)
    return sum
  }

  count(node) {
    const owners = new Set(this.subtree(node))
    return this.facts.filter((fact) => owners.has(fact.owner)).length
  }
}

const mapValues = (keys, value) => Object.fromEntries(keys.map((key) => [key, value(key)]))

function expectationOf(sample, rolls) {
  const { measures, rules, scenarios } = sample
  const cells = (node) =>
    mapValues(scenarios, (scenario) =>
      mapValues(Object.keys(measures), (measure) => {
        const natural = rolls[scenario].natural(node, measure)
        const adjusted = rolls[scenario].adjusted(node, measure)
        return { natural: money(natural), adjusted: money(adjusted), plug: money(natural - adjusted) }
      }),
    )
  const counts = (node) => mapValues(scenarios, (scenario) => rolls[scenario].count(node))
  const root = sample.nodes[0][0]
  return {
    folder: sample.folder,
    structure: sample.structure,
    nodes: sample.nodes.length,
    table: sample.table,
    facts_in_file: recordsOf(sample.facts).length,
    root: { node: root, facts: counts(root), values: cells(root) },
    unassigned: { facts: counts(UNASSIGNED), values: cells(UNASSIGNED) },
    rules: rules.map(({ node, flavour, into, skipped }, i) => ({
      rule: i + 1,
      node,
      flavour,
      into: into ?? null,
      skipped: skipped ?? false,
      facts: counts(node),
      values: cells(node),
    })),
    findings_at_least: sample.findings,
  }
}

/** Figures for the README, as a reader writes them. */
const figuresOf = (rolls) => ({
  natural: (node, measure, scenario = 'ACTUAL') => shown(rolls[scenario].natural(node, measure)),
  adjusted: (node, measure, scenario = 'ACTUAL') => shown(rolls[scenario].adjusted(node, measure)),
  plug: (node, measure, scenario = 'ACTUAL') =>
    shown(rolls[scenario].natural(node, measure) - rolls[scenario].adjusted(node, measure)),
  facts: (scenario) => rolls[scenario].facts.length,
  unassigned: (scenario) => rolls[scenario].count(UNASSIGNED),
})

// ---------------------------------------------------------------- files

/** Lists of words on one line, as the formatter of the repository has them. */
const json = (value) =>
  `${JSON.stringify(value, null, 2).replace(/\[[^\]{]*\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'))}\n`

function samples() {
  const files = new Map()
  const useCases = {}
  for (const sample of [america, sterling, cash]) {
    const rolls = mapValues(sample.scenarios, (scenario) => new Roll(sample, scenario))
    useCases[sample.useCase] = expectationOf(sample, rolls)
    files.set(join(sample.folder, 'structure.csv'), sample.structureCsv)
    files.set(join(sample.folder, 'facts.csv'), sample.facts)
    files.set(join(sample.folder, 'use-case.yaml'), sample.yaml)
    files.set(join(sample.folder, 'README.md'), sample.readme(figuresOf(rolls)))
  }
  files.set('expected.json', json({ date: DATE, use_cases: useCases }))
  return files
}

function committed(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const files = samples()
if (process.argv.includes('--check')) {
  const differ = [...files]
    .filter(([name, text]) => committed(join(EXAMPLES, name)) !== text)
    .map(([name]) => name)
  for (const name of differ) console.error(`examples/${name} differs; run node scripts/make-samples.mjs`)
  process.exitCode = differ.length > 0 ? 1 : 0
} else {
  for (const [name, text] of files) {
    mkdirSync(dirname(join(EXAMPLES, name)), { recursive: true })
    writeFileSync(join(EXAMPLES, name), text)
  }
}
