import { afterAll, describe, expect, test } from 'vitest'
import { type CsvRecord, readCsv } from '#tieout/engines/csv'
import { type ExpectedColumns, readCsvTable, type TableRow } from '#tieout/engines/csv-table'
import { testFiles } from '../support/files.js'
import { refusalOf, said } from '../support/refusals.js'

const files = testFiles()
afterAll(() => files.remove())

async function records(content: string | Uint8Array): Promise<CsvRecord[]> {
  const all: CsvRecord[] = []
  for await (const batch of readCsv(files.write('records.csv', content))) all.push(...batch)
  return all
}

/** Each record as its line and fields. */
const check = async (content: string, expected: readonly (readonly [number, ...string[]])[]): Promise<void> =>
  expect((await records(content)).map(({ line, fields }) => [line, ...fields])).toEqual(expected)

describe('records with the lines on which they begin', () => {
  test.each<[string, string, [number, ...string[]][]]>([
    [
      'LF',
      'a,b\n1,2\n3,4\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
        [3, '3', '4'],
      ],
    ],
    [
      'CRLF',
      'a,b\r\n1,2\r\n3,4\r\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
        [3, '3', '4'],
      ],
    ],
    [
      'CR',
      'a,b\r1,2\r',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'no newline at the end',
      'a,b\n1,2',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'a byte order mark',
      '\ufeffa,b\n1,2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'a byte order mark and a quote',
      '\ufeff"a",b\n1,2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'quotes, commas and doubled quotes',
      'a,b\n"1,5","say ""hi"""\n',
      [
        [1, 'a', 'b'],
        [2, '1,5', 'say "hi"'],
      ],
    ],
    [
      'embedded newlines',
      'a,b\n1,"x\ny\nz"\n2,w\n',
      [
        [1, 'a', 'b'],
        [2, '1', 'x\ny\nz'],
        [5, '2', 'w'],
      ],
    ],
    [
      'an embedded newline in the last record',
      'a,b\n1,"x\ny"',
      [
        [1, 'a', 'b'],
        [2, '1', 'x\ny'],
      ],
    ],
    [
      'an embedded newline in the header',
      '"a\nb",c\n1,2\n',
      [
        [1, 'a\nb', 'c'],
        [3, '1', '2'],
      ],
    ],
    [
      'empty lines',
      'a,b\n\n1,2\n\n\n3,4\n',
      [
        [1, 'a', 'b'],
        [3, '1', '2'],
        [6, '3', '4'],
      ],
    ],
    [
      'too many and too few fields',
      'a,b\n1,2,3\n4\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2', '3'],
        [3, '4'],
      ],
    ],
    [
      'blanks are kept',
      'a,b\n 1 ,  \n',
      [
        [1, 'a', 'b'],
        [2, ' 1 ', '  '],
      ],
    ],
    [
      'empty fields',
      'a,b\n,""\n',
      [
        [1, 'a', 'b'],
        [2, '', ''],
      ],
    ],
    [
      'other scripts',
      'a,b\nZürich,日本🦄\n',
      [
        [1, 'a', 'b'],
        [2, 'Zürich', '日本🦄'],
      ],
    ],
  ])('%s', (_, content, expected) => check(content, expected))

  test('embedded CRLFs', () =>
    check('a,b\r\n1,"x\r\ny"\r\n2,w\r\n', [
      [1, 'a', 'b'],
      [2, '1', 'x\r\ny'],
      [4, '2', 'w'],
    ]))

  test('a header with LF over rows with CRLF', () =>
    check('a,b\n1,x\r\n2,y\r\n', [
      [1, 'a', 'b'],
      [2, '1', 'x'],
      [3, '2', 'y'],
    ]))
  test('a header with CRLF over rows with LF', () =>
    check('a,b\r\n1,x\n2,y\n', [
      [1, 'a', 'b'],
      [2, '1', 'x'],
      [3, '2', 'y'],
    ]))

  test('more than one batch, no record lost', async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => `${i},"x"`)
    const found = await records(`a,b\n${rows.join('\n')}\n`)
    expect(found).toHaveLength(10_001)
    expect(found.at(-1)).toEqual({ line: 10_001, fields: ['9999', 'x'] })
  })

  test('a field of a million characters', async () => {
    const [, record] = await records(`a\n"${'x\n'.repeat(500_000)}"\n`)
    expect(record!.fields[0]).toHaveLength(1_000_000)
    expect(record!.line).toBe(2)
  })
})

describe('files that are no CSV', () => {
  test.each([
    ['nothing', '', /^TIE-2410@1 /],
    ['empty lines only', '\n\n', /^TIE-2410@1 /],
    ['a byte order mark only', '\ufeff', /^TIE-2410@1 /],
    ['a quote that is not closed', 'a,b\n1,"x\n2,y\n', /^TIE-2412@\d /],
    ['text after a closing quote', 'a,b\n1,"x"y\n', /^TIE-2412@2 /],
  ])('%s', async (_, content, expected) => {
    const problems = await refusalOf(() => records(content))
    expect(problems.map(said)).toEqual([expect.stringMatching(expected)])
  })

  test('a quote inside a field that does not begin with one', async () => {
    const problems = await refusalOf(() => records('a,b\n1,x"y\n'))
    expect(problems.map(said)).toEqual([expect.stringMatching(/^TIE-2412@2 /)])
  })

  test.each([['missing.csv'], ['.']])('%s cannot be opened', async (name) => {
    const work = async (): Promise<void> => {
      for await (const _ of readCsv(files.path(name)));
    }
    expect((await refusalOf(work)).map(({ code }) => code)).toEqual(['TIE-1005'])
  })
})

describe('a CSV against the columns expected of it', () => {
  const EXPECTED: ExpectedColumns = {
    required: ['node_id', 'node_name'],
    optional: ['driver'],
    ignoreUnknown: false,
  }
  const table = (content: string | Uint8Array, expected = EXPECTED): Promise<readonly TableRow[]> =>
    readCsvTable(files.write('table.csv', content), expected)

  test('rows by column; an empty field is a null; the order of columns is free', async () => {
    expect(await table('driver,node_name,node_id\n,"Rates",N1\ncc_id,,N2\n')).toEqual([
      { line: 2, values: { driver: null, node_name: 'Rates', node_id: 'N1' } },
      { line: 3, values: { driver: 'cc_id', node_name: null, node_id: 'N2' } },
    ])
  })

  test('unknown columns are left out when that is asked', async () => {
    expect(await table('node_id,x,node_name\nN1,9,Rates\n', { ...EXPECTED, ignoreUnknown: true })).toEqual([
      { line: 2, values: { node_id: 'N1', node_name: 'Rates' } },
    ])
  })

  test.each<[string, string | Uint8Array, string[]]>([
    ['an unknown column', 'node_id,node_name,drivr\n', ['TIE-2404@1 Unknown column "drivr".']],
    ['a missing column', 'node_id\nN1\n', ['TIE-2405@1 The column "node_name" is missing.']],
    ['a column twice', 'node_id,node_name,node_id\n', ['TIE-2406@1 The header names "node_id" twice.']],
    [
      'a column without a name',
      'node_id,node_name,\n',
      ['TIE-2406@1 The header names "" as column 3, which is empty.', 'TIE-2404@1 Unknown column "".'],
    ],
    [
      'rows of other lengths, each with its line',
      'node_id,node_name\nN1\nN2,"x\ny"\nN3,x,y\n',
      [
        'TIE-2401@2 The row has 1 fields; the header has 2.',
        'TIE-2401@5 The row has 3 fields; the header has 2.',
      ],
    ],
    [
      'a NUL',
      'node_id,node_name\nN1,a\0b\n',
      ['TIE-2413@2 Column "node_name" holds a NUL character, which cannot be stored.'],
    ],
    [
      'Latin-1',
      Buffer.from('node_id,node_name\nN1,Z\xfcrich\n', 'latin1'),
      ['TIE-2413@2 Column "node_name" holds bytes that are not UTF-8, which cannot be stored.'],
    ],
    [
      'all of it at once',
      'node_id,nod_name\nN1\n',
      [
        'TIE-2404@1 Unknown column "nod_name".',
        'TIE-2405@1 The column "node_name" is missing.',
        'TIE-2401@2 The row has 1 fields; the header has 2.',
      ],
    ],
  ])('%s', async (_, content, expected) => {
    expect((await refusalOf(() => table(content))).map(said)).toEqual(expected)
  })

  test('a suggestion, and the file, go with a problem', async () => {
    const [problem] = await refusalOf(() => table('node_id,node_name,drivr\n'))
    expect(problem!.remedy).toContain('Did you mean "driver"?')
    expect(problem!.place).toEqual({ file: files.path('table.csv'), line: 1 })
  })

  test('a hundred problems are told, the rest is counted', async () => {
    const problems = await refusalOf(() => table(`node_id,node_name\n${'N1\n'.repeat(130)}`))
    expect(problems).toHaveLength(101)
    expect(said(problems.at(-1)!)).toBe('TIE-2415 30 further problems of this file are not listed.')
  })
})
