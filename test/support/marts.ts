/** Small marts for tests: tables as records, written as CSV files beside a configuration. */

import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Folder } from './cli.js'

export type Rows = readonly Readonly<Record<string, string | null>>[]

export interface SmallMart {
  readonly hierarchy: Rows
  readonly mapping: Rows
  readonly accounts: Rows
  readonly products: Rows
  readonly facts: Rows
  /** Merged over the configuration. */
  readonly config?: Readonly<Record<string, unknown>>
}

const field = (value: string | null): string =>
  value === null ? '' : /[",\r\n]/.test(value) || value === '' ? `"${value.replaceAll('"', '""')}"` : value

/** Columns in the order given, or those of all rows. */
export function csvOf(rows: Rows, columns?: readonly string[]): string {
  const names = columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? null))]
    .map((row) => `${row.map(field).join(',')}\n`)
    .join('')
}

/** A node at a path; the flags are off. */
export const node = (
  key: string,
  path: readonly string[],
  more: Readonly<Record<string, string | null>> = {},
) => ({
  XREF_HIERARCHY_KEY: key,
  LEVEL_1: path[0] ?? 'N/A',
  LEVEL_2: path[1] ?? 'N/A',
  LEVEL_3: path[2] ?? 'N/A',
  LEVEL_1_SORT: '10',
  LEVEL_2_SORT: path[1] === undefined ? '999' : '20',
  LEVEL_3_SORT: path[2] === undefined ? '999' : '30',
  ACTIVE_FLAG: 'Y',
  CALCULATION_FLAG: 'N',
  VOLUME_FLAG: 'N',
  SIGN_CHANGE_FLAG: 'N',
  REMOVE_FROM_TOTALS: 'N',
  FORMULA_GROUP: null,
  FORMULA_PRECEDENCE: null,
  ARITHMETIC_LOGIC: null,
  FORMULA_PARAM_REF: null,
  FORMULA_PARAM2_REF: null,
  FORMULA_PARAM2_CONST_NUMBER: null,
  ...more,
})

export const mapped = (
  nodeKey: string | null,
  source: string,
  id: string | null,
  more: Readonly<Record<string, string | null>> = {},
) => ({
  FK_REPORT_KEY: nodeKey,
  ID: id,
  ID_SOURCE: source,
  GROUP_FILTER_PRECEDENCE: '1',
  FILTER_GROUP_1: null,
  EXCLUSION_FLAG: 'N',
  ...more,
})

export const account = (key: string, code: string, segment: string | null = null) => ({
  ACCOUNT_KEY: key,
  ACCOUNT_CODE: code,
  SEGMENT: segment,
})
export const product = (key: string, code: string) => ({ PRODUCT_KEY: key, PRODUCT_CODE: code })
export const fact = (
  accountKey: string | null,
  amount: string | null,
  more: Readonly<Record<string, string | null>> = {},
) => ({
  PERIOD: '2025-01',
  FK_ACCOUNT: accountKey,
  FK_PRODUCT: null,
  ROYALTY: null,
  AMOUNT: amount,
  VOLUME: null,
  UNIT: null,
  ...more,
})

export const baseConfig = (): Record<string, unknown> => ({
  project_name: 'small',
  report_type: 'GROSS',
  hierarchy_table: 'DB.PUBLIC.HIERARCHY',
  mapping_table: 'DB.PUBLIC.MAPPING',
  has_sign_change: true,
  has_exclusions: true,
  has_group_filter_precedence: true,
  dynamic_column_map: [
    { id_source: 'ACCOUNT_CODE', physical_column: 'ACCT.ACCOUNT_CODE' },
    { id_source: 'PRODUCT_CODE', physical_column: 'PROD.PRODUCT_CODE' },
  ],
  join_patterns: [
    { name: 'account', join_keys: ['ACCOUNT_FILTER'], fact_keys: ['FK_ACCOUNT'] },
    {
      name: 'account_product',
      join_keys: ['ACCOUNT_FILTER', 'PRODUCT_FILTER'],
      fact_keys: ['FK_ACCOUNT', 'FK_PRODUCT'],
    },
    { name: 'royalty', join_keys: ['PRODUCT_FILTER'], fact_keys: ['FK_PRODUCT'], filter: "ROYALTY = 'Y'" },
  ],
  hierarchy: {
    group_name: null,
    levels: ['LEVEL_1', 'LEVEL_2', 'LEVEL_3'],
    level_sorts: ['LEVEL_1_SORT', 'LEVEL_2_SORT', 'LEVEL_3_SORT'],
    do_not_expand: null,
    formula_param2_ref: 'FORMULA_PARAM2_REF',
  },
  mapping: { id_table: null, filter_groups: ['FILTER_GROUP_1'] },
  dimensions: [
    {
      alias: 'ACCT',
      table: 'DB.PUBLIC.ACCOUNTS',
      key: 'ACCOUNT_KEY',
      filter_column: 'ACCOUNT_FILTER',
      segment_column: 'SEGMENT',
    },
    { alias: 'PROD', table: 'DB.PUBLIC.PRODUCTS', key: 'PRODUCT_KEY', filter_column: 'PRODUCT_FILTER' },
  ],
  fact: {
    table: 'DB.PUBLIC.FACTS',
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
            { unit: 'BBL', factor: '1' },
            { unit: 'MCF', factor: '0.1667' },
          ],
        },
      },
    ],
  },
  source: '.',
})

/** Writes the tables and the configuration; the path of the configuration. */
export function writeMart(folder: Folder, mart: SmallMart): string {
  folder.write('HIERARCHY.csv', csvOf(mart.hierarchy))
  folder.write(
    'MAPPING.csv',
    csvOf(mart.mapping, mart.mapping.length === 0 ? Object.keys(mapped('', '', '')) : undefined),
  )
  folder.write('ACCOUNTS.csv', csvOf(mart.accounts))
  folder.write('PRODUCTS.csv', csvOf(mart.products))
  folder.write('FACTS.csv', csvOf(mart.facts))
  folder.write('mart.yaml', stringify({ ...baseConfig(), ...mart.config }))
  return join(folder.path, 'mart.yaml')
}

/** Two accounts and two products with one node each, 100 and 40. */
export const twoNodes = (): SmallMart => ({
  hierarchy: [node('A', ['Revenue', 'Alpha']), node('B', ['Revenue', 'Beta'])],
  mapping: [mapped('A', 'ACCOUNT_CODE', '4000'), mapped('B', 'ACCOUNT_CODE', '5000')],
  accounts: [account('a1', '4000'), account('a2', '5000'), account('a3', '6000')],
  products: [product('p1', 'OIL'), product('p2', 'GAS')],
  facts: [
    fact('a1', '60.00', { FK_PRODUCT: 'p1' }),
    fact('a1', '40.00', { FK_PRODUCT: 'p2' }),
    fact('a2', '40.00'),
  ],
})
