/** The checks of `tieout doctor`: each says what it found and, where it fails, what to do. Raises nothing. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../../base/errors.js'
import { plural } from '../../base/text.js'
import { withoutPassword } from '../../books/location.js'
import { migrationStatus } from '../../books/migrate.js'
import { dangersOf } from '../../books/open.js'
import { dumpSchema } from '../../books/schema-dump.js'
import type { MaintainedBooks } from '../../books/transaction.js'
import type { KeptFrames } from '../../engines/kept-frames.js'
import type { CommandContext } from './command-line.js'

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly fix: string
}

const passed = (name: string, detail: string): Check => ({ name, ok: true, detail, fix: '' })
const failed = (name: string, detail: string, fix: string): Check => ({ name, ok: false, detail, fix })

export async function examine(context: CommandContext): Promise<Check[]> {
  const checks = [nodeVersion(), await duckdb()]
  const where = `${withoutPassword(context.settings.db.value)} (from ${context.settings.db.origin})`
  try {
    const found = await context.withSession(async ({ books, frames, orphans }) => [
      passed('database', `${books.kind === 'pglite' ? 'embedded' : 'PostgreSQL server'} at ${where}`),
      ...(await bookChecks(books, context.environment.packageDirectory)),
      orphans.length === 0
        ? passed('interrupted runs', 'none')
        : passed('interrupted runs', `${orphans.length} found and marked FAILED`),
      await kept(frames),
      durability(books),
    ])
    return [...checks, ...found]
  } catch (error) {
    const refusal = error instanceof Refusal ? error.problems[0] : undefined
    const detail = refusal?.message ?? (error instanceof Error ? error.message : String(error))
    return [
      ...checks,
      failed('database', `${where}: ${detail}`, refusal?.remedy ?? 'Run again with --debug.'),
    ]
  }
}

function nodeVersion(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
  const ok = major > 20 || (major === 20 && minor >= 19)
  return ok
    ? passed('node', `v${process.versions.node}`)
    : failed('node', `v${process.versions.node} is too old`, 'Install Node 20.19 or newer.')
}

async function duckdb(): Promise<Check> {
  try {
    const { default: bindings } = await import('@duckdb/node-bindings')
    return passed('duckdb', bindings.library_version())
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n')[0]! : String(error)
    return failed(
      'duckdb',
      detail,
      'Run npm ci again on this machine: the engine is a native package. Parquet and in-place files need it.',
    )
  }
}

async function bookChecks(books: MaintainedBooks, packageDirectory: string): Promise<Check[]> {
  const { applied, pending } = await books.maintain((session) => migrationStatus(session))
  const dangers = await dangersOf(books)
  const missing = missingFromSchema(await books.maintain((session) => dumpSchema(session)), packageDirectory)
  return [
    pending.length === 0
      ? passed('migrations', `${applied.length} applied`)
      : failed('migrations', `${pending.length} missing`, 'Run tieout migrate up.'),
    dangers.length === 0
      ? passed(
          'tenant isolation',
          'row security is forced on every tenant table, and the role cannot bypass it',
        )
      : failed(
          'tenant isolation',
          dangers.map(({ role, detail }) => `${role}: ${detail}`).join('; '),
          'Put back what was changed by hand; docs/reference/schema.txt is how it should be.',
        ),
    missing.length === 0
      ? passed('schema', 'as this version makes it')
      : failed(
          'schema',
          `differs from what this version makes: ${missing.slice(0, 3).join(' · ')}`,
          'Compare with docs/reference/schema.txt; a change belongs in a migration.',
        ),
  ]
}

/** Lines of the expected schema that the live one lacks; fact tables made by imports are no difference. */
function missingFromSchema(live: string, packageDirectory: string): string[] {
  const found = new Set(live.split('\n'))
  const expected = readFileSync(join(packageDirectory, 'docs', 'reference', 'schema.txt'), 'utf8').split('\n')
  return expected.filter((line) => !found.has(line))
}

async function kept(frames: KeptFrames): Promise<Check> {
  const use = await frames.onDisk()
  if (use === undefined) return passed('kept frames', 'in memory only')
  const { directory, files, bytes } = use
  return passed(
    'kept frames',
    `${plural(files, 'file')}, ${(bytes / 1e6).toFixed(1)} MB in ${directory}; they may be deleted`,
  )
}

function durability({ kind }: MaintainedBooks): Check {
  return kind === 'pglite'
    ? passed(
        'durability',
        'survives the death of the process; not a power cut, since the embedded database does not flush to disk (use a PostgreSQL server for that)',
      )
    : passed('durability', 'as the server is configured')
}
