/**
 * Makes the sample marts under examples/mart/, always the same bytes: a gross lease operating statement, and a net one
 * with exclusions and sign flips, and the smaller ones of mart-samples-small.mjs. Synthetic, with the shapes and the defects of real ones: a misspelt ID_SOURCE, dead
 * mapping rows, facts that no node claims.
 *
 *   node scripts/make-mart-samples.mjs           writes them
 *   node scripts/make-mart-samples.mjs --check   exits 1 when a committed file differs
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { smallSamples } from './mart-samples-small.mjs'

const EXAMPLES = fileURLToPath(new URL('../examples/mart', import.meta.url))

/** mulberry32: whole numbers from a seed, the same on every machine. */
function dice(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return (low, high) => low + (next() % (high - low + 1))
}

const money = (cents) =>
  `${cents < 0 ? '-' : ''}${Math.trunc(Math.abs(cents) / 100)}.${String(Math.abs(cents) % 100).padStart(2, '0')}`
const field = (value) => {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
const csv = (columns, rows) =>
  `${[columns, ...rows.map((row) => columns.map((name) => row[name]))].map((row) => row.map(field).join(',')).join('\n')}\n`

const PRODUCTS = [
  ['P1', 'OIL', 'Crude oil', 'BBL'],
  ['P2', 'GAS', 'Natural gas', 'MCF'],
  ['P3', 'NGL', 'Natural gas liquids', 'BBL'],
  ['P4', 'CND', 'Condensate', 'BBL'],
]
const DEDUCTS = ['Gathering', 'Compression', 'Transportation', 'Processing', 'Marketing', 'Treating']
const EXPENSES = {
  'Labor and Supervision': [
    'Pumpers',
    'Supervisors',
    'Contract labor',
    'Benefits',
    'Overtime',
    'Training',
    'Field office',
    'Relief pumpers',
    'Payroll burden',
    'Call-outs',
  ],
  'Repairs and Maintenance': [
    'Surface equipment',
    'Pumping units',
    'Tanks',
    'Separators',
    'Compressors',
    'Flowlines',
    'Roads and locations',
    'Electrical',
    'Engines',
    'Meters',
    'Painting',
    'Automation',
  ],
  'Well Servicing': [
    'Rig work',
    'Rods and tubing',
    'Downhole pumps',
    'Wireline',
    'Coiled tubing',
    'Swabbing',
    'Hot oiling',
    'Acidizing',
    'Fishing',
    'Packers',
    'Slickline',
    'Well testing',
  ],
  'Fuel and Power': [
    'Electricity',
    'Fuel gas',
    'Diesel',
    'Propane',
    'Generators',
    'Lubricants',
    'Power lines',
    'Metering',
  ],
  'Water Handling': [
    'Trucking',
    'Disposal',
    'Injection',
    'Water treatment',
    'Pipelines',
    'Pits',
    'Flowback',
    'Recycling',
  ],
  'Chemicals and Treating': [
    'Corrosion inhibitor',
    'Scale inhibitor',
    'Paraffin',
    'Demulsifier',
    'Biocide',
    'Methanol',
    'Hydrogen sulfide',
    'Defoamer',
  ],
  'Safety and Environment': [
    'Safety equipment',
    'Spill response',
    'Emissions',
    'Permits',
    'Inspections',
    'Remediation',
    'Monitoring',
    'Waste',
  ],
  'General and Field': [
    'Vehicles',
    'Communications',
    'Insurance',
    'Rentals',
    'Supplies',
    'Overhead',
    'Legal',
    'Software',
    'Freight',
    'Storage',
    'Leases',
    'Surface damages',
  ],
  'Gas Handling': [
    'Dehydration',
    'Sweetening',
    'Compressor rental',
    'Vapor recovery',
    'Flaring',
    'Line pack',
    'Odorizing',
    'Gas lift',
  ],
  'Capital and Plugging': [
    'Facilities',
    'Plugging',
    'Workovers',
    'Recompletions',
    'Artificial lift',
    'Land',
    'Tangible drilling',
    'Intangible drilling',
  ],
}

const LEVELS = 4
const FLAGS = [
  'ACTIVE_FLAG',
  'CALCULATION_FLAG',
  'VOLUME_FLAG',
  'SIGN_CHANGE_FLAG',
  'REMOVE_FROM_TOTALS',
  'DO_NOT_EXPAND_FLAG',
]
const HIERARCHY = [
  'XREF_HIERARCHY_KEY',
  'HIERARCHY_GROUP_NAME',
  ...Array.from({ length: LEVELS }, (_, i) => `LEVEL_${i + 1}`),
  ...Array.from({ length: LEVELS }, (_, i) => `LEVEL_${i + 1}_SORT`),
  ...FLAGS,
  'FORMULA_GROUP',
  'FORMULA_PRECEDENCE',
  'ARITHMETIC_LOGIC',
  'FORMULA_PARAM_REF',
  'FORMULA_PARAM2_REF',
  'FORMULA_PARAM2_CONST_NUMBER',
]
const MAPPING = [
  'XREF_HIERARCHY_MAPPING_KEY',
  'FK_REPORT_KEY',
  'ID',
  'ID_NAME',
  'ID_SOURCE',
  'ID_TABLE',
  'GROUP_FILTER_PRECEDENCE',
  'FILTER_GROUP_1',
  'FILTER_GROUP_2',
  'EXCLUSION_FLAG',
]

class Statement {
  hierarchy = []
  mapping = []
  accounts = []
  facts = []
  sorts = new Map()

  constructor(seed, segment, prefix) {
    this.roll = dice(seed)
    this.segment = segment
    this.prefix = prefix
    this.deducts = DEDUCTS.map((name, i) => ({
      DEDUCT_KEY: `D${i + 1}`,
      DEDUCT_CODE: `DED${i + 1}`,
      DEDUCT_NAME: name,
    }))
  }

  node(path, more = {}) {
    const key = `${this.prefix}${String(this.hierarchy.length + 1).padStart(4, '0')}`
    const row = { XREF_HIERARCHY_KEY: key, HIERARCHY_GROUP_NAME: `${this.segment} LOS` }
    for (let i = 0; i < LEVELS; i++) {
      row[`LEVEL_${i + 1}`] = path[i] ?? 'N/A'
      row[`LEVEL_${i + 1}_SORT`] =
        path[i] === undefined ? 999 : this.sort(path.slice(0, i + 1).join('|'), path.slice(0, i).join('|'))
    }
    for (const flag of FLAGS) row[flag] = flag === 'ACTIVE_FLAG' ? 'Y' : 'N'
    this.hierarchy.push({ ...row, ...more })
    return key
  }

  sort(path, parent) {
    if (!this.sorts.has(path)) {
      const beside = [...this.sorts.keys()].filter((one) => one.split('|').slice(0, -1).join('|') === parent)
      this.sorts.set(path, (beside.length + 1) * 10)
    }
    return this.sorts.get(path)
  }

  map(node, source, table, id, name, more = {}) {
    this.mapping.push({
      XREF_HIERARCHY_MAPPING_KEY: `M${String(this.mapping.length + 1).padStart(5, '0')}`,
      FK_REPORT_KEY: node,
      ID: id,
      ID_NAME: name,
      ID_SOURCE: source,
      ID_TABLE: table,
      GROUP_FILTER_PRECEDENCE: 1,
      ...more,
    })
  }

  /** Accounts of a billing category, in the segment; some belong to the other one. */
  category(code, name, count) {
    for (let i = 0; i < count; i++) {
      const n = this.accounts.length + 1
      this.accounts.push({
        ACCOUNT_KEY: `A${String(n).padStart(4, '0')}`,
        ACCOUNT_CODE: `${code}${i}`,
        ACCOUNT_NAME: `${name} ${i + 1}`,
        ACCOUNT_MAJOR_CODE: code.slice(0, 2),
        ACCOUNT_MINOR_CODE: code.slice(0, 3),
        ACCOUNT_BILLING_CATEGORY_CODE: code,
        ACCOUNT_SEGMENT:
          i > 0 && this.roll(1, 8) === 1 ? (this.segment === 'GROSS' ? 'NET' : 'GROSS') : this.segment,
      })
    }
  }

  fact(values) {
    this.facts.push({
      FACT_ID: this.facts.length + 1,
      PERIOD: `2025-${String(this.roll(1, 6)).padStart(2, '0')}`,
      LEASE: `LEASE ${this.roll(1, 3)}`,
      ...values,
    })
  }
}

function leaseStatement(segment, seed, isNet) {
  const statement = new Statement(seed, segment, isNet ? 'N' : 'G')
  const { roll } = statement
  const credit = isNet ? -1 : 1
  const flipped = isNet ? { SIGN_CHANGE_FLAG: 'Y' } : {}
  const sum = (group) => ({ FORMULA_GROUP: group, ARITHMETIC_LOGIC: 'SUM' })

  for (const [i, [key, code, name, unit]] of PRODUCTS.entries()) {
    const category = `1${i + 1}00`
    statement.category(category, `${name} sales`, 4)
    const sales = statement.node(['Revenue', name, `${name} sales`], { ...sum('Total Revenue'), ...flipped })
    statement.map(sales, 'BILLING_CATEGORY_CODE', 'DIM_ACCOUNT', category, `${name} sales`)
    statement.map(sales, 'PRODUCT_CODE', 'DIM_PRODUCT', code, name)
    const royalty = statement.node(['Revenue', name, `${name} royalty`], {
      ...sum('Total Revenue'),
      ...flipped,
    })
    statement.map(royalty, 'PRODUCT_CODE', 'DIM_PRODUCT', code, name)
    for (const [t, tax] of ['Severance tax', 'Ad valorem tax', 'Conservation tax'].entries()) {
      const taxCategory = `2${i + 1}${t}0`
      statement.category(taxCategory, `${tax} ${name}`, 2)
      const node = statement.node(['Taxes', name, tax], sum('Total Taxes and Deducts'))
      statement.map(node, 'BILLING_CATEGORY_CODE', 'DIM_ACCOUNT', taxCategory, tax)
      statement.map(node, 'PRODUCT_CODE', 'DIM_PRODUCT', code, name)
      for (let f = 0; f < 12; f++)
        statement.fact({
          FK_ACCOUNT_KEY: pick(statement, taxCategory),
          FK_PRODUCT_KEY: key,
          AMOUNT: money(roll(100, 90_000)),
        })
    }
    for (let f = 0; f < 60; f++)
      statement.fact({
        FK_ACCOUNT_KEY: pick(statement, category),
        FK_PRODUCT_KEY: key,
        AMOUNT: money(credit * roll(10_000, 9_000_000)),
        VOLUME: money(roll(1_000, 900_000)),
        UNIT: unit,
      })
    for (let f = 0; f < 10; f++)
      statement.fact({
        FK_PRODUCT_KEY: key,
        ROYALTY_FILTER: 'Y',
        AMOUNT: money(credit * -roll(1_000, 400_000)),
      })
    const volume = statement.node(['Volumes', `${name} volume`], {
      VOLUME_FLAG: 'Y',
      ...sum('Total Volume BOE'),
    })
    statement.map(volume, 'BILLING_CATEGORY_CODE', 'DIM_ACCOUNT', category, `${name} sales`)
    statement.map(volume, 'PRODUCT_CODE', 'DIM_PRODUCT', code, name)
  }
  for (const [i, name] of DEDUCTS.entries())
    for (const [key, code, product] of PRODUCTS.slice(0, 3)) {
      const node = statement.node(['Deducts', name, `${name} ${product}`], sum('Total Taxes and Deducts'))
      statement.map(node, 'DEDUCT_CODE', 'DIM_DEDUCT', `DED${i + 1}`, name)
      statement.map(node, 'PRODUCT_CODE', 'DIM_PRODUCT', code, product)
      for (let f = 0; f < 8; f++)
        statement.fact({ FK_DEDUCT_KEY: `D${i + 1}`, FK_PRODUCT_KEY: key, AMOUNT: money(roll(100, 60_000)) })
    }
  let category = 0
  for (const [group, names] of Object.entries(EXPENSES)) {
    const isCapital = group === 'Capital and Plugging'
    for (const name of names) {
      const more = isCapital
        ? { ...sum('Total Capital'), REMOVE_FROM_TOTALS: 'Y' }
        : sum('Total Operating Expense')
      const node = statement.node(
        ['Operating Expense', group, name, ...(roll(1, 4) === 1 ? [`${name}, field`] : [])],
        more,
      )
      const rows = isNet ? 2 : roll(3, 4)
      for (let m = 0; m < rows; m++) {
        category += 1
        const code = String(3000 + category)
        statement.category(code, name, roll(1, 3))
        // The misspelling that aliases repair.
        const source = roll(1, 25) === 1 ? 'BILLING_CATEGRY_CODE' : 'BILLING_CATEGORY_CODE'
        statement.map(
          node,
          source,
          'DIM_ACCOUNT',
          code,
          name,
          isNet && m > 0 ? { FILTER_GROUP_1: 'second' } : {},
        )
        for (let f = 0; f < 4; f++)
          statement.fact({
            FK_ACCOUNT_KEY: pick(statement, code),
            ...(roll(1, 3) === 1 ? { FK_PRODUCT_KEY: `P${roll(1, 4)}` } : {}),
            AMOUNT: money(roll(-5_000, 300_000)),
          })
      }
      if (isNet && roll(1, 3) === 1)
        statement.map(node, 'PRODUCT_CODE', 'DIM_PRODUCT', 'CND', 'Condensate', { EXCLUSION_FLAG: 'Y' })
    }
  }
  // Ids that stand for nothing, and facts that no node claims.
  statement.map(
    statement.hierarchy[0].XREF_HIERARCHY_KEY,
    'BILLING_CATEGORY_CODE',
    'DIM_ACCOUNT',
    '1999',
    'Closed category',
  )
  statement.category('9900', 'Suspense', 2)
  for (let f = 0; f < 9; f++)
    statement.fact({ FK_ACCOUNT_KEY: pick(statement, '9900'), AMOUNT: money(roll(100, 50_000)) })
  statement.fact({ AMOUNT: '12.34' })

  const calculate = (name, precedence, logic, param, param2, constant) =>
    statement.node(['Calculations', name], {
      CALCULATION_FLAG: 'Y',
      FORMULA_PRECEDENCE: precedence,
      ARITHMETIC_LOGIC: logic,
      FORMULA_PARAM_REF: param,
      FORMULA_PARAM2_REF: param2,
      FORMULA_PARAM2_CONST_NUMBER: constant,
    })
  for (const total of [
    'Total Revenue',
    'Total Taxes and Deducts',
    'Total Operating Expense',
    'Total Capital',
    'Total Volume BOE',
  ])
    statement.node(['Calculations', total], { CALCULATION_FLAG: 'Y', FORMULA_GROUP: total })
  calculate('Gross Profit', 3, 'SUBTRACT', 'Total Revenue', 'Total Taxes and Deducts')
  calculate('Operating Income', 4, 'SUBTRACT', 'Gross Profit', 'Total Operating Expense')
  calculate('Cash Flow', 5, 'SUBTRACT', 'Operating Income', 'Total Capital')
  calculate('Operating Margin', 5, 'DIVIDE', 'Operating Income', 'Total Revenue')
  calculate('Lifting Cost per BOE', 2, 'DIVIDE', 'Total Operating Expense', 'Total Volume BOE')
  calculate('Overhead Allowance', 2, 'MULTIPLY', 'Total Operating Expense', undefined, '0.05')
  calculate('Average Tax', 2, 'AVERAGE', 'Severance tax of oil', 'Taxes')
  statement.hierarchy.at(-1).FORMULA_PARAM_REF = 'Taxes > Crude oil'
  return statement
}

const pick = (statement, category) => {
  const accounts = statement.accounts.filter((one) => one.ACCOUNT_BILLING_CATEGORY_CODE === category)
  return accounts[statement.roll(0, accounts.length - 1)].ACCOUNT_KEY
}

function configOf(segment, isNet) {
  return {
    project_name: isNet ? 'upstream_net' : 'upstream_gross',
    report_type: segment,
    hierarchy_table: `ANALYTICS.PUBLIC.TBL_0_${segment}_LOS_REPORT_HIERARCHY`,
    mapping_table: `ANALYTICS.PUBLIC.TBL_0_${segment}_LOS_REPORT_HIERARCHY_MAPPING`,
    account_segment: segment,
    measure_prefix: segment,
    has_sign_change: isNet,
    has_exclusions: isNet,
    has_group_filter_precedence: isNet,
    dynamic_column_map: [
      { id_source: 'BILLING_CATEGORY_CODE', physical_column: 'ACCT.ACCOUNT_BILLING_CATEGORY_CODE' },
      {
        id_source: 'BILLING_CATEGRY_CODE',
        physical_column: 'ACCT.ACCOUNT_BILLING_CATEGORY_CODE',
        is_alias: true,
      },
      { id_source: 'PRODUCT_CODE', physical_column: 'PROD.PRODUCT_CODE' },
      { id_source: 'DEDUCT_CODE', physical_column: 'DEDUCT.DEDUCT_CODE' },
    ],
    join_patterns: [
      { name: 'account', join_keys: ['LOS_ACCOUNT_ID_FILTER'], fact_keys: ['FK_ACCOUNT_KEY'] },
      {
        name: 'account_product',
        join_keys: ['LOS_ACCOUNT_ID_FILTER', 'LOS_PRODUCT_CODE_FILTER'],
        fact_keys: ['FK_ACCOUNT_KEY', 'FK_PRODUCT_KEY'],
      },
      {
        name: 'deduct_product',
        join_keys: ['LOS_DEDUCT_CODE_FILTER', 'LOS_PRODUCT_CODE_FILTER'],
        fact_keys: ['FK_DEDUCT_KEY', 'FK_PRODUCT_KEY'],
      },
      {
        name: 'royalty',
        join_keys: ['LOS_PRODUCT_CODE_FILTER'],
        fact_keys: ['FK_PRODUCT_KEY'],
        filter: "ROYALTY_FILTER = 'Y'",
      },
    ],
    hierarchy: {
      levels: Array.from({ length: LEVELS }, (_, i) => `LEVEL_${i + 1}`),
      level_sorts: Array.from({ length: LEVELS }, (_, i) => `LEVEL_${i + 1}_SORT`),
      formula_param2_ref: 'FORMULA_PARAM2_REF',
    },
    mapping: { key: 'XREF_HIERARCHY_MAPPING_KEY' },
    dimensions: [
      {
        alias: 'ACCT',
        table: 'ANALYTICS.PUBLIC.DIM_ACCOUNT',
        key: 'ACCOUNT_KEY',
        filter_column: 'LOS_ACCOUNT_ID_FILTER',
        segment_column: 'ACCOUNT_SEGMENT',
      },
      {
        alias: 'PROD',
        table: 'ANALYTICS.PUBLIC.DIM_PRODUCT',
        key: 'PRODUCT_KEY',
        filter_column: 'LOS_PRODUCT_CODE_FILTER',
      },
      {
        alias: 'DEDUCT',
        table: 'ANALYTICS.PUBLIC.DIM_DEDUCT',
        key: 'DEDUCT_KEY',
        filter_column: 'LOS_DEDUCT_CODE_FILTER',
      },
    ],
    fact: {
      table: 'ANALYTICS.PUBLIC.FACT_LEASE_OPERATIONS',
      grain: ['PERIOD', 'LEASE'],
      measures: [
        {
          name: 'AMOUNT',
          column: 'AMOUNT',
          scale: 2,
          volume: {
            column: 'VOLUME',
            scale: 2,
            unit_column: 'UNIT',
            factors: [
              { unit: 'BBL', factor: '1' },
              { unit: 'MCF', factor: '0.166667' },
            ],
          },
        },
      ],
    },
    source: '.',
    snowflake: { warehouse: 'TRANSFORMING', target_lag: '1 hour' },
  }
}

const files = {}
for (const [folder, segment, seed, isNet] of [
  ['gross', 'GROSS', 20251224, false],
  ['net', 'NET', 20251225, true],
]) {
  const statement = leaseStatement(segment, seed, isNet)
  const write = (name, columns, rows) => {
    files[join(folder, `${name}.csv`)] = csv(columns, rows)
  }
  write(`TBL_0_${segment}_LOS_REPORT_HIERARCHY`, HIERARCHY, statement.hierarchy)
  write(`TBL_0_${segment}_LOS_REPORT_HIERARCHY_MAPPING`, MAPPING, statement.mapping)
  write('DIM_ACCOUNT', Object.keys(statement.accounts[0]), statement.accounts)
  write(
    'DIM_PRODUCT',
    ['PRODUCT_KEY', 'PRODUCT_CODE', 'PRODUCT_NAME'],
    PRODUCTS.map(([PRODUCT_KEY, PRODUCT_CODE, PRODUCT_NAME]) => ({
      PRODUCT_KEY,
      PRODUCT_CODE,
      PRODUCT_NAME,
    })),
  )
  write('DIM_DEDUCT', ['DEDUCT_KEY', 'DEDUCT_CODE', 'DEDUCT_NAME'], statement.deducts)
  write(
    'FACT_LEASE_OPERATIONS',
    [
      'FACT_ID',
      'PERIOD',
      'LEASE',
      'FK_ACCOUNT_KEY',
      'FK_PRODUCT_KEY',
      'FK_DEDUCT_KEY',
      'ROYALTY_FILTER',
      'AMOUNT',
      'VOLUME',
      'UNIT',
    ],
    statement.facts,
  )
  files[join(folder, 'mart.yaml')] = stringify(configOf(segment, isNet), { lineWidth: 0 })
  console.error(
    `${folder}: ${statement.hierarchy.length} nodes, ${statement.mapping.length} mapping rows, ${statement.facts.length} facts`,
  )
}

for (const { folder, config, tables, sample } of smallSamples({ dice, money })) {
  for (const [name, columns, rows] of tables) files[join(folder, `${name}.csv`)] = csv(columns, rows)
  files[join(folder, 'mart.yaml')] = stringify(config, { lineWidth: 0 })
  console.error(
    `${folder}: ${sample.hierarchy.length} nodes, ${sample.mapping.length} mapping rows, ${sample.facts.length} facts`,
  )
}

const check = process.argv.includes('--check')
for (const [name, content] of Object.entries(files)) {
  const path = join(EXAMPLES, name)
  if (check) {
    if (existsSync(path) && readFileSync(path, 'utf8') === content) continue
    console.error(`examples/mart/${name} is not what the script makes`)
    process.exitCode = 1
  } else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}
