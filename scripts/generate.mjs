// Writes the reference pages from the product itself: commands, errors, the schema and the OpenAPI document. With --check it
// writes nothing and fails when a committed page differs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processEnvironment } from '../dist/app.js'
import { ERRORS } from '../dist/base/errors.js'
import { migrateUp } from '../dist/books/migrate.js'
import { openPglite } from '../dist/books/pglite.js'
import { dumpSchema } from '../dist/books/schema-dump.js'
import { CATALOGUE } from '../dist/surfaces/catalogue.js'
import { buildProgram } from '../dist/surfaces/cli/command-line.js'
import { openApiOf } from '../dist/surfaces/http/openapi.js'
import { routesOf } from '../dist/surfaces/http/routes.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const GENERATED = '<!-- Made by npm run generate. -->'

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function errorsPage() {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, exit, message, remedy }]) =>
      `| \`${code}\` | ${exit} | ${status} | ${cell(message)} | ${cell(remedy.replace(/ ?\{suggestion\}/, ''))} |`,
  )
  return `# Errors

${GENERATED}

A refusal names its code, where it is in the input, and what to do. \`tieout explain CODE\` prints the row. All problems
of one input are told at once, and nothing is stored. Words in braces are filled in.

Exit codes: 0 done · 1 done, with violations or findings at error level · 2 usage or configuration · 3 not found or
conflict · 4 input refused · 5 permission · 70 internal · 130 interrupted.

| Code | Exit | HTTP | What happened | What to do |
|---|---|---|---|---|
${rows.join('\n')}
`
}

/** The help of every command, at a fixed width, without the options that all share. */
function commandsPage() {
  const program = buildProgram(processEnvironment(new AbortController().signal), () => async () => {})
  const sections = []
  const shared = program.options.map((option) => `- \`${option.flags}\`: ${option.description}`)
  const visit = (command, path) => {
    if (command.commands.length === 0) sections.push(section(command, path))
    for (const child of command.commands) visit(child, [...path, child.name()])
  }
  visit(program, ['tieout'])
  return `# Commands

${GENERATED}

Data goes to stdout, progress and messages to stderr. Every command takes:

${shared.join('\n')}

${sections.join('\n')}`
}

function section(command, path) {
  const operation = CATALOGUE.find(({ name }) => name === path.slice(1).join(' '))
  const usage = [
    ...path,
    ...command.registeredArguments.map((a) => (a.required ? `<${a.name()}>` : `[${a.name()}]`)),
    ...(command.options.length > 0 ? ['[options]'] : []),
  ]
  const lines = [
    ...command.registeredArguments.map((a) => `- \`${a.name()}\`: ${a.description}`),
    ...command.options.map(
      (o) =>
        `- \`${o.flags}\`${o.mandatory ? ' (required)' : ''}: ${o.description}${o.argChoices ? ` One of ${o.argChoices.join(', ')}.` : ''}${o.defaultValueDescription ? ` Default: ${o.defaultValueDescription}.` : ''}`,
    ),
  ]
  const errors =
    operation === undefined || operation.errors.length === 0
      ? []
      : [`Refusals of its own: ${operation.errors.join(', ')}.`]
  return [
    `## ${path.join(' ')}\n`,
    `${command.description()}\n`,
    `    ${usage.join(' ')}\n`,
    ...(lines.length > 0 ? [`${lines.join('\n')}\n`] : []),
    ...errors.map((e) => `${e}\n`),
  ].join('\n')
}

async function schemaPage() {
  const books = await openPglite({ directory: 'memory://', command: 'generate' })
  try {
    return await books.maintain(async (session) => {
      await migrateUp(session)
      return dumpSchema(session)
    })
  } finally {
    await books.close()
  }
}

function openApiPage() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return `${JSON.stringify(openApiOf(routesOf(CATALOGUE), version), null, 2)}\n`
}

const pages = {
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/commands.md': commandsPage(),
  'docs/reference/schema.txt': await schemaPage(),
  'docs/reference/openapi.json': openApiPage(),
}

const check = process.argv.includes('--check')
let stale = 0
for (const [file, content] of Object.entries(pages)) {
  const path = join(root, file)
  if (existsSync(path) && readFileSync(path, 'utf8') === content) continue
  stale += 1
  if (check) console.error(`${file} is not what npm run generate makes`)
  else {
    writeFileSync(path, content)
    console.log(`wrote ${file}`)
  }
}
process.exitCode = check && stale > 0 ? 1 : 0
