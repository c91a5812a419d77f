/**
 * The commands about the schema: apply migrations, take them back, list them. What goes down takes rows with it, so
 * it is asked for twice: by --yes, or by YES typed on the terminal. Raises TIE-1307, TIE-1310, TIE-1311.
 */

import { type Command, Option } from 'commander'
import { refuse } from '../../base/errors.js'
import { plural } from '../../base/text.js'
import { withoutPassword } from '../../books/location.js'
import {
  knownMigrations,
  migrateDown,
  migrateUp,
  migrationStatus,
  migrationsAfter,
} from '../../books/migrate.js'
import { rowsThatGo } from '../../books/migrate-losses.js'
import { openUnchecked } from '../../books/open.js'
import type { Session } from '../../books/transaction.js'
import type { CommandContext } from './command-line.js'
import { printTable } from './print-table.js'
import type { Add } from './program-commands.js'
import { columnsOf } from './table.js'

export function addMigrationCommands(program: Command, add: Add): void {
  const migrate = program.command('migrate').description('The schema of the database.')
  add(migrate, 'up', 'Apply the migrations that are missing.', async (_, context) =>
    withSchema(context, async (session) => printNames(context, await migrateUp(session))),
  )
  add(migrate, 'down', 'Take migrations back, with their tables and rows.', down)
    .addOption(new Option('--to <name>', 'The last migration to keep; by default none.'))
    .addOption(new Option('--yes', 'Do it without asking.'))
  add(migrate, 'status', 'Show which migrations are applied.', async (_, context) =>
    withSchema(context, (session) => printStatus(context, session)),
  )
}

async function down(command: Command, context: CommandContext): Promise<number> {
  const { to, yes } = command.opts<{ to?: string; yes?: boolean }>()
  const wanted = to ?? 'none'
  return withSchema(context, async (session) => {
    if (yes !== true) await confirm(context, session, wanted)
    return printNames(context, await migrateDown(session, wanted))
  })
}

/** On a terminal nothing is asked when there is nothing to take back. */
async function confirm(
  { environment, settings }: CommandContext,
  session: Session,
  to: string,
): Promise<void> {
  const known = knownMigrations()
  const undone = migrationsAfter((await migrationStatus(session)).applied, to).map(
    (name) => known.find((one) => one.name === name)!,
  )
  const lost = (await rowsThatGo(session, undone, to)).map(
    ({ table, rows }) => `${table}: ${plural(rows, 'row')}`,
  )
  if (!environment.stdin.isTerminal) {
    refuse('TIE-1307', {
      name: to === 'none' ? 'every migration' : `every migration after ${to}`,
      rows: lost.length === 0 ? 'there are none' : lost.join(', '),
    })
  }
  if (undone.length === 0) return
  for (const { name, down: script, keep } of undone) {
    const said = [...opening(script), ...(keep === undefined || to === 'none' ? [] : opening(keep))]
    environment.stderr.write(`${[name, ...said].join('\n  ')}\n`)
  }
  for (const line of lost) environment.stderr.write(`${line}\n`)
  const what = plural(undone.length, 'migration')
  environment.stderr.write(
    `${what} of ${withoutPassword(settings.db.value)} will be taken back, with tables and rows. Type YES to do it: `,
  )
  const answer = (await environment.stdin.readLine()) ?? ''
  if (answer !== 'YES') refuse('TIE-1311', { answer: answer.slice(0, 60) })
}

/** What a migration says of its way back, in the comment that begins it. */
function opening(sql: string): string[] {
  const lines = sql.split('\n')
  return lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith('-- ')),
    )
    .map((line) => line.slice(3))
}

async function withSchema(
  context: CommandContext,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const books = await openUnchecked({ db: context.settings.db.value, command: 'tieout migrate' })
  try {
    return await books.maintain(work)
  } finally {
    await books.close()
  }
}

function printNames({ options, print }: CommandContext, names: readonly string[]): number {
  if (options.json === true) print(`${JSON.stringify({ migrations: names }, null, 2)}\n`)
  else print(names.length === 0 ? 'Nothing to do.\n' : `${names.join('\n')}\n`)
  return 0
}

async function printStatus(context: CommandContext, session: Session): Promise<number> {
  const { applied, pending } = await migrationStatus(session)
  const rows = [
    ...applied.map((migration) => ({ migration, state: 'applied' })),
    ...pending.map((migration) => ({ migration, state: 'pending' })),
  ]
  printTable(context, 'migrations', { columns: columnsOf('text migration', 'text state'), rows })
  return 0
}
