/** Operations that bring facts of lots in: trades, splits, transfers, balances, and an older system's P&L. */

import { z } from 'zod'
import type { ErrorCode } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Context, type Operation, operation } from '../../books/operation.js'
import { digestOfFile } from '../../engines/file-digest.js'
import { BALANCES, type FactKind, HISTORICAL_PNL, SPLITS, TRADES, TRANSFERS } from '../fact-kinds.js'
import { FactImport } from '../store/fact-import.js'
import { ensureSnapshot, snapshotDate } from '../store/historical-pnl.js'
import { lockImports, newestArrival } from '../store/imports.js'
import { takeSnapshot } from '../store/take-snapshot.js'

const MEDIA_TYPES = { 'text/csv': '.csv', 'application/x-ndjson': '.ndjson' }

const fileInput = {
  file: z.string().describe('A CSV or NDJSON file.'),
  timezone: z
    .string()
    .optional()
    .describe(
      'Zone of times that say none: UTC, an offset such as +01:00, or a name such as America/New_York. Without it they are refused.',
    ),
  ignore_columns: z.boolean().default(false).describe('Leave unknown columns out instead of refusing them.'),
  dry_run: z.boolean().default(false).describe('Do everything but keep nothing.'),
}
type FileInput = z.output<z.ZodObject<typeof fileInput>>

const counts = {
  table: z.string().describe('Where the rows are.'),
  new: z.number(),
  same: z.number().describe('Rows that were there already with the same content.'),
  refused: z.number(),
  dry_run: z.boolean(),
}
const imported = z.object({
  file: z.string(),
  ...counts,
  import_id: z.string().nullable().describe('Null when nothing was new.'),
})
type Imported = z.input<typeof imported>

/** What a file can be refused for. */
const FILE_ERRORS: readonly ErrorCode[] = [
  'TIE-1005',
  'TIE-2401',
  'TIE-2404',
  'TIE-2405',
  'TIE-2406',
  'TIE-2410',
  'TIE-2412',
  'TIE-2413',
  'TIE-2415',
  'TIE-3101',
  'TIE-3102',
  'TIE-3103',
  'TIE-3105',
  'TIE-3106',
  'TIE-3107',
  'TIE-3114',
  'TIE-3115',
  'TIE-3150',
  'TIE-3151',
  'TIE-3152',
]

/** A dry run is the same transaction, rolled back. */
class RolledBack<T> extends Error {
  constructor(readonly result: T) {
    super('dry run')
  }
}

async function committed<T>(
  { books, tenant }: Context,
  dryRun: boolean,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  try {
    return await books.transaction(tenant, async (tx) => {
      const result = await work(tx)
      if (dryRun) throw new RolledBack(result)
      return result
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.result as T
    throw error
  }
}

async function importFile(
  context: Context,
  kind: FactKind,
  table: string,
  given: FileInput,
): Promise<Imported> {
  const digest = await digestOfFile(given.file)
  return committed(context, given.dry_run, async (tx) => {
    await lockImports(tx)
    const after = await newestArrival(tx)
    const found = await new FactImport(context, tx, kind, given, digest).run({ table, after })
    return { file: given.file, table, ...found, dry_run: given.dry_run }
  })
}

const importOf = (
  name: string,
  summary: string,
  kind: FactKind,
  table: string,
  more: readonly ErrorCode[] = [],
): Operation =>
  operation({
    name,
    summary,
    effect: 'append',
    input: z.object(fileInput),
    output: imported,
    errors: [...FILE_ERRORS, ...more].sort(),
    positional: ['file'],
    http: {
      method: 'POST',
      path: `/api/v1/${name.split(' ')[0]}/imports`,
      upload: 'file',
      mediaTypes: MEDIA_TYPES,
      ...(kind === TRADES ? { location: '/api/v1/trades' } : {}),
    },
    run: (context, given) => importFile(context, kind, table, given),
  })

const dateInput = {
  date: z
    .string()
    .optional()
    .meta({ format: 'date' })
    .describe('Date of the snapshot, in its name; today by default.'),
}

const importHistoricalPnl = operation({
  name: 'historical-pnl import',
  summary: "Import what an older system had computed, per sell, into the date's historical snapshot.",
  effect: 'append',
  input: z.object({ ...fileInput, ...dateInput }),
  output: imported,
  errors: [...FILE_ERRORS, 'TIE-3160'],
  positional: ['file'],
  http: {
    method: 'POST',
    path: '/api/v1/historical-pnl/imports',
    upload: 'file',
    mediaTypes: MEDIA_TYPES,
  },
  async run(context, given) {
    const date = snapshotDate(given.date ?? context.now().slice(0, 10))
    const digest = await digestOfFile(given.file)
    return committed(context, given.dry_run, async (tx) => {
      const table = await ensureSnapshot(tx, date)
      const found = await new FactImport(context, tx, HISTORICAL_PNL, given, digest).run({
        table,
        after: null,
      })
      return { file: given.file, table, ...found, dry_run: given.dry_run }
    })
  },
})

const snapshotHistoricalPnl = operation({
  name: 'historical-pnl snapshot',
  summary: "Keep what the imported trades say of an older system's P&L in the date's historical snapshot.",
  effect: 'append',
  input: z.object({ ...dateInput, dry_run: fileInput.dry_run }),
  output: z.object(counts),
  errors: ['TIE-3107', 'TIE-3160'],
  positional: [],
  http: { method: 'POST', path: '/api/v1/historical-pnl/snapshots' },
  run(context, given) {
    const date = snapshotDate(given.date ?? context.now().slice(0, 10))
    return committed(context, given.dry_run, async (tx) => ({
      ...(await takeSnapshot(context, tx, date)),
      dry_run: given.dry_run,
    }))
  },
})

export const lotImportOperations: readonly Operation[] = [
  importOf('trades import', 'Import trades, corrections and cancellations.', TRADES, 'trade_records', [
    'TIE-3104',
    'TIE-3108',
    'TIE-3109',
    'TIE-3110',
  ]),
  importOf(
    'splits import',
    'Import splits: ratios by which the units of a symbol change.',
    SPLITS,
    'lot_splits',
  ),
  importOf('transfers import', 'Import transfers of lots between accounts.', TRANSFERS, 'lot_transfers'),
  importOf(
    'balances import',
    'Import balances of accounts as somebody outside says them.',
    BALANCES,
    'balance_anchors',
  ),
  importHistoricalPnl,
  snapshotHistoricalPnl,
]
