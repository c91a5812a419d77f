/** Commands about the program itself rather than about data: migrations, doctor, explain, settings, serving. */

import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { ERRORS, type ErrorCode, refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { TenantId } from '../../books/books.js'
import { withoutPassword } from '../../books/location.js'
import { createTenant, listTenants } from '../../books/tenants.js'
import { SETTING_NAMES } from '../settings.js'
import type { Action, CommandContext } from './command-line.js'
import { completionScript } from './completion.js'
import { runDemo } from './demo.js'
import { examine } from './doctor.js'
import { addKeyCommands } from './key-commands.js'
import { addMigrationCommands } from './migrate-commands.js'
import { printTable } from './print-table.js'
import { columnsOf } from './table.js'

/** Their names, for suggestions. */
export const PROGRAM_COMMANDS: readonly string[] = [
  'demo',
  'start',
  'serve',
  'mcp',
  'migrate',
  'tenants',
  'keys',
  'doctor',
  'explain',
  'config',
  'completion',
]

type Bind = (command: Command, action: Action) => () => Promise<void>

export function addProgramCommands(program: Command, bind: Bind): void {
  const add = (
    parent: Command,
    words: string,
    summary: string,
    action: (command: Command, context: CommandContext) => Promise<number>,
  ): Command => {
    const command = parent.command(words).description(summary)
    return command.action(() => bind(command, (context) => action(command, context))())
  }
  add(program, 'demo', 'Load the samples, calculate them and print the figures.', async (_, context) =>
    runDemo(context),
  )
  addServing(program, add)
  addMcp(program, add)
  addMigrationCommands(program, add)
  addTenants(program, add)
  addKeyCommands(program, add)
  add(
    program,
    'doctor',
    'Examine the installation and the database; each failed check says its fix.',
    async (_, context) => doctor(context),
  )
  add(program, 'explain <code>', 'Say what an error code means and what to do.', async (command, context) =>
    explain(context, command.args[0]!),
  )
  add(program, 'config', 'Show each setting with its origin.', async (_, context) => config(context))
  add(
    program,
    'completion <shell>',
    'Print a completion script for bash, zsh or fish.',
    async (command, context) => {
      context.print(completionScript(program, command.args[0]!))
      return 0
    },
  )
}

export type Add = (
  parent: Command,
  words: string,
  summary: string,
  action: (command: Command, context: CommandContext) => Promise<number>,
) => Command

function addServing(program: Command, add: Add): void {
  const start = add(program, 'start', 'The demo, then serve on this machine.', async (_, context) => {
    await runDemo(context)
    return serve(context)
  })
  const alone = add(
    program,
    'serve',
    'Serve every operation and the reference page over HTTP.',
    async (_, context) => serve(context),
  )
  for (const command of [start, alone]) {
    command
      .addOption(new Option('--host <host>', 'Address to listen on; this machine only by default.'))
      .addOption(new Option('--port <port>', 'Port to listen on.'))
      .addOption(new Option('--auth <how>', 'Who may ask: none (this machine only), keys or jwt.'))
      .addOption(new Option('--hosts <names>', 'Host names that are answered with a login, with commas.'))
      .addOption(new Option('--jwks <url|file>', "Keys of the tokens' issuer."))
      .addOption(new Option('--issuer <text>', 'Who issues the tokens.'))
      .addOption(new Option('--audience <text>', 'Whom the tokens are for: this server.'))
      .addOption(new Option('--files <dir>', 'Directory of files that a use case sent over HTTP may name.'))
      .addOption(new Option('--max-upload <mib>', 'Size of a file that is sent, in MiB, at most.'))
      .addOption(
        new Option(
          '--rate-limit <requests>',
          'Requests of one principal a minute, at most; 0 for any number.',
        ),
      )
      .addOption(new Option('--verbose', 'A line for every request on stderr.'))
  }
}

function addMcp(program: Command, add: Add): void {
  add(
    program,
    'mcp',
    'Serve tools by the Model Context Protocol, over stdin and stdout or over HTTP on this machine.',
    async (command, context) => {
      const { serveMcp } = await import('../mcp/serve.js')
      const { http, allowWrites, marts } = command.opts<{
        http?: boolean
        allowWrites?: boolean
        marts?: string
      }>()
      const options = {
        http: http === true,
        allowsWrites: allowWrites === true,
        marts: resolve(context.environment.directory, marts ?? '.'),
      }
      return context.withSession((session) => serveMcp(context, session, options))
    },
  )
    .addOption(new Option('--http', 'Streamable HTTP at /mcp instead of stdin and stdout.'))
    .addOption(new Option('--host <host>', 'Address to listen on; it must be of this machine.'))
    .addOption(new Option('--port <port>', 'Port to listen on.'))
    .addOption(new Option('--marts <dir>', 'Folder of the mart configurations; the current one by default.'))
    .addOption(new Option('--allow-writes', 'Let tools that write do so.'))
}

function addTenants(program: Command, add: Add): void {
  const tenants = program.command('tenants').description('Tenants: whose data it is.')
  add(tenants, 'list', 'List the tenants.', async (_, context) =>
    context.withSession(async ({ books }) => {
      printTable(context, 'tenants', {
        columns: columnsOf('text name', 'text tenant_id'),
        rows: (await listTenants(books)).map((tenant) => ({ ...tenant })),
      })
      return 0
    }),
  )
  add(tenants, 'create <name>', 'Add a tenant.', async (command, context) =>
    context.withSession(async ({ books }) => {
      const tenant = { tenant_id: context.environment.newId() as TenantId, name: command.args[0]! }
      await createTenant(books, tenant)
      printTable(context, 'tenants', { columns: columnsOf('text name', 'text tenant_id'), rows: [tenant] })
      return 0
    }),
  )
}

async function doctor(context: CommandContext): Promise<number> {
  const checks = await examine(context)
  const ok = checks.every((check) => check.ok)
  if (context.options.json === true) context.print(`${JSON.stringify({ ok, checks }, null, 2)}\n`)
  else {
    const { style } = context
    for (const check of checks) {
      context.print(`${check.ok ? style.green('✓') : style.red('✗')} ${check.name}: ${check.detail}\n`)
      if (!check.ok) context.print(`    ${style.dim('→')} ${check.fix}\n`)
    }
  }
  return ok ? 0 : 1
}

async function explain({ options, print }: CommandContext, text: string): Promise<number> {
  const code = text.toUpperCase()
  if (!(code in ERRORS)) refuse('TIE-1004', { code: text, suggestion: didYouMean(code, Object.keys(ERRORS)) })
  const row = ERRORS[code as ErrorCode]
  if (options.json === true) print(`${JSON.stringify({ code, ...row }, null, 2)}\n`)
  else
    print(
      `${code}  (exit ${row.exit}, HTTP ${row.status})\n\n${row.message}\n\nWhat to do: ${row.remedy.replace(' {suggestion}', '')}\n`,
    )
  return 0
}

async function config(context: CommandContext): Promise<number> {
  const rows = SETTING_NAMES.map((setting) => {
    const { value, origin } = context.settings[setting]
    return { setting, value: withoutPassword(value), origin }
  })
  printTable(context, 'settings', { columns: columnsOf('text setting', 'text value', 'text origin'), rows })
  return 0
}

async function serve(context: CommandContext): Promise<number> {
  const { serveHttp } = await import('../http/serve.js')
  return context.withSession(async (session) => serveHttp(context, session))
}
