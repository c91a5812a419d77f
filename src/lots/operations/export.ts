/** The operation that writes a version's allocations to a file in the form that another program reads. */

import { z } from 'zod'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { refuseTaken, writeFileWhole } from '../../books/whole-file.js'
import { beancountJournal } from '../beancount.js'
import { csvText } from '../csv.js'
import { form8949 } from '../report-8949.js'
import { listAllocations, type StoredAllocation } from '../store/allocations.js'
import { seenFacts } from '../store/seen-facts.js'
import { computedVersion, seenTable } from '../versions/validate-version.js'
import { publishedVersionInput, versionOf } from './schemas.js'

const FORMS = ['csv', 'beancount', 'form-8949'] as const

const COLUMNS = [
  'sell_order_id',
  'buy_order_id',
  'symbol',
  'allocated_size',
  'buy_price',
  'sell_price',
  'cost_basis',
  'proceeds',
  'net_proceeds',
  'pnl',
  'class',
] as const
const FORM_COLUMNS = [
  'part',
  'term',
  'description',
  'acquired',
  'sold',
  'proceeds',
  'cost',
  'code',
  'adjustment',
  'gain',
  'sell_order_id',
  'buy_order_id',
] as const

interface Written {
  readonly text: string
  readonly rows: number
  readonly left_out: readonly { readonly symbol: string; readonly why: string }[]
}

const exportLots = operation({
  name: 'lots export',
  summary: 'Write the allocations of a version to a file: CSV, a beancount journal, or rows of Form 8949.',
  effect: 'read',
  input: z.object({
    file: z.string().min(1).describe('The file to write.'),
    version: publishedVersionInput,
    as: z
      .enum(FORMS)
      .default('csv')
      .describe(
        'csv: the exchange format. form-8949: rounded to cents, the remainder carried; no tax advice.',
      ),
    overwrite: z.boolean().default(false).describe('Replace the file when there is one.'),
  }),
  output: z.object({
    allocation_version: z.number(),
    file: z.string(),
    as: z.enum(FORMS),
    rows: z.number().describe('Allocations written.'),
    bytes: z.number(),
    left_out: z
      .array(z.object({ symbol: z.string(), why: z.string() }))
      .readonly()
      .describe('Symbols that a beancount journal cannot say.'),
  }),
  errors: ['TIE-2801', 'TIE-2802', 'TIE-3154', 'TIE-3175', 'TIE-3176'],
  positional: ['file'],
  run: (context, { file, version: asked, as, overwrite }) =>
    context.books.transaction(context.tenant, async (tx) => {
      const place = { file, existing: overwrite ? 'replace' : 'refuse', token: context.newId() } as const
      refuseTaken(place)
      const version = await versionOf(tx, asked)
      const { text, rows, left_out } = await textOf(context, tx, version, as)
      const bytes = await writeFileWhole(place, [text])
      return { allocation_version: version, file, as, rows, bytes, left_out }
    }),
})

const EVERY = Number.MAX_SAFE_INTEGER

async function textOf(
  context: Context,
  tx: Tx,
  version: number,
  as: (typeof FORMS)[number],
): Promise<Written> {
  const { config } = await computedVersion(tx, version)
  const rows = await listAllocations(tx, { version }, undefined, EVERY)
  if (as === 'csv') return { text: csvText(COLUMNS, rows), rows: rows.length, left_out: [] }
  if (as === 'form-8949') {
    return { text: csvText(FORM_COLUMNS, form8949(rows)), rows: rows.length, left_out: [] }
  }
  const bySymbol = new Map<string, StoredAllocation[]>()
  for (const row of rows) {
    const of = bySymbol.get(row.symbol)
    if (of === undefined) bySymbol.set(row.symbol, [row])
    else of.push(row)
  }
  const facts = await seenTable(context, tx, config, await seenFacts(tx, version))
  const symbols = [...facts.values()].map((own) => ({ facts: own, rows: bySymbol.get(own.symbol) ?? [] }))
  const journal = beancountJournal(symbols, config)
  const missing = new Set(journal.left_out.map(({ symbol }) => symbol))
  return { ...journal, rows: rows.filter(({ symbol }) => !missing.has(symbol)).length }
}

export const lotExportOperations: readonly Operation[] = [exportLots]
