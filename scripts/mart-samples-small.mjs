/**
 * The smaller sample marts: a midstream statement with ratios and unit conversions, a balance sheet, and a ragged tree
 * that is not about money. Each has defects that validation finds: a misspelt ID_SOURCE, mapping rows that find nothing
 * or stand there twice, facts whose key no dimension has, and facts that two nodes claim.
 */

/** One mart being made: rows by table, keys counted. */
class Sample {
  constructor(letter, levels) {
    this.letter = letter
    this.levels = levels
    this.hierarchy = []
    this.mapping = []
    this.facts = []
  }

  node(path, more = {}) {
    const key = `${this.letter}${String(this.hierarchy.length + 1).padStart(3, '0')}`
    const level = (i) => ({
      [`LEVEL_${i + 1}`]: path[i] ?? 'N/A',
      [`LEVEL_${i + 1}_SORT`]: path[i] === undefined ? 999 : (this.hierarchy.length + 1) * 10,
    })
    this.hierarchy.push({
      XREF_HIERARCHY_KEY: key,
      HIERARCHY_GROUP_NAME: path[0],
      ...Object.assign({}, ...Array.from({ length: this.levels }, (_, i) => level(i))),
      ACTIVE_FLAG: 'Y',
      CALCULATION_FLAG: 'N',
      VOLUME_FLAG: 'N',
      SIGN_CHANGE_FLAG: 'N',
      REMOVE_FROM_TOTALS: 'N',
      ...more,
    })
    return key
  }

  formula(name, precedence, logic, first, second, constant) {
    return this.node(['Calculations', name], {
      CALCULATION_FLAG: 'Y',
      FORMULA_PRECEDENCE: precedence,
      ARITHMETIC_LOGIC: logic,
      FORMULA_PARAM_REF: first,
      FORMULA_PARAM2_REF: second,
      FORMULA_PARAM2_CONST_NUMBER: constant,
    })
  }

  total(name) {
    this.node(['Calculations', name], { CALCULATION_FLAG: 'Y', FORMULA_GROUP: name })
  }

  map(node, source, id, more = {}) {
    this.mapping.push({ FK_REPORT_KEY: node, ID: id, ID_SOURCE: source, GROUP_FILTER_PRECEDENCE: 1, ...more })
  }

  columns() {
    const levels = Array.from({ length: this.levels }, (_, i) => `LEVEL_${i + 1}`)
    return [
      'XREF_HIERARCHY_KEY',
      'HIERARCHY_GROUP_NAME',
      ...levels,
      ...levels.map((name) => `${name}_SORT`),
      'ACTIVE_FLAG',
      'CALCULATION_FLAG',
      'VOLUME_FLAG',
      'SIGN_CHANGE_FLAG',
      'REMOVE_FROM_TOTALS',
      'FORMULA_GROUP',
      'FORMULA_PRECEDENCE',
      'ARITHMETIC_LOGIC',
      'FORMULA_PARAM_REF',
      'FORMULA_PARAM2_REF',
      'FORMULA_PARAM2_CONST_NUMBER',
    ]
  }

  tables(prefix, dimensions, factColumns) {
    return [
      [`${prefix}_REPORT_HIERARCHY`, this.columns(), this.hierarchy],
      [
        `${prefix}_REPORT_HIERARCHY_MAPPING`,
        ['FK_REPORT_KEY', 'ID', 'ID_SOURCE', 'GROUP_FILTER_PRECEDENCE', 'EXCLUSION_FLAG'],
        this.mapping,
      ],
      ...dimensions,
      factColumns,
    ]
  }

  hierarchyConfig() {
    const levels = Array.from({ length: this.levels }, (_, i) => `LEVEL_${i + 1}`)
    return {
      levels,
      level_sorts: levels.map((name) => `${name}_SORT`),
      do_not_expand: null,
      formula_param2_ref: 'FORMULA_PARAM2_REF',
    }
  }
}

const MAPPING = { id_table: null, filter_groups: [] }
const sum = (group) => ({ FORMULA_GROUP: group, ARITHMETIC_LOGIC: 'SUM' })

function midstream({ dice, money }) {
  const roll = dice(20251226)
  const sample = new Sample('M', 3)
  const stations = [
    ['S1', 'EAGLE', 'SOUTH'],
    ['S2', 'RATTLER', 'SOUTH'],
    ['S3', 'MESA', 'NORTH'],
    ['S4', 'CANYON', 'NORTH'],
  ].map(([STATION_KEY, STATION_CODE, REGION_CODE]) => ({ STATION_KEY, STATION_CODE, REGION_CODE }))
  const services = [
    ['GATHER', 'Gathering fees', 'Revenue'],
    ['PROCESS', 'Processing fees', 'Revenue'],
    ['RESIDUE', 'Residue gas sales', 'Revenue'],
    ['NGL', 'Liquids sales', 'Revenue'],
    ['PURCHASE', 'Gas purchases', 'Cost of gas'],
    ['TRANSPORT', 'Transportation', 'Cost of gas'],
    ['FUEL', 'Fuel and power', 'Operating cost'],
    ['LABOR', 'Labor', 'Operating cost'],
    ['REPAIR', 'Repairs', 'Operating cost'],
  ]
  const dimension = services.map(([SERVICE_CODE], i) => ({ SERVICE_KEY: `V${i + 1}`, SERVICE_CODE }))
  const volumes = { GATHER: 'MCF', RESIDUE: 'MMBTU', NGL: 'BBL' }
  const groups = {
    Revenue: 'Total Revenue',
    'Cost of gas': 'Total Cost of Gas',
    'Operating cost': 'Total Operating Cost',
  }
  for (const [i, [code, name, group]] of services.entries()) {
    // Revenue is booked negative in the ledger and turned for the report.
    const isRevenue = group === 'Revenue'
    for (const region of ['SOUTH', 'NORTH']) {
      const node = sample.node([group, name, `${name}, ${region.toLowerCase()}`], {
        ...sum(groups[group]),
        SIGN_CHANGE_FLAG: isRevenue ? 'Y' : 'N',
      })
      sample.map(node, i === 3 ? 'SERVICE_CDOE' : 'SERVICE_CODE', code)
      sample.map(node, 'REGION_CODE', region)
      if (code === 'REPAIR' && region === 'NORTH')
        sample.map(node, 'STATION_CODE', 'CANYON', { EXCLUSION_FLAG: 'Y' })
    }
    if (volumes[code] !== undefined) {
      const node = sample.node(['Volumes', `${name} volume`], {
        VOLUME_FLAG: 'Y',
        REMOVE_FROM_TOTALS: 'Y',
        ...sum(code === 'GATHER' ? 'Inlet Volume' : 'Outlet Volume'),
      })
      sample.map(node, 'SERVICE_CODE', code)
    }
    for (let f = 0; f < 36; f++)
      sample.facts.push({
        PERIOD: `2025-${String(roll(1, 3)).padStart(2, '0')}`,
        FK_STATION_KEY: `S${roll(1, 4)}`,
        FK_SERVICE_KEY: `V${i + 1}`,
        AMOUNT: money((isRevenue ? -1 : 1) * roll(10_000, 5_000_000)),
        ...(volumes[code] === undefined
          ? {}
          : { VOLUME: money(roll(100_000, 9_000_000)), UNIT: volumes[code] }),
      })
  }
  const first = sample.hierarchy[0].XREF_HIERARCHY_KEY
  sample.map(first, 'SERVICE_CODE', 'COMPRESS')
  sample.map(first, 'SERVICE_CODE', 'GATHER')
  sample.facts.push({ PERIOD: '2025-01', FK_STATION_KEY: 'S9', FK_SERVICE_KEY: 'V1', AMOUNT: '-77.00' })
  for (const total of [...Object.values(groups), 'Inlet Volume', 'Outlet Volume']) sample.total(total)
  sample.formula('Gross Margin', 2, 'SUBTRACT', 'Total Revenue', 'Total Cost of Gas')
  sample.formula('Operating Margin', 3, 'SUBTRACT', 'Gross Margin', 'Total Operating Cost')
  sample.formula('Gross Margin Ratio', 3, 'DIVIDE', 'Gross Margin', 'Total Revenue')
  sample.formula('Operating Cost per MMBTU', 2, 'DIVIDE', 'Total Operating Cost', 'Inlet Volume')
  sample.formula('Outlet per Inlet', 2, 'DIVIDE', 'Outlet Volume', 'Inlet Volume')
  sample.formula('Overhead at 3 %', 2, 'MULTIPLY', 'Total Operating Cost', undefined, '0.03')
  const prefix = 'MIDSTREAM'
  const config = {
    project_name: 'midstream',
    report_type: 'GROSS',
    hierarchy_table: `ANALYTICS.PUBLIC.${prefix}_REPORT_HIERARCHY`,
    mapping_table: `ANALYTICS.PUBLIC.${prefix}_REPORT_HIERARCHY_MAPPING`,
    measure_prefix: 'MIDSTREAM',
    has_sign_change: true,
    has_exclusions: true,
    dynamic_column_map: [
      { id_source: 'SERVICE_CODE', physical_column: 'SERVICE.SERVICE_CODE' },
      { id_source: 'SERVICE_CDOE', physical_column: 'SERVICE.SERVICE_CODE', is_alias: true },
      { id_source: 'REGION_CODE', physical_column: 'STATION.REGION_CODE' },
      { id_source: 'STATION_CODE', physical_column: 'STATION.STATION_CODE' },
    ],
    join_patterns: [
      { name: 'service', join_keys: ['SERVICE_FILTER'], fact_keys: ['FK_SERVICE_KEY'] },
      {
        name: 'service_station',
        join_keys: ['SERVICE_FILTER', 'STATION_FILTER'],
        fact_keys: ['FK_SERVICE_KEY', 'FK_STATION_KEY'],
      },
    ],
    hierarchy: sample.hierarchyConfig(),
    mapping: MAPPING,
    dimensions: [
      {
        alias: 'SERVICE',
        table: 'ANALYTICS.PUBLIC.DIM_SERVICE',
        key: 'SERVICE_KEY',
        filter_column: 'SERVICE_FILTER',
      },
      {
        alias: 'STATION',
        table: 'ANALYTICS.PUBLIC.DIM_STATION',
        key: 'STATION_KEY',
        filter_column: 'STATION_FILTER',
      },
    ],
    fact: {
      table: 'ANALYTICS.PUBLIC.FACT_MIDSTREAM',
      grain: ['PERIOD'],
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
              { unit: 'MMBTU', factor: '1' },
              { unit: 'MCF', factor: '1.037' },
              { unit: 'BBL', factor: '3.82' },
            ],
          },
        },
      ],
    },
    source: '.',
  }
  const tables = sample.tables(
    prefix,
    [
      ['DIM_SERVICE', ['SERVICE_KEY', 'SERVICE_CODE'], dimension],
      ['DIM_STATION', ['STATION_KEY', 'STATION_CODE', 'REGION_CODE'], stations],
    ],
    [
      'FACT_MIDSTREAM',
      ['PERIOD', 'FK_STATION_KEY', 'FK_SERVICE_KEY', 'AMOUNT', 'VOLUME', 'UNIT'],
      sample.facts,
    ],
  )
  return { folder: 'midstream', config, tables, sample }
}

/** Entries that balance: debits are positive, so liabilities and equity are turned. */
function balanceSheet({ dice, money }) {
  const roll = dice(20251227)
  const sample = new Sample('B', 3)
  const accounts = [
    ['1000', 'Cash', 'Current assets', 'Assets'],
    ['1100', 'Receivables', 'Current assets', 'Assets'],
    ['1200', 'Inventory', 'Current assets', 'Assets'],
    ['1500', 'Plant', 'Fixed assets', 'Assets'],
    ['2000', 'Payables', 'Current liabilities', 'Liabilities'],
    ['2100', 'Accruals', 'Current liabilities', 'Liabilities'],
    ['2500', 'Loans', 'Long-term liabilities', 'Liabilities'],
    ['3000', 'Share capital', 'Equity', 'Equity'],
    ['3100', 'Retained earnings', 'Equity', 'Equity'],
  ]
  const dimension = accounts.map(([ACCOUNT_CODE], i) => ({ ACCOUNT_KEY: `A${i + 1}`, ACCOUNT_CODE }))
  for (const [code, name, group, side] of accounts) {
    const path = side === group ? [side, name] : [side, group, name]
    const node = sample.node(path, {
      ...sum(`Total ${side}`),
      SIGN_CHANGE_FLAG: side === 'Assets' ? 'N' : 'Y',
    })
    sample.map(node, code === '2100' ? 'ACOUNT_CODE' : 'ACCOUNT_CODE', code)
  }
  // The same cash once more, beside the statement: a contradiction that validation shows.
  const liquid = sample.node(['Memo', 'Liquid funds'], { REMOVE_FROM_TOTALS: 'Y' })
  sample.map(liquid, 'ACCOUNT_CODE', '1000')
  sample.map(liquid, 'ACCOUNT_CODE', '1000')
  sample.map(liquid, 'ACCOUNT_CODE', '1010')
  for (let entry = 0; entry < 120; entry++) {
    const cents = roll(1_000, 2_000_000)
    const debit = roll(1, 9)
    const credit = ((debit + roll(0, 7)) % 9) + 1
    for (const [key, amount] of [
      [debit, cents],
      [credit, -cents],
    ])
      sample.facts.push({
        PERIOD: `2025-Q${(entry % 4) + 1}`,
        FK_ACCOUNT_KEY: `A${key}`,
        AMOUNT: money(amount),
      })
  }
  sample.facts.push({ PERIOD: '2025-Q4', FK_ACCOUNT_KEY: 'A99', AMOUNT: '5.00' })
  for (const side of ['Assets', 'Liabilities', 'Equity']) sample.total(`Total ${side}`)
  sample.formula('Net Assets', 2, 'SUBTRACT', 'Total Assets', 'Total Liabilities')
  sample.formula('Balance', 3, 'SUBTRACT', 'Net Assets', 'Total Equity')
  sample.formula('Debt Ratio', 2, 'DIVIDE', 'Total Liabilities', 'Total Assets')
  const config = {
    project_name: 'balance_sheet',
    report_type: 'ACTUAL',
    hierarchy_table: 'ANALYTICS.PUBLIC.BALANCE_REPORT_HIERARCHY',
    mapping_table: 'ANALYTICS.PUBLIC.BALANCE_REPORT_HIERARCHY_MAPPING',
    has_sign_change: true,
    dynamic_column_map: [
      { id_source: 'ACCOUNT_CODE', physical_column: 'ACCT.ACCOUNT_CODE' },
      { id_source: 'ACOUNT_CODE', physical_column: 'ACCT.ACCOUNT_CODE', is_alias: true },
    ],
    join_patterns: [{ name: 'account', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['FK_ACCOUNT_KEY'] }],
    hierarchy: sample.hierarchyConfig(),
    mapping: MAPPING,
    dimensions: [
      {
        alias: 'ACCT',
        table: 'ANALYTICS.PUBLIC.DIM_ACCOUNT',
        key: 'ACCOUNT_KEY',
        filter_column: 'ACCOUNT_FILTER',
      },
    ],
    fact: {
      table: 'ANALYTICS.PUBLIC.FACT_JOURNAL',
      grain: ['PERIOD'],
      measures: [{ name: 'AMOUNT', column: 'AMOUNT', scale: 2 }],
    },
    source: '.',
  }
  const tables = sample.tables(
    'BALANCE',
    [['DIM_ACCOUNT', ['ACCOUNT_KEY', 'ACCOUNT_CODE'], dimension]],
    ['FACT_JOURNAL', ['PERIOD', 'FK_ACCOUNT_KEY', 'AMOUNT'], sample.facts],
  )
  return { folder: 'balance', config, tables, sample }
}

/** Loans of a library: branches of uneven depth, inner nodes with loans of their own, and no dimension but the facts. */
function library({ dice, money }) {
  const roll = dice(20251228)
  const sample = new Sample('L', 6)
  const shelves = []
  const grow = (path, depth) => {
    const code = `SH${String(shelves.length + 1).padStart(3, '0')}`
    shelves.push(code)
    sample.map(sample.node(path), 'SHELF', code)
    const children = depth === 0 ? 0 : roll(0, 3)
    for (let i = 1; i <= children; i++) grow([...path, `${path.at(-1)}.${i}`], depth - roll(1, depth))
  }
  for (const name of ['Fiction', 'Science', 'History', 'Children']) {
    const depth = { Fiction: 5, Science: 4, History: 2, Children: 0 }[name]
    grow([name], depth)
    if (depth > 0) grow([name, `${name} desk`], depth - 1)
  }
  sample.map(sample.hierarchy[0].XREF_HIERARCHY_KEY, 'SHELVE', 'SH900')
  sample.map(sample.hierarchy[1].XREF_HIERARCHY_KEY, 'SHELF', shelves[2])
  for (let f = 0; f < 400; f++)
    sample.facts.push({
      DAY: `2025-12-${String(roll(1, 5)).padStart(2, '0')}`,
      SHELF: roll(1, 40) === 1 ? 'SH999' : shelves[roll(0, shelves.length - 1)],
      LOANS: roll(1, 30),
      HOURS: money(roll(25, 4000)),
    })
  const config = {
    project_name: 'library',
    report_type: 'DAILY',
    hierarchy_table: 'ANALYTICS.PUBLIC.LIBRARY_REPORT_HIERARCHY',
    mapping_table: 'ANALYTICS.PUBLIC.LIBRARY_REPORT_HIERARCHY_MAPPING',
    measure_prefix: 'DAILY',
    dynamic_column_map: [
      { id_source: 'SHELF', physical_column: 'LOAN.SHELF' },
      { id_source: 'SHELVE', physical_column: 'LOAN.SHELF', is_alias: true },
    ],
    join_patterns: [{ name: 'shelf', join_keys: ['SHELF_FILTER'], fact_keys: ['SHELF'] }],
    hierarchy: sample.hierarchyConfig(),
    mapping: MAPPING,
    dimensions: [
      { alias: 'LOAN', table: 'ANALYTICS.PUBLIC.FACT_LOANS', key: 'SHELF', filter_column: 'SHELF_FILTER' },
    ],
    fact: {
      table: 'ANALYTICS.PUBLIC.FACT_LOANS',
      grain: ['DAY'],
      measures: [
        { name: 'LOANS', column: 'LOANS', scale: 0 },
        { name: 'HOURS', column: 'HOURS', scale: 2 },
      ],
    },
    source: '.',
  }
  const tables = sample.tables(
    'LIBRARY',
    [],
    ['FACT_LOANS', ['DAY', 'SHELF', 'LOANS', 'HOURS'], sample.facts],
  )
  return { folder: 'library', config, tables, sample }
}

/** `tools`: dice and money of the script that writes them. */
export const smallSamples = (tools) => [midstream(tools), balanceSheet(tools), library(tools)]
