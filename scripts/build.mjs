// Compiles src/ to dist/, adds what the compiler does not, the SQL migrations, and writes the help texts.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
rmSync('dist', { recursive: true, force: true })
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
cpSync('src/books/sql', 'dist/books/sql', { recursive: true })
chmodSync('dist/cli.js', 0o755)
const { processEnvironment } = await import('../dist/app.js')
const { buildProgram, helpTexts } = await import('../dist/surfaces/cli/command-line.js')
const program = buildProgram(processEnvironment(new AbortController().signal), () => async () => {})
writeFileSync('dist/help.json', JSON.stringify(helpTexts(program)))
