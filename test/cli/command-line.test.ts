import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERRORS } from '#tieout/base/errors'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import {
  type CliDatabase,
  cliDatabase,
  type Ended,
  EXAMPLES,
  type Folder,
  makeFolder,
  REPOSITORY,
  runCli,
  runHere,
} from '../support/cli.js'

let folder: Folder
let database: CliDatabase
let run: CliDatabase['run']
let demo: Ended
let runs: readonly { readonly id: string; readonly use_case: string }[]
const runOf = (useCase: string): string => runs.find(({ use_case }) => use_case === useCase)!.id
beforeAll(async () => {
  folder = makeFolder()
  database = await cliDatabase(folder)
  run = database.run
  // Quiet: on a busy machine the demo takes long enough to say how far it is.
  demo = await run('demo', '--quiet')
  runs = JSON.parse((await run('runs', 'list', '--json')).stdout).runs
})
afterAll(async () => {
  await database?.drop()
  folder.remove()
})

const ESCAPE = '\u001b'
const isOneDocument = (text: string): boolean => {
  JSON.parse(text)
  return text.endsWith('\n')
}

const inProcess = (
  argv: readonly string[],
  variables: Record<string, string> = {},
  directory = folder.path,
) => runHere(argv, variables, directory)

describe('demo', () => {
  test('prints trees, tie-out, findings and next commands, and ends with 0', () => {
    expect(demo).toMatchObject({ exit: 0, stderr: '' })
    for (const text of [
      'America Trading P&L · 2025-12-24',
      'Project Sterling · 2025-12-24',
      'Cash Equity Trading · 2025-12-24',
      '├─ TRADING (CE_TRADING)',
      '✓ ACTUAL daily: Σ facts 107,467.60 = root natural 107,467.60',
      '! RULE_MATCHES_NOTHING  Rule 6 on CE_FACIL',
      "Did you mean strategy = 'FACILITATION'?",
      '! RULE_SKIPPED  Rule 3 on LE_UK',
      'balance_sheet · a warehouse mart',
      '│  ├─ Cash ',
      '✓ DuckDB = PostgreSQL = evaluator: 1,564 cells, 0 differences; 8 of 8 checks hold.',
      '! FACTS_IN_NO_NODE  1 fact of the segment belongs to no node',
      '✓ Every natural figure equals an independent SQL roll-up of the facts.',
      'Try next',
      `tieout runs list --db ${database.db}`,
    ])
      expect(demo.stdout).toContain(text)
    expect(demo.stdout).not.toContain(ESCAPE)
  })

  test('a second time it changes nothing but adds runs of the same figures', { tags: ['long'] }, async () => {
    const again = await run('demo')
    expect(again.exit).toBe(0)
    const trees = (text: string) => text.split('\n').filter((line) => /^(sha256:|[ │├└])/.test(line))
    expect(trees(again.stdout).filter((line) => !line.includes('tieout '))).toEqual(
      trees(demo.stdout).filter((line) => !line.includes('tieout ')),
    )
    const after = JSON.parse((await run('runs', 'list', '--json')).stdout).runs
    expect(after).toHaveLength(runs.length + 3)
    const { tables } = JSON.parse((await run('facts', 'tables', '--json')).stdout)
    expect(tables.map(({ rows }: { rows: number }) => rows)).toEqual([401, 1000, 600])
  })
})

describe('output', () => {
  test('--json is one document on stdout for every command that reads, nothing on stderr', async () => {
    const { id } = runs[0]!
    const commands = [
      ['runs', 'show', id],
      ['runs', 'verify', id],
      ['structures', 'show', 'CASH_EQUITY'],
      ['verify-hybrid-engine'],
      ['config'],
      ['explain', 'TIE-2101'],
    ]
    for (const command of commands) {
      const { exit, stdout, stderr } = await run(...command, '--json')
      expect([command, exit, stderr]).toEqual([command, 0, ''])
      expect(isOneDocument(stdout)).toBe(true)
      expect(stdout).not.toContain(ESCAPE)
    }
    await database.release()
    const { exit, stdout } = await run('migrate', 'status', '--json')
    expect([exit, isOneDocument(stdout)]).toEqual([0, true])
  })

  test('results as CSV: the header that other programs rely on, CRLF, and a row per cell', async () => {
    const id = runOf('Cash Equity Trading')
    const of = async (...more: string[]) => (await run('runs', 'results', id.slice(0, 13), ...more)).stdout
    const text = await of('--format', 'csv')
    const lines = text.split('\r\n')
    expect(lines[0]).toBe(
      'node_id,parent_node_id,node_name,depth,is_leaf,measure,scenario,natural,direct,adjusted,plug,fact_count,rule',
    )
    expect(lines.at(-1)).toBe('')
    expect(lines).toHaveLength(12 * 3 * 2 + 2)
    expect(lines[1]).toBe(
      'CE,,Cash Equity Trading,0,false,daily,ACTUAL,107467.60,0.00,22730.25,84737.35,300,',
    )
    const ndjson = (await of('--format', 'ndjson', '--measure', 'trade', '--scenario', 'PRIOR'))
      .trimEnd()
      .split('\n')
    expect(ndjson).toHaveLength(12)
    for (const line of ndjson) expect(JSON.parse(line)).toMatchObject({ measure: 'trade', scenario: 'PRIOR' })
  })

  test('a result with no rows to print says so', async () => {
    const out = await run('use-cases', 'export', 'Project Sterling', '--format', 'csv')
    expect(out).toMatchObject({ exit: 2, stdout: '' })
    expect(out.stderr).toContain('TIE-1002')
  })

  test('an error with --json is a problem document on stderr, and stdout is empty', async () => {
    const out = await run('runs', 'show', 'ffffffff', '--json')
    expect(out).toMatchObject({ exit: 3, stdout: '' })
    expect(JSON.parse(out.stderr)).toMatchObject({
      type: 'urn:tieout:error:TIE-1103',
      status: 404,
      code: 'TIE-1103',
      problems: [{ code: 'TIE-1103' }],
    })
  })

  test('demo --json is one document as well', { tags: ['long'] }, async () => {
    const { exit, stdout } = await run('demo', '--json')
    expect(exit).toBe(0)
    expect(isOneDocument(stdout)).toBe(true)
  })
})

describe('exit codes', () => {
  test.each<[number, string, string[]]>([
    [0, '', ['--help']],
    [0, '', ['runs', '--help']],
    [0, '', ['--version']],
    [2, 'TIE-1001', ['demmo']],
    [2, 'TIE-1001', ['runs', 'creat']],
    [2, 'TIE-1002', ['runs']],
    [2, 'TIE-1002', ['runs', 'list', '--frmat', 'csv']],
    [2, 'TIE-1002', ['runs', 'list', '--format', 'xml']],
    [2, 'TIE-1002', ['runs', 'create']],
    [2, 'TIE-1002', ['runs', 'create', '--use-case', 'X', '--date', '2025-12-24', '--policy', 'best']],
    [2, 'TIE-1002', ['runs', 'list', '--limit', 'many']],
    [2, 'TIE-1002', ['runs', 'show']],
    [2, 'TIE-1002', ['completion', 'powershell']],
    [2, 'TIE-1004', ['explain', 'TIE-9999']],
    [2, 'TIE-1006', ['--db', 'mysql://h/d', 'runs', 'list']],
    [2, 'TIE-1005', ['--config', 'nowhere.yaml', 'config']],
    [2, 'TIE-1301', ['--db', 'postgres://u:secret@127.0.0.1:1/d', 'runs', 'list']],
  ])('%d %s: %j', async (exit, code, argv) => {
    const out = await inProcess(argv)
    expect(out.exit).toBe(exit)
    if (exit === 0) expect(out).toMatchObject({ stderr: '' })
    else {
      expect(out.stdout).toBe('')
      expect(out.stderr).toContain(code)
      expect(out.stderr).toContain('→')
    }
    expect(out.stderr).not.toContain('secret')
  })

  test.each<[number, string, string[]]>([
    [3, 'TIE-1103', ['runs', 'results', 'no-such-run']],
    [2, 'TIE-1008', ['use-cases', 'purge', 'Cash Equity Trading']],
    [2, 'TIE-1002', ['rules', 'set', 'Cash Equity Trading', '--rules', '[{node: ']],
    [2, 'TIE-1005', ['rules', 'set', 'Cash Equity Trading', '--rules', '@nowhere.yaml']],
    [4, 'TIE-2306', ['rules', 'set', 'Cash Equity Trading', '--rules', '[{node: NODE_99, formula: "1"}]']],
    [3, 'TIE-1105', ['--tenant', 'nobody', 'runs', 'list']],
    [4, 'TIE-2411', ['facts', 'import', join(EXAMPLES, 'cash-equity', 'facts.csv'), '--table', 'Fact']],
  ])('%d %s: %j', async (exit, code, argv) => {
    const out = await run(...argv)
    expect(out).toMatchObject({ exit, stdout: '' })
    expect(out.stderr).toContain(code)
    expect(out.stderr).toContain('→')
    expect(out.stderr).not.toMatch(/\n\s+at /)
  })

  test('a division by zero is an empty cell and a finding, and the run is there: 0', async () => {
    const yaml = folder.write(
      'zero.yaml',
      `use_case: Zero
structure: CASH_EQUITY
source: {table: fact_pnl_use_case_3, date: pnl_date, scenario: scenario}
measures: {daily: pnl_daily}
drivers: [{nodes: leaves, column: strategy, value: node_name}]
rules: [{node: CE_ETF, formula: "CE_SWAPS / (CE_SWAPS - CE_SWAPS)"}]
`,
    )
    expect((await run('use-cases', 'apply', yaml)).exit).toBe(0)
    const create = ['runs', 'create', '--use-case', 'Zero', '--date', '2025-12-24', '--json']
    const out = await run(...create)
    expect(out.exit).toBe(0)
    const { run_id, status, findings } = JSON.parse(out.stdout)
    expect(status).toBe('COMPLETED')
    expect(findings.map(({ code }: { code: string }) => code)).toContain('DIVISION_BY_ZERO')
    const results = await run('runs', 'results', run_id, '--format', 'csv')
    expect(results.stdout).toMatch(/\r\nCE_ETF,CE,ETF,1,true,daily,ACTUAL,3292.45,3292.45,,,34,/)
  })

  test('suggestions', async () => {
    expect((await inProcess(['runs', 'creat'])).stderr).toContain('Did you mean "create"')
    expect((await inProcess(['strutures', 'list'])).stderr).toContain('structures')
    expect((await inProcess(['runs', 'list', '--limt', '3'])).stderr).toContain('--limit')
    expect((await inProcess(['runs', 'list', '--format', 'xml'])).stderr).toContain(
      'table, csv, json, ndjson',
    )
    expect((await inProcess(['explain', 'TIE-2110'])).stderr).toContain('TIE-2101')
  })

  // Commands about the program itself are not in the catalogue.
  test.each(['demmo', 'doctr', 'serv', 'migrte'])('%s has a suggestion too', async (word) => {
    expect((await inProcess([word])).stderr).toContain('Did you mean')
  })

  test('a beginning of a run id is enough, five characters are not; a stack comes only with --debug', async () => {
    const { id } = runs[0]!
    const shown = await run('runs', 'show', id.slice(0, 8).toUpperCase(), '--json')
    expect(JSON.parse(shown.stdout).id).toBe(id)
    const short = await run('runs', 'show', id.slice(0, 5), '--debug')
    expect(short.exit).toBe(3)
    expect(short.stderr).toMatch(/\n\s+at /)
  })
})

describe('explain', () => {
  test('every code is explained, as text and as JSON', { tags: ['long'] }, async () => {
    for (const code of Object.keys(ERRORS)) {
      const text = await inProcess(['explain', code.toLowerCase()])
      expect(text).toMatchObject({ exit: 0, stderr: '' })
      expect(text.stdout).toContain(code)
      expect(text.stdout).toContain('What to do: ')
      const json = await inProcess(['explain', code, '--json'])
      expect(JSON.parse(json.stdout)).toMatchObject({
        code,
        remedy: expect.any(String),
        exit: expect.any(Number),
      })
    }
  })
})

describe('settings', () => {
  const origins = async (argv: string[], variables: Record<string, string>, directory: string) => {
    const out = await inProcess(['config', '--json', ...argv], variables, directory)
    expect(out.exit).toBe(0)
    const { settings } = JSON.parse(out.stdout)
    return Object.fromEntries(
      settings.map(({ setting, value, origin }: Record<string, string>) => [setting, [value, origin]]),
    )
  }

  test('flag before environment before tieout.yaml before default', async () => {
    const place = makeFolder()
    try {
      expect(await origins([], {}, place.path)).toMatchObject({
        db: [join(place.path, '.tieout', 'db'), 'default'],
        tenant: ['default', 'default'],
        host: ['127.0.0.1', 'default'],
        port: ['4173', 'default'],
        frames: [join(place.path, '.tieout', 'db.frames'), 'default'],
      })
      place.write('tieout.yaml', 'db: from-file\ntenant: from-file\nport: 5000\n')
      expect(await origins([], {}, place.path)).toMatchObject({
        db: ['from-file', 'tieout.yaml'],
        port: ['5000', 'tieout.yaml'],
      })
      const environment = { DATABASE_URL: 'postgres://u:secret@h/d', TIEOUT_TENANT: 'from-env', USER: 'me' }
      expect(await origins([], environment, place.path)).toMatchObject({
        db: ['postgres://u:***@h/d', 'DATABASE_URL'],
        tenant: ['from-env', 'TIEOUT_TENANT'],
        user: ['me', 'USER'],
        port: ['5000', 'tieout.yaml'],
      })
      // Of a server in the cache, under a name that does not tell the password.
      const cached = { ...environment, XDG_CACHE_HOME: '/cache' }
      const inCache = expect.stringMatching(/^\/cache\/tieout\/frames\/[0-9a-f]{16}$/)
      expect(await origins([], cached, place.path)).toMatchObject({ frames: [inCache, 'default'] })
      expect((await origins([], cached, place.path)).frames).toEqual(
        (await origins([], { ...cached, DATABASE_URL: 'postgres://u:other@h/d' }, place.path)).frames,
      )
      expect(await origins(['--db', 'memory://'], {}, place.path)).toMatchObject({
        frames: ['none', 'default'],
      })
      expect(await origins(['--db', 'data/'], { TIEOUT_FRAMES: 'none' }, place.path)).toMatchObject({
        frames: ['none', 'TIEOUT_FRAMES'],
      })
      expect(await origins(['--db', 'data/'], {}, place.path)).toMatchObject({
        frames: ['data.frames', 'default'],
      })
      expect(await origins([], { ...environment, TIEOUT_DB: 'x' }, place.path)).toMatchObject({
        db: ['x', 'TIEOUT_DB'],
      })
      expect(await origins(['--db', 'y', '--tenant', 't'], environment, place.path)).toMatchObject({
        db: ['y', '--db'],
        tenant: ['t', '--tenant'],
      })
    } finally {
      place.remove()
    }
  })

  test.each([
    ['db: [', 'TIE-1003'],
    ['- a', 'TIE-1003'],
    ['databse: x', 'TIE-1003'],
  ])('a file with %j is refused', async (content, code) => {
    const place = makeFolder()
    try {
      place.write('tieout.yaml', content)
      const out = await inProcess(['config'], {}, place.path)
      expect(out).toMatchObject({ exit: 2, stdout: '' })
      expect(out.stderr).toContain(code)
    } finally {
      place.remove()
    }
  })
})

test('completion scripts are valid, and bash completes from them', async () => {
  const bash = await run('completion', 'bash')
  expect(bash.exit).toBe(0)
  const script = folder.write('tieout.bash', bash.stdout)
  execFileSync('bash', ['-n', script])
  const ask = (...words: string[]) =>
    execFileSync('bash', [
      '-c',
      `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _tieout; echo "\${COMPREPLY[@]}"`,
    ])
      .toString()
      .trim()
      .split(' ')
  expect(ask('tieout', 'st')).toEqual(expect.arrayContaining(['structures', 'start']))
  expect(ask('tieout', 'runs', 'cr')).toEqual(['create'])
  expect(ask('tieout', 'runs', 'create', '--us')).toEqual(expect.arrayContaining(['--use-case']))
  const zsh = await inProcess(['completion', 'zsh'])
  expect(zsh.stdout).toContain('bashcompinit')
  const fish = await inProcess(['completion', 'fish'])
  expect(fish.stdout).toMatch(/^(complete -c tieout -n '[^']*' -a '[^']*'\n)+$/)
})

test('a use case that is exported and applied is unchanged', async () => {
  for (const name of ['Cash Equity Trading']) {
    const text = await run('use-cases', 'export', name)
    const file = folder.write('export.yaml', text.stdout)
    const applied = await run('use-cases', 'apply', file, '--json')
    expect(JSON.parse(applied.stdout)).toMatchObject({ use_case: name, changed: false, version: 1 })
  }
})

test('the same file of facts again: 0 new; a dry run of another stores nothing', async () => {
  const file = join(EXAMPLES, 'cash-equity', 'facts.csv')
  const again = await run('facts', 'import', file, '--table', 'fact_pnl_use_case_3')
  expect(again).toMatchObject({ exit: 0, stderr: '' })
  expect(again.stdout).toContain('0 new, 600 same, 0 refused')
  const other = join(folder.path, 'other.csv')
  writeFileSync(other, `${readFileSync(file, 'utf8')}`.split('\n').slice(0, 3).join('\n'))
  const dry = await run('facts', 'import', other, '--table', 'fact_pnl_use_case_3', '--dry-run', '--json')
  expect(JSON.parse(dry.stdout)).toMatchObject({ new: 2, same: 0, dry_run: true })
  const after = await run('facts', 'import', other, '--table', 'fact_pnl_use_case_3', '--dry-run', '--json')
  expect(JSON.parse(after.stdout)).toMatchObject({ new: 2, same: 0 })
})

test.each([[], ['runs'], ['runs', 'create'], ['facts', 'import']])(
  'help that the build has written is the help of the program: %j',
  async (...words) => {
    const written = await runCli([...words, '--help'], { env: { FORCE_COLOR: '1' } })
    expect(written).toMatchObject({ exit: 0, stderr: '' })
    expect(written.stdout).not.toContain(ESCAPE)
    expect(written.stdout).toBe((await inProcess([...words, '--help'])).stdout)
  },
)

test('a reader that has seen enough is no error', () => {
  const script = `set -o pipefail; '${process.execPath}' '${REPOSITORY}/dist/cli.js' completion bash | head -n 1`
  expect(execFileSync('bash', ['-c', script]).toString()).toContain('_tieout()')
})

// `triggered_by` is varchar(100).
test('a user name of more than 100 characters is refused or kept', async () => {
  const out = await run(
    '--user',
    'u'.repeat(150),
    'runs',
    'create',
    '--use-case',
    'Project Sterling',
    '--date',
    '2025-12-24',
  )
  expect([0, 2]).toContain(out.exit)
})

test('1 when stored figures were tampered with, by both verifications', { tags: ['long'] }, async () => {
  // The independent roll-up looks at the newest run, which the second demo has made.
  const list = await run('runs', 'list', '--use-case', 'Project Sterling', '--json')
  const [{ id }] = JSON.parse(list.stdout).runs
  await database.release()
  const books = await openBooks({ db: database.db, command: 'test', migrate: 'never' })
  await books.transaction(DEFAULT_TENANT, (tx) =>
    tx.asOwner(async () => {
      await tx.execute('ALTER TABLE fact_calculated_results DISABLE TRIGGER USER')
      await tx.execute(
        `UPDATE fact_calculated_results SET "natural" = "natural" + 1, adjusted = adjusted + 1
          WHERE calculation_run_id = $1 AND node_id = 'LE_UK' AND measure = 'daily'`,
        [id],
      )
      await tx.execute('ALTER TABLE fact_calculated_results ENABLE TRIGGER USER')
    }),
  )
  await books.close()
  const verified = await run('runs', 'verify', id)
  expect(verified).toMatchObject({ exit: 1, stderr: '' })
  expect(verified.stdout).toContain('does not verify')
  const hybrid = await run('verify-hybrid-engine', '--use-case', 'Project Sterling')
  expect(hybrid.exit).toBe(1)
  expect(hybrid.stdout).toMatch(/✗ Project Sterling .* % match/)
  expect(hybrid.stdout).toContain('LE_UK daily ACTUAL: stored')
})
