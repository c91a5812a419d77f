/** The operation that computes a version of allocations. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type Operation, operation } from '../../books/operation.js'
import { findRunHeader } from '../../books/run-headers.js'
import { findingsOf, type RunId } from '../../books/runs.js'
import { METHODS, SCOPES, SHORT_POLICIES } from '../config.js'
import { listComputations } from '../store/computation-log.js'
import { computeVersion } from '../versions/compute-version.js'
import { instantOf, lotFinding, versionInput } from './schemas.js'

const text = z.string()
const configInput = z
  .object({
    method: text.optional(),
    scope: text.optional(),
    short: text.optional(),
    switches: z
      .array(z.object({ at: text, method: text.optional(), scope: text.optional() }).strict())
      .optional(),
    dust: z.coerce.string().optional(),
    dust_by_symbol: z.record(text, z.coerce.string()).optional(),
    assets: z.record(text, z.object({ base: text, quote: text }).strict()).optional(),
  })
  .strict()

const computed = z.object({
  run_id: z.string(),
  allocation_version: z.number(),
  computation_no: z.number(),
  status: z.enum(['completed', 'partial']),
  mode: z.enum(['full', 'incremental']),
  config: z.record(z.string(), z.unknown()),
  trades: z.number().describe('Trades taken in now.'),
  trades_through: z.number().describe('Number of arrival of the newest fact seen.'),
  symbols_done: z.number(),
  failed_symbols: z.array(z.object({ symbol: z.string(), code: z.string(), message: z.string() })).readonly(),
  allocations: z.number().describe('Rows of the whole version.'),
  unmatched: z.number(),
  open_lots: z.number(),
  rows_written: z.number(),
  rows_superseded: z.number(),
  facts_digest: z.string(),
  config_digest: z.string(),
  result_digest: z.string(),
  verified: z.boolean().describe('Whether a computation of all facts was made beside it and agreed.'),
  reviews: z
    .object({ opened: z.number(), escalated: z.number(), resolved: z.number(), reopened: z.number() })
    .describe('What became of reviews by itself.'),
  duration_ms: z.number(),
  findings: z.array(lotFinding).readonly(),
})

/** What was computed, as it was stored. */
async function outputOf(
  tx: Tx,
  run: string,
  version: number,
  verified: boolean,
): Promise<z.input<typeof computed> | undefined> {
  const header = await findRunHeader(tx, run)
  const logged = (await listComputations(tx, { version })).find(({ batch_id }) => batch_id === run)
  if (header?.status !== 'COMPLETED' || logged === undefined) return undefined
  return {
    run_id: run,
    allocation_version: version,
    computation_no: logged.computation_no,
    status: logged.status as 'completed' | 'partial',
    mode: header.parameters.mode as 'full' | 'incremental',
    config: header.parameters.config as Record<string, unknown>,
    trades: logged.trades!,
    trades_through: logged.trades_through!,
    symbols_done: logged.symbols_done!,
    failed_symbols: logged.failed_symbols,
    allocations: logged.allocations!,
    unmatched: logged.unmatched!,
    open_lots: logged.open_lots!,
    rows_written: logged.rows_written!,
    rows_superseded: logged.rows_superseded!,
    facts_digest: logged.facts_digest!,
    config_digest: logged.config_digest!,
    result_digest: logged.result_digest!,
    verified,
    reviews: header.parameters.reviews as z.output<typeof computed>['reviews'],
    duration_ms: logged.duration_ms!,
    findings: await findingsOf(tx, run as RunId),
  }
}

const compute = operation({
  name: 'lots compute',
  summary: 'Match trades: compute a version of allocations, superseding what of it changes.',
  effect: 'append',
  input: z.object({
    version: versionInput,
    all_symbols: z.boolean().default(false).describe('Compute every symbol.'),
    symbol: z.string().optional().describe('Compute this symbol alone.'),
    method: z.enum(METHODS).optional().describe('Which lots a trade closes first; fifo of a new version.'),
    scope: z
      .enum(SCOPES)
      .optional()
      .describe('Which lots a trade may close: of its symbol, also of its account, or of its strategy.'),
    short: z
      .enum(SHORT_POLICIES)
      .optional()
      .describe('Whether what no lot covers is unmatched or opens a short lot; refuse of a new version.'),
    dust: z.string().optional().describe('A lot of at most this size that a trade leaves is closed as dust.'),
    config: configInput
      .optional()
      .describe('The whole configuration: switches at dates, dust by symbol, assets of symbols too.'),
    force: z
      .boolean()
      .default(false)
      .describe(
        'Take another configuration, and write every row anew; those so far are superseded, not lost.',
      ),
    since: z.string().optional().describe('Incremental, and again at least from this instant or date on.'),
    incremental: z.boolean().default(false).describe('Only what facts that came since the last one change.'),
    verify: z
      .boolean()
      .default(false)
      .describe('Compute all facts beside it and compare; store only if equal.'),
  }),
  output: computed,
  errors: [
    'TIE-1305',
    'TIE-2502',
    'TIE-2503',
    'TIE-3111',
    'TIE-3112',
    'TIE-3113',
    'TIE-3155',
    'TIE-3156',
    'TIE-3170',
    'TIE-3171',
    'TIE-3172',
    'TIE-3173',
    'TIE-3174',
  ],
  positional: [],
  flags: { config: 'lot-config' },
  http: {
    method: 'POST',
    path: '/api/v1/lots/versions/{version}/computations',
    location: '/api/v1/runs/{run_id}',
  },
  violated: ({ status }) => status === 'partial',
  async run(context, given) {
    const { version, symbol, all_symbols, method, scope, short, dust, config } = given
    if (all_symbols === (symbol !== undefined)) {
      refuse('TIE-3173', { detail: all_symbols ? 'both all symbols and one' : 'neither all symbols nor one' })
    }
    const since = given.since === undefined ? undefined : instantOf(given.since)
    const { run_id } = await computeVersion(context, {
      version,
      symbol,
      config: { whole: config, options: { method, scope, short, dust } },
      isForced: given.force,
      mode: given.incremental || since !== undefined ? 'incremental' : 'full',
      since,
      isVerified: given.verify,
    })
    return (await context.books.transaction(context.tenant, (tx) =>
      outputOf(tx, run_id, version, given.verify),
    ))!
  },
  recover: ({ books, tenant }, id, { version, verify }) =>
    books.transaction(tenant, (tx) => outputOf(tx, id, version, verify)),
})

export const computeOperations: readonly Operation[] = [compute]
