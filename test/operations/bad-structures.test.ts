import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { sharedTestBooks, type TestBooks } from '../support/books.js'
import {
  codes,
  contextOf,
  type Folder,
  makeFolder,
  perform,
  refusedAndNothingStored,
} from '../support/cli.js'

let db: TestBooks
let context: Context
let folder: Folder
beforeAll(async () => {
  folder = makeFolder()
  db = await sharedTestBooks()
  context = contextOf(db.books, db.tenant)
})
afterAll(async () => {
  await db?.close()
  folder.remove()
})

const HEADER = 'node_id,parent_node_id,node_name\n'
let made = 0
const importing = (content: string | Uint8Array, more: object = {}) => {
  const file = folder.write(`structure${++made}.csv`, content)
  return perform(context, 'structures import', { name: `S${made}`, file, ...more })
}
const refused = (content: string | Uint8Array) => refusedAndNothingStored(db.books, () => importing(content))

test('every problem of a structure is told at once, each with file, line and remedy', async () => {
  const problems = await refused(
    `${HEADER}R,,Root\nR2,,Root two\nA,B,Alpha\nB,C,Beta\nC,A,Gamma\nX,R,x\nX,R,y\nUNASSIGNED,R,u\n,R,empty\n`,
  )
  expect(problems.map(({ code, place }) => [code, place?.line])).toEqual([
    ['TIE-2102', 3],
    ['TIE-2101', 8],
    ['TIE-2106', 9],
    ['TIE-2105', 10],
    ['TIE-2103', 6],
  ])
  const path = folder.path
  for (const { place } of problems) expect(place?.file).toBe(`${path}/structure${made}.csv`)
  expect(problems[0]!.message).toBe('Two roots: "R" and "R2" have no parent.')
  expect(problems[1]!.message).toBe('Node "X" is defined twice (first in line 7).')
})

test('a cycle is told by the names of its nodes', async () => {
  const [cycle, ...rest] = await refused(`${HEADER}R,,Root\nA,C,Alpha\nB,A,Beta\nC,B,Gamma\n`)
  expect(rest).toEqual([])
  expect(cycle!.code).toBe('TIE-2103')
  for (const label of ['Alpha (A)', 'Beta (B)', 'Gamma (C)']) expect(cycle!.message).toContain(label)
})

test('two cycles are two problems, a node that is its own parent is one', async () => {
  expect(codes(await refused(`${HEADER}R,,R\nA,B,A\nB,A,B\nC,D,C\nD,C,D\n`))).toEqual([
    'TIE-2103',
    'TIE-2103',
  ])
  expect(codes(await refused(`${HEADER}R,,R\nA,A,A\n`))).toEqual(['TIE-2103'])
})

test.each<[string, string, string[]]>([
  ['no root', `${HEADER}A,B,A\nB,C,B\n`, ['TIE-2104']],
  ['an empty file', '', ['TIE-2410']],
  ['only a byte order mark', '\ufeff', ['TIE-2410']],
  ['only a header', HEADER, ['TIE-2104']],
  ['a row that is too long', `${HEADER}R,,R,x\n`, ['TIE-2401']],
  ['a row that is too short', `${HEADER}R,,R\nA\n`, ['TIE-2401']],
  ['an unknown column', 'node_id,parent_node_id,node_name,colour\nR,,R,red\n', ['TIE-2404']],
  ['a missing column', 'node_id,node_name\nR,R\n', ['TIE-2405']],
  ['a column named twice', 'node_id,parent_node_id,node_name,node_id\nR,,R,R\n', ['TIE-2406']],
  [
    'a wrong value source',
    'node_id,parent_node_id,node_name,rollup_driver,rollup_value_source\nR,,R,cc,node_nme\n',
    ['TIE-2107'],
  ],
  ['NUL', `${HEADER}R,,"a\0b"\n`, ['TIE-2413']],
  ['an open quote', `${HEADER}R,,"Root\n`, ['TIE-2412']],
])('%s is refused', async (_, content, expected) => {
  const problems = await refused(content)
  expect(codes(problems).slice(0, expected.length)).toEqual(expected)
  expect(problems[0]!.place?.line).toBeGreaterThanOrEqual(1)
})

test('bytes that are not UTF-8 are refused', async () => {
  const problems = await refused(Buffer.concat([Buffer.from(`${HEADER}R,,Caf`), Buffer.from([0xe9, 0x0a])]))
  expect(problems[0]).toMatchObject({ code: 'TIE-2413', place: { line: 2 } })
})

test('a file that is not there and a directory are told as such', async () => {
  for (const file of [`${folder.path}/none.csv`, folder.path]) {
    const [problem] = await refusedAndNothingStored(db.books, () =>
      perform(context, 'structures import', { name: 'S', file }),
    )
    expect(problem).toMatchObject({ code: 'TIE-1005', message: expect.stringContaining(file) })
  }
})

test('a file of more than a hundred problems is not listed without end', async () => {
  const rows = Array.from({ length: 300 }, (_, i) => `N${i}\n`).join('')
  const problems = await refused(`${HEADER}${rows}`)
  expect(problems).toHaveLength(101)
  expect(problems.at(-1)).toMatchObject({ code: 'TIE-2415', message: expect.stringContaining('200') })
})

describe('what looks odd and is right', () => {
  test('a byte order mark, CRLF, quotes and blank lines', async () => {
    const out = await importing(
      '\ufeffnode_id,parent_node_id,node_name\r\nR,,"Root, ""the"" one"\r\n\r\nA,R,A\r\n',
    )
    expect(out).toMatchObject({ nodes: 2, refused: 0 })
    const { nodes } = await perform(context, 'structures show', { name: out.structure })
    expect(nodes[0]).toMatchObject({ node_id: 'R', node_name: 'Root, "the" one', is_leaf: false })
  })

  test('unknown columns with ignore_columns, in any place', async () => {
    const out = await importing('colour,node_id,parent_node_id,node_name\nred,R,,R\nblue,A,R,A\n', {
      ignore_columns: true,
    })
    expect(out).toMatchObject({ nodes: 2, new: 2 })
  })

  test('a chain of 20,000 nodes', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `N${i},${i === 0 ? '' : `N${i - 1}`},n\n`).join('')
    expect(await importing(`${HEADER}${rows}`, { dry_run: true })).toMatchObject({ nodes: 20_000 })
  })

  test('a name of a megabyte', async () => {
    const out = await importing(`${HEADER}R,,${'x'.repeat(1 << 20)}\n`)
    const { nodes } = await perform(context, 'structures show', { name: out.structure })
    expect(nodes[0].node_name).toHaveLength(1 << 20)
  })

  test('an orphan is a finding, not a refusal', async () => {
    const out = await importing(`${HEADER}R,,R\nA,GONE,Alpha\nB,A,Beta\n`)
    expect(
      out.findings.map(({ code, node_id }: { code: string; node_id: string }) => [code, node_id]),
    ).toEqual([
      ['NODE_ORPHANED', 'A'],
      ['NODE_ORPHANED', 'B'],
    ])
  })
})

test('a dry run counts and stores nothing', async () => {
  const one = `${HEADER}R,,R\nA,R,A\nB,R,B\n`
  const file = folder.write('dry.csv', one)
  await perform(context, 'structures import', { name: 'DRY', file })
  const changed = folder.write('dry2.csv', `${HEADER}R,,R\nA,R,Other\nC,R,C\n`)
  const out = await perform(context, 'structures import', { name: 'DRY', file: changed, dry_run: true })
  expect(out).toMatchObject({ version: 2, new: 1, same: 1, changed: 1, removed: 1, dry_run: true })
  expect(await perform(context, 'structures show', { name: 'DRY' })).toMatchObject({ version: 1 })
})

describe('at the edges', () => {
  test('a node id of 3,000 random characters is refused with its line', async () => {
    let id = ''
    while (id.length < 3000) id += crypto.randomUUID()
    await refused(`${HEADER}R,,R\n${id},R,x\n`)
  })

  test('a structure name with NUL is refused', async () => {
    const file = folder.write('nul.csv', `${HEADER}R,,R\n`)
    await refusedAndNothingStored(db.books, () =>
      perform(context, 'structures import', { name: 'a\0b', file }),
    )
  })

  test('a version that no structure can have is not found', async () => {
    await perform(context, 'structures import', { name: 'V', file: folder.write('v.csv', `${HEADER}R,,R\n`) })
    await refusedAndNothingStored(db.books, () =>
      perform(context, 'structures show', { name: 'V', structure_version: 2 ** 40 }),
    )
  })
})
