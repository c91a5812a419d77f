#!/usr/bin/env node
import { readFileSync } from 'node:fs'

/**
 * Help as the build has written it, when nothing else is asked for: to make it here takes the whole catalogue,
 * which is slower to load than the answer is to read. Undefined in a checkout that was compiled without it.
 */
function writtenHelp(argv: readonly string[]): string | undefined {
  const words = argv.slice(0, -1)
  if (!['-h', '--help'].includes(argv.at(-1) ?? '') || words.some((word) => word.startsWith('-'))) return
  try {
    const written = JSON.parse(readFileSync(new URL('./help.json', import.meta.url), 'utf8')) as object
    return new Map<string, string>(Object.entries(written)).get(words.join(' '))
  } catch {
    return
  }
}

const argv = process.argv.slice(2)
const help = writtenHelp(argv)
if (help === undefined) {
  const { main } = await import('./app.js')
  await main(argv)
} else {
  process.stdout.write(help)
}
