/** The commands about API keys: make one (shown once), list them, revoke one. Raises TIE-1002, TIE-1411. */

import { type Command, Option } from 'commander'
import { type Instant, instantOf } from '../../base/dates.js'
import { refuse } from '../../base/errors.js'
import { createApiKey, listApiKeys, ROLES, revokeApiKey } from '../../books/api-keys.js'
import type { Role } from '../../books/operation.js'
import type { CommandContext } from './command-line.js'
import { printTable } from './print-table.js'
import type { Add } from './program-commands.js'
import { columnsOf } from './table.js'

const DAY = 86_400_000
const DEFAULT_DAYS = '90'
/** Characters of a name, as runs and sign-offs have room for. */
const MAX_NAME = 100

export function addKeyCommands(program: Command, add: Add): void {
  const keys = program.command('keys').description('API keys of the tenant, for a server with --auth keys.')
  add(keys, 'create <name>', 'Make a key for somebody; it is shown this once.', create)
    .addOption(
      new Option('--role <role>', 'What its holder may do.').choices([...ROLES]).makeOptionMandatory(),
    )
    .addOption(
      new Option('--days <days>', 'Days that it holds, or never to let it hold until revoked.').default(
        DEFAULT_DAYS,
      ),
    )
  add(keys, 'list', 'List the keys, without their secrets.', async (_, context) => list(context))
  add(keys, 'revoke <id>', 'Let a key hold no longer.', revoke)
}

async function create(command: Command, context: CommandContext): Promise<number> {
  const { role, days } = command.opts<{ role: Role; days: string }>()
  const { environment, settings } = context
  const name = command.args[0]!
  if (name.trim() === '' || name.length > MAX_NAME) {
    refuse('TIE-1002', { command: 'keys create', detail: `A name has 1 to ${MAX_NAME} characters.` })
  }
  const created_at = environment.now()
  const expires_at = expiry(created_at, days)
  const key_id = environment.newId().replaceAll('-', '').slice(0, 16)
  const secret = environment.newSecret()
  return context.withSession(async ({ books, context: { tenant } }) => {
    const made = { key_id, secret, name, role, created_at, created_by: settings.user.value, expires_at }
    const key = await createApiKey(books, tenant, made)
    if (context.options.json === true) {
      context.print(`${JSON.stringify({ key, key_id, name, role, expires_at }, null, 2)}\n`)
    } else {
      context.print(`${key}\n`)
      context.note(
        `Key ${key_id} of ${name} (${role}), until ${expires_at ?? 'revoked'}. It is not shown again.`,
      )
    }
    return 0
  })
}

function expiry(from: Instant, days: string): Instant | null {
  if (days === 'never') return null
  if (!/^[1-9]\d{0,3}$/.test(days)) {
    refuse('TIE-1002', { command: 'keys create', detail: '--days takes a number from 1 to 9999, or never.' })
  }
  return instantOf(new Date(Date.parse(from) + Number(days) * DAY))
}

const COLUMNS = columnsOf(
  'text key_id',
  'text name',
  'text role',
  'text created_at',
  'text created_by',
  'text expires_at',
  'text revoked_at',
)

async function list(context: CommandContext): Promise<number> {
  return context.withSession(async ({ books, context: { tenant } }) => {
    const rows = (await listApiKeys(books, tenant)).map((key) => ({ ...key }))
    printTable(context, 'keys', { columns: COLUMNS, rows })
    return 0
  })
}

async function revoke(command: Command, context: CommandContext): Promise<number> {
  return context.withSession(async ({ books, context: { tenant } }) => {
    const by = context.settings.user.value
    const key = await revokeApiKey(books, tenant, {
      key_id: command.args[0]!,
      at: context.environment.now(),
      by,
    })
    printTable(context, 'keys', { columns: COLUMNS, rows: [{ ...key }] })
    return 0
  })
}
