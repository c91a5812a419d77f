/**
 * Claims and settled amounts: a CSV file is read once, checked, copied into a temporary table and taken over from there,
 * all of it or nothing. Streams: a file may be of any length. Raises TIE-4301, those of claim.ts, csv.ts and csv-table.ts.
 */

import { basename } from 'node:path'
import { type Problem, problem } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { copyRows } from '../../books/copy-rows.js'
import type { Context } from '../../books/operation.js'
import { readCsv } from '../../engines/csv.js'
import { checkHeader, checkRecord, FileProblems, type Header } from '../../engines/csv-table.js'
import { CLAIM_COLUMNS, type Claim, claimDigest, parseClaim } from '../claim.js'

export type ClaimKind = 'claims' | 'settlements'

const KINDS = {
  claims: { table: 'platform_claims', what: 'claim' },
  settlements: { table: 'settled_amounts', what: 'settled amount' },
} as const

export interface ClaimFile {
  readonly file: string
  readonly digest: string
  readonly kind: ClaimKind
}

export interface ClaimCounts {
  readonly new: number
  readonly same: number
  readonly import_id: string | null
}

export async function importClaims(context: Context, tx: Tx, given: ClaimFile): Promise<ClaimCounts> {
  const { table, what } = KINDS[given.kind]
  await tx.execute(
    `SELECT pg_advisory_xact_lock(hashtextextended('${table}:' || tieout_current_tenant()::text, 0))`,
  )
  await tx.execute(
    `CREATE TEMPORARY TABLE claim_staging (line bigint, platform text COLLATE "C", reference text COLLATE "C",
       amount_cents bigint, currency text COLLATE "C", occurred_on date, row_digest text) ON COMMIT DROP`,
  )
  const problems = new FileProblems(given.file)
  const staged = new StagedClaims(context, given.file, problems)
  const rows = await tx.copyIn('pg_temp.claim_staging', staged.chunks())
  await tx.execute('CREATE INDEX ON pg_temp.claim_staging (platform, reference, line)')
  await tx.execute('ANALYZE pg_temp.claim_staging')
  for (const { line, platform, reference, is_here } of await conflicting(tx, table)) {
    const where = is_here ? `, earlier in ${basename(given.file)}` : ''
    const place = problems.at(Number(line))
    problems.add(problem('TIE-4301', { what, platform, reference, where }, place))
  }
  problems.stop()
  const importId = context.newId()
  await tx.execute('SAVEPOINT before_import')
  await tx.execute(
    `INSERT INTO attribution_imports (tenant_id, import_id, kind, file_name, file_digest, row_count, imported_at, imported_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      context.tenant,
      importId,
      given.kind,
      basename(given.file),
      given.digest,
      rows,
      context.now(),
      context.who,
    ],
  )
  const fresh = await tx.execute(
    `INSERT INTO ${table} (tenant_id, import_id, import_line, platform, reference, amount_cents, currency, occurred_on, row_digest)
     SELECT tieout_current_tenant(), $1::uuid, line, platform, reference, amount_cents, currency, occurred_on, row_digest
     FROM pg_temp.claim_staging ORDER BY line ON CONFLICT DO NOTHING`,
    [importId],
  )
  // A file that brings nothing new leaves no trace.
  if (fresh === 0) await tx.execute('ROLLBACK TO before_import')
  context.signal.throwIfAborted()
  return { new: fresh, same: rows - fresh, import_id: fresh === 0 ? null : importId }
}

interface Conflicting {
  readonly line: bigint
  readonly platform: string
  readonly reference: string
  readonly is_here: boolean
}

/** Rows whose reference is there already, in the books or earlier in the file, with other content. */
const conflicting = (tx: Tx, table: string): Promise<Conflicting[]> =>
  tx.rows(
    `SELECT s.line, s.platform, s.reference, b.row_digest IS NULL AS is_here
     FROM (
       SELECT *, first_value(row_digest) OVER (PARTITION BY platform, reference ORDER BY line) AS first_digest
       FROM pg_temp.claim_staging
     ) s LEFT JOIN ${table} b ON b.tenant_id = tieout_current_tenant() AND b.platform = s.platform
       AND b.reference = s.reference
     WHERE s.row_digest <> coalesce(b.row_digest, s.first_digest) ORDER BY s.line`,
  )

class StagedClaims {
  private header: Header | undefined
  private names: readonly string[] = []
  private done = 0

  constructor(
    private readonly context: Context,
    private readonly file: string,
    private readonly problems: FileProblems,
  ) {}

  async *chunks(): AsyncGenerator<Uint8Array> {
    for await (const batch of readCsv(this.file)) {
      yield* copyRows(batch.flatMap(({ line, fields }) => this.staged(line, fields)))
      this.done += batch.length
      this.context.progress.report('reading rows', this.done)
      this.context.signal.throwIfAborted()
    }
  }

  private staged(line: number, fields: readonly string[]) {
    if (this.header === undefined) {
      const expected = { required: CLAIM_COLUMNS, optional: [], ignoreUnknown: false }
      this.header = checkHeader({ line, fields }, expected, this.problems)
      this.names = fields
      return []
    }
    if (!checkRecord({ line, fields }, this.names, this.problems)) return []
    const { columns } = this.header
    const row = Object.fromEntries(
      columns.flatMap((name, i) => (name === undefined ? [] : [[name, fields[i]!]])),
    )
    const parsed = parseClaim(row)
    if (parsed.is === 'claim') return [rowOf(line, parsed.claim)]
    for (const one of parsed.problems as readonly Problem[])
      this.problems.add({ ...one, place: this.problems.at(line) })
    return []
  }
}

const rowOf = (line: number, claim: Claim) => [
  line,
  claim.platform,
  claim.reference,
  claim.amount_cents,
  claim.currency,
  claim.occurred_on,
  claimDigest(claim),
]
