/**
 * The command line: a fold over the catalogue of operations, and the commands that are about the program
 * itself. Data goes to stdout, everything else to stderr; the exit code says how it ended.
 */

import { Command, CommanderError, Option } from 'commander'
import { problem, Refusal } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Context, Operation } from '../../books/operation.js'
import { CATALOGUE } from '../catalogue.js'
import type { Environment } from '../environment.js'
import { openSession, type Session } from '../session.js'
import { resolveSettings, SETTING_NAMES, type Settings } from '../settings.js'
import { addOptions, inputOf } from './options.js'
import { isPaged, printAllPages } from './pages.js'
import { PRESENTATIONS } from './present.js'
import { problemDocument, refusalText } from './problems.js'
import { addProgramCommands, PROGRAM_COMMANDS } from './program-commands.js'
import { makeProgress } from './progress.js'
import { COLOURED, PLAIN, type Style } from './style.js'
import { csv, ndjson, textTable } from './table.js'

export interface GlobalOptions extends SettingFlags {
  readonly config?: string
  readonly json?: boolean
  readonly format?: 'table' | 'csv' | 'json' | 'ndjson'
  readonly debug?: boolean
  readonly quiet?: boolean
  /** A line for every request that is served. */
  readonly verbose?: boolean
}

/** Settings that a command's flags give, as commander names them: `max_upload` is maxUpload. */
type SettingFlags = Readonly<Record<string, unknown>>

/** What a command's action gets besides its own input. */
export interface CommandContext {
  readonly environment: Environment
  readonly options: GlobalOptions
  readonly settings: Settings
  /** For what goes to stdout. */
  readonly style: Style
  /** Opens the books, runs `work`, closes them again. */
  withSession<T>(work: (session: Session) => Promise<T>): Promise<T>
  print(text: string): void
  note(text: string): void
}

export type Action = (context: CommandContext) => Promise<number>

/** Runs the command and returns the exit code. */
export async function runCommandLine(environment: Environment, argv: readonly string[]): Promise<number> {
  let exit = 0
  let given: GlobalOptions = {}
  const program = buildProgram(environment, (command, action) => async () => {
    given = command.optsWithGlobals<GlobalOptions>()
    exit = await action(await commandContext(environment, given, nameOf(command)))
  })
  try {
    await program.parseAsync(versionAsked(argv) ? ['-V'] : [...argv], { from: 'user' })
    return exit
  } catch (error) {
    return report(environment, error, { json: argv.includes('--json'), debug: argv.includes('--debug') })
  }
}

/** Commands of lots have a --version of their own, so that the program's is not known behind a command. */
const versionAsked = (argv: readonly string[]): boolean =>
  argv.includes('--version') && argv.every((word) => word.startsWith('-'))

type Bind = (command: Command, action: Action) => () => Promise<void>

/** Exported so that the reference pages are made from the very commands. */
export function buildProgram(environment: Environment, bind: Bind): Command {
  const program = new Command('tieout')
    .description('Turns immutable financial facts into versioned numbers that tie out.')
    .version(environment.version, '-V', 'Print the version; so does --version before any command.')
    .helpOption('-h, --help', 'Show help.')
    .addOption(new Option('--db <dir|url>', 'Directory of an embedded database, or a postgres:// URL.'))
    .addOption(new Option('--tenant <name>', 'Whose data it is.'))
    .addOption(new Option('--user <name>', 'Who asks, as runs and imports record it.'))
    .addOption(new Option('--config <file>', 'Settings file instead of tieout.yaml.'))
    .addOption(new Option('--json', 'One JSON document on stdout; amounts are decimal strings.'))
    .addOption(
      new Option('--format <format>', 'How rows come out.').choices(['table', 'csv', 'json', 'ndjson']),
    )
    .addOption(new Option('--quiet', 'No progress and no notes.'))
    .addOption(new Option('--debug', 'Stack traces with errors.'))
    .showHelpAfterError(false)
    // The same text on every terminal, so that the build can write it.
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .configureOutput({ writeOut: (text) => environment.stdout.write(text), writeErr: () => undefined })
    .exitOverride()
  for (const operation of CATALOGUE) addOperation(program, operation, bind)
  addProgramCommands(program, bind)
  return program
}

/** What `--help` prints, by the words before it. */
export function helpTexts(program: Command, words: readonly string[] = []): Record<string, string> {
  const under = program.commands.map((command) => helpTexts(command, [...words, command.name()]))
  return Object.assign({ [words.join(' ')]: program.helpInformation() }, ...under)
}

function addOperation(program: Command, operation: Operation, bind: Bind): void {
  const words = operation.name.split(' ')
  const parent = words
    .slice(0, -1)
    .reduce((above, word) => above.commands.find((c) => c.name() === word) ?? group(above, word), program)
  const command = parent.command(words.at(-1)!).description(operation.summary)
  addOptions(command, operation)
  if (isPaged(operation)) command.option('--all', 'Every page, as CSV or NDJSON.')
  if (operation.effect === 'purge') command.addOption(new Option('--yes', 'Do it.'))
  command.action(async () => bind(command, (context) => runOperation(context, operation, command))())
}

const GROUPS: Readonly<Record<string, string>> = {
  structures: 'Hierarchies: import, list, show.',
  facts: 'Facts: import files, list tables.',
  'use-cases': 'Reports over a structure and a fact source: apply, export, list, show.',
  rules: 'The rules of a use case: list, add, replace, remove, preview.',
  adjustments: 'Corrections of facts before the roll-up: add, list.',
  runs: 'Calculations: create, list, show, results, adjustments, explain, facts, compare, verify.',
  export: 'Evidence to take away: sealed bundles of runs.',
  lots: 'Which buy each sell used, and what it earned: compute, validate, publish, explain, compare, report.',
  attribution: 'Revenue divided over channels: models, and what they make of counted paths.',
  mart: 'Warehouse marts of a hierarchy and its mapping: run, generate, validate.',
  review: 'What computations of lots could not settle: list, show, assign, resolve, dismiss.',
}

const group = (above: Command, word: string): Command => above.command(word).description(GROUPS[word] ?? word)

async function runOperation(
  context: CommandContext,
  operation: Operation,
  command: Command,
): Promise<number> {
  const given = command.opts()
  if (operation.effect === 'purge' && given.yes !== true)
    throw new Refusal([problem('TIE-1008', { command: `tieout ${operation.name}` })])
  const input = await inputOf(operation, command.processedArgs, given)
  if (isPaged(operation) && given.all === true)
    return printAllPages(context, operation, input as Readonly<Record<string, unknown>>, given)
  const output = !asksBooks(operation, input)
    ? await operation.run(withoutBooks(context), input as never)
    : await context.withSession(async ({ context: operationContext }) =>
        operation.run(operationContext, input as never),
      )
  const parsed = operation.output.parse(output)
  show(context, operation.name, parsed)
  return operation.violated?.(parsed as never) === true ? 1 : 0
}

function asksBooks({ books }: Operation, input: unknown): boolean {
  if (books === undefined || books === 'none') return books === undefined
  return (input as Readonly<Record<string, unknown>>)[books.onlyWith] !== undefined
}

/** The context of operations that ask nothing of the books. */
const withoutBooks = ({ environment, settings }: CommandContext): Context => ({
  get books(): never {
    throw new Error('the operation says that it asks nothing of the books')
  },
  get tenant(): never {
    throw new Error('an operation without books has no tenant')
  },
  who: settings.user.value,
  engineVersion: environment.version,
  now: environment.now,
  newId: environment.newId,
  elapsed: environment.elapsed,
  progress: { report: () => undefined },
  signal: environment.signal,
})

function show(context: CommandContext, name: string, output: unknown): void {
  context.print(shown(context, name, output))
}

function shown({ options, style }: CommandContext, name: string, output: unknown): string {
  const { rows, text } = PRESENTATIONS[name] ?? {}
  const whole = `${JSON.stringify(output, null, 2)}\n`
  const format = options.format ?? 'table'
  if (options.json === true) return whole
  if (format === 'table') {
    if (text !== undefined) return `${text(output as never, style)}\n`
    return rows === undefined ? whole : `${textTable(rows(output as never))}\n`
  }
  if (rows === undefined) {
    const detail = `${name} has no rows to print as ${format}; --json gives all of it.`
    throw new Refusal([problem('TIE-1002', { command: name, detail })])
  }
  const table = rows(output as never)
  if (format === 'csv') return csv(table)
  return format === 'ndjson' ? ndjson(table) : `${JSON.stringify(table.rows, null, 2)}\n`
}

function nameOf(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent != null; at = at.parent) names.unshift(at.name())
  return `tieout ${names.join(' ')}`
}

async function commandContext(
  environment: Environment,
  options: GlobalOptions,
  name: string,
): Promise<CommandContext> {
  const flags = Object.fromEntries(
    [...SETTING_NAMES, 'config'].flatMap((setting) => {
      const value = options[setting.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())]
      return typeof value === 'string' ? [[setting, value]] : []
    }),
  )
  const settings = await resolveSettings({
    flags,
    environment: environment.variables,
    directory: environment.directory,
  })
  const note = (text: string): void => {
    if (options.quiet !== true) environment.stderr.write(`${text}\n`)
  }
  return {
    environment,
    options,
    settings,
    style: styleOf(environment, environment.stdout.isTerminal),
    print: (text) => environment.stdout.write(text),
    note,
    async withSession(work) {
      const silent = { isTerminal: false, write: () => undefined }
      const progress = makeProgress({
        ...(options.quiet === true ? silent : outputOf(environment)),
        elapsed: environment.elapsed,
      })
      const session = await openSession(environment, settings, name, progress)
      try {
        for (const run of session.orphans)
          note(`Run ${run} is marked FAILED: the process that made it ended.`)
        return await work(session)
      } finally {
        progress.end()
        await session.close()
      }
    },
  }
}

const outputOf = ({ stderr }: Environment) => ({
  isTerminal: stderr.isTerminal,
  write: (text: string) => stderr.write(text),
})

function styleOf({ variables }: Environment, isTerminal: boolean): Style {
  return isTerminal && (variables.NO_COLOR ?? '') === '' ? COLOURED : PLAIN
}

function report(
  environment: Environment,
  error: unknown,
  { json, debug }: { readonly json: boolean; readonly debug: boolean },
): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const refusal = refusalOf(error, environment)
  const style = styleOf(environment, environment.stderr.isTerminal)
  environment.stderr.write(
    json ? `${JSON.stringify(problemDocument(refusal), null, 2)}\n` : refusalText(refusal, style),
  )
  if (debug) environment.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return refusal.exit
}

function refusalOf(error: unknown, environment: Environment): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof CommanderError) return usageRefusal(error)
  if (environment.signal.aborted) return new Refusal([problem('TIE-2504', {})])
  return new Refusal([
    problem('TIE-9001', { detail: error instanceof Error ? error.message : String(error) }),
  ])
}

function usageRefusal(error: CommanderError): Refusal {
  const unknown = /unknown command '(.*?)'/.exec(error.message)?.[1]
  if (unknown !== undefined) {
    const names = [...CATALOGUE.map(({ name }) => name), ...PROGRAM_COMMANDS]
    return new Refusal([
      problem('TIE-1001', {
        command: unknown,
        suggestion: didYouMean(
          unknown,
          names.flatMap((name) => [name, ...name.split(' ')]),
        ),
      }),
    ])
  }
  if (error.code === 'commander.help')
    return new Refusal([problem('TIE-1002', { command: '', detail: 'A command is needed.' })])
  return new Refusal([
    problem('TIE-1002', {
      command: '',
      detail: error.message.replace(/^error: /, '').replace(/^./, (letter) => letter.toUpperCase()),
    }),
  ])
}
