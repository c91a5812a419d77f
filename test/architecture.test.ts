/**
 * The import table of the design and its house rules, read from the text of src: imports point downward only,
 * one place reads the environment, the clock and randomness, modules stay small.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

interface Module {
  /** Within src: `rollup/kernel.ts`. */
  readonly path: string
  readonly text: string
  /** Without comments; text literals stay. */
  readonly code: string
  readonly lines: number
}

const MODULES: readonly Module[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .sort()
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8')
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
    return { path: path.replaceAll('\\', '/'), text, code, lines: text.trimEnd().split('\n').length }
  })

/** Modules of src that a module imports, types and dynamic imports included. */
function importsOf({ path, code }: Module): string[] {
  const names = code.matchAll(/(?:\bfrom|\bimport\(?|\bimport)\s*['"](\.[^'"]+|#tieout\/[^'"]+)['"]/g)
  return [...names].map(([, name]) =>
    name!.startsWith('#')
      ? `${name!.slice('#tieout/'.length)}.ts`
      : normalize(join(dirname(path), name!)).replace(/\.js$/, '.ts'),
  )
}

const DOMAINS = ['rollup', 'lots', 'attribution', 'mart']
/** What a folder's modules may import beside each other. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  books: ['base'],
  engines: ['base', 'books'],
  ...Object.fromEntries(DOMAINS.map((domain) => [domain, ['base', 'books', 'engines']])),
  surfaces: ['base', 'books', 'engines', ...DOMAINS],
  'app.ts': ['base', 'books', 'engines', ...DOMAINS, 'surfaces'],
  'cli.ts': ['app.ts'],
}
const folderOf = (path: string): string => path.split('/')[0]!

describe('imports point downward', () => {
  test.each([...new Set(MODULES.map(({ path }) => folderOf(path)))])('%s', (folder) => {
    const allowed = MAY_IMPORT[folder]
    expect(allowed, `${folder} is not in the import table`).toBeDefined()
    const wrong = MODULES.filter(({ path }) => folderOf(path) === folder).flatMap((module) =>
      importsOf(module)
        .filter((target) => folderOf(target) !== folder && !allowed!.includes(folderOf(target)))
        .map((target) => `${module.path} → ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('every import is found where it says', () => {
    const known = new Set(MODULES.map(({ path }) => path))
    const lost = MODULES.flatMap((module) =>
      importsOf(module)
        .filter((target) => !known.has(target) && !target.endsWith('.json'))
        .map((target) => `${module.path} → ${target}`),
    )
    expect(lost).toEqual([])
  })

  test('a pure core does not reach up to its store or operations', () => {
    const wrong = MODULES.filter(({ path }) => /^(?:rollup\/language|base)\//.test(path)).flatMap((module) =>
      importsOf(module).filter((target) => /\/(?:store|operations)\//.test(target)),
    )
    expect(wrong).toEqual([])
  })

  test('the pure core of lots knows nothing but base', () => {
    const wrong = MODULES.filter(({ path }) => /^lots\/[^/]+$/.test(path)).flatMap((module) =>
      importsOf(module)
        .filter((target) => !/^(?:base\/[^/]+|lots\/[^/]+)$/.test(target))
        .map((target) => `${module.path} → ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('the pure core of attribution knows nothing but base', () => {
    const wrong = MODULES.filter(({ path }) => /^attribution\/[^/]+$/.test(path)).flatMap((module) =>
      importsOf(module)
        .filter((target) => !/^(?:base\/[^/]+|attribution\/[^/]+)$/.test(target))
        .map((target) => `${module.path} → ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('the proof of lots shares no matching with the engine', () => {
    const engine = /^lots\/(?:match|pools|lot|lot-queue|order|symbol-state|allocation-builder|compute)\.ts$/
    const wrong = MODULES.filter(({ path }) => /^lots\/proof/.test(path)).flatMap((module) =>
      importsOf(module).filter((target) => engine.test(target)),
    )
    expect(wrong).toEqual([])
  })

  test('the table finds an import that points upward', () => {
    const module = {
      path: 'base/x.ts',
      code: "import { a } from '../rollup/kernel.js'\nimport('./y.js')",
      text: '',
      lines: 1,
    }
    expect(importsOf(module)).toEqual(['rollup/kernel.ts', 'base/y.ts'])
  })
})

/** Where the world outside is read, and why it may be there; a new place fails until it is argued here. */
const READS: readonly (readonly [module: string, what: string, reason: string])[] = [
  ['app.ts', 'process.env', 'the composition root reads the environment'],
  ['app.ts', 'new Date()', 'the composition root reads the clock'],
  ['app.ts', 'randomUUID', 'the composition root makes ids and secrets'],
  ['app.ts', 'performance.now', 'the composition root measures time'],
  ['books/pglite.ts', 'process.env', 'the directory of the compiled-module cache follows XDG_CACHE_HOME'],
  [
    'books/pglite.ts',
    'new Date()',
    'the lock says since when the directory is held; no figure depends on it',
  ],
  ['engines/frame-directory.ts', 'randomUUID', 'two processes must not write one draft of a frame'],
  ['books/lock.ts', 'randomUUID', 'a token tells two holders of one process apart, and names the draft file'],
]

test('the environment, the clock and randomness are read in the places listed, and nowhere else', () => {
  const kinds: Readonly<Record<string, RegExp>> = {
    'process.env': /\bprocess\.env\b|\benv\b[^}]*\}\s*=\s*process\b/,
    'Date.now': /\bDate\.now\b/,
    'new Date()': /\bnew Date\(\s*\)/,
    randomUUID: /\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/,
    'Math.random': /\bMath\.random\b/,
    'performance.now': /\bperformance\.now\b|\bhrtime\b/,
  }
  const found = MODULES.flatMap(({ path, code }) =>
    Object.entries(kinds).flatMap(([what, pattern]) => (pattern.test(code) ? [`${path}: ${what}`] : [])),
  )
  expect(found.sort()).toEqual(READS.map(([module, what]) => `${module}: ${what}`).sort())
})

describe('style', () => {
  const offenders = (pattern: RegExp): string[] =>
    MODULES.filter(({ code }) => pattern.test(code)).map(({ path }) => path)

  test('no default exports', () => expect(offenders(/^\s*export default\b|\bas default\b/m)).toEqual([]))
  test('no enums', () => expect(offenders(/^\s*(?:export )?(?:declare )?(?:const )?enum\s/m)).toEqual([]))
  test('no module named utils', () =>
    expect(
      MODULES.filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|misc|common)(?:\.ts|\/)/.test(path)),
    ).toEqual([]))
  // cli.ts is its #! line and a call.
  test('every module says why it exists', () => {
    const silent = MODULES.filter(({ path, text }) => path !== 'cli.ts' && !text.startsWith('/**'))
    expect(silent.map(({ path }) => path)).toEqual([])
  })

  test('the largest module has at most 550 lines, the median at most 200', () => {
    const sizes = MODULES.map(({ lines }) => lines).sort((a, b) => a - b)
    expect(MODULES.filter(({ lines }) => lines > 550).map(({ path, lines }) => `${path} ${lines}`)).toEqual(
      [],
    )
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(200)
  })
})

test('the modules were found', () => {
  expect(MODULES.length).toBeGreaterThan(50)
  expect(relative(SRC, join(SRC, 'app.ts'))).toBe('app.ts')
})
