/** Facts of lots come in as a user brings them: files through operations, on the embedded books or a server. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Context } from '#tieout/books/operation'
import { newTenant, openTestBooks, type TestBooks } from '../support/books.js'
import {
  contextOf,
  type Folder,
  makeFolder,
  type Output,
  perform,
  refusedAndNothingStored,
} from '../support/cli.js'
import { said } from '../support/refusals.js'

let db: TestBooks
let folder: Folder
let context: Context
beforeAll(async () => {
  db = await openTestBooks()
  folder = makeFolder()
})
beforeEach(async () => {
  context = contextOf(db.books, await newTenant(db.books))
})
afterAll(async () => {
  folder?.remove()
  await db?.close()
})

const HEADER = 'order_id,symbol,side,size,price,fee,executed_at'
const AT = '2025-01-01T00:00:00Z'
const row = (id: string, more = `BTC-USD,buy,1,100,0,${AT}`): string => `${id},${more}`
const csv = (...rows: readonly string[]): string => [HEADER, ...rows, ''].join('\n')

let files = 0
const importText = (text: string | Uint8Array, more: object = {}, extension = 'csv'): Promise<Output> => {
  files += 1
  return perform(context, 'trades import', { file: folder.write(`f${files}.${extension}`, text), ...more })
}
const refused = async (text: string | Uint8Array, more: object = {}, extension = 'csv'): Promise<string[]> =>
  (await refusedAndNothingStored(db.books, () => importText(text, more, extension))).map(said)
const trades = async (): Promise<Output[]> => (await perform(context, 'trades list')).trades

describe('trades', () => {
  test('come in exactly as they are written, and a second time not at all', async () => {
    const text = csv(
      row('b1', `BTC-USD,buy,0.50,30000,0.0752,${AT}`),
      row('b2', 'BTC-USD,Buy,1e-7,+31000.,,2025-01-02T01:00:00.123456789+01:00'),
      row('s1', 'BTC-USD,sell,12345678901234567890.123456789012345678,0,-0.10,2025-01-03 00:00Z'),
    )
    expect(await importText(text)).toMatchObject({ new: 3, same: 0, refused: 0, table: 'trade_records' })
    const found = await trades()
    expect(found.map(({ size, price, fee }) => [size, price, fee])).toEqual([
      ['0.5', '30000', '0.0752'],
      ['0.0000001', '31000', '0'],
      ['12345678901234567890.123456789012345678', '0', '-0.1'],
    ])
    expect(found.map(({ executed_at }) => executed_at)).toEqual([
      '2025-01-01T00:00:00Z',
      '2025-01-02T00:00:00.123456789Z',
      '2025-01-03T00:00:00Z',
    ])
    expect(await importText(text)).toMatchObject({ new: 0, same: 3, refused: 0, import_id: null })
    // The same content, written otherwise, beside one that is new.
    const again = csv(row('b1', `BTC-USD,buy,.5,3e4,0.07520,2025-01-01T01:00+01:00`), row('b3'))
    expect(await importText(again)).toMatchObject({ new: 1, same: 1 })
    expect((await trades()).map(({ order_id }) => order_id)).toEqual(['b1', 'b2', 's1', 'b3'])
  })

  test('of one file twice count once', async () => {
    expect(await importText(csv(row('a'), row('b'), row('a')))).toMatchObject({ new: 2, same: 1 })
  })

  test('all columns are kept, with the file, the line and the record', async () => {
    const header = `${HEADER},placed_at,account,strategy,fee_currency,venue_sequence,lot_ids,bracket,replaces,parent_id,pnl_usd`
    const record = `s1,BTC-USD,sell,1,2,3,${AT},${AT},"Main, 1",core,BTC,007,b1;b2,k1,,b9,-1.50`
    await importText([header, record].join('\n'))
    const { trade, origin } = await perform(context, 'trades show', { order_id: 's1' })
    expect(trade).toMatchObject({
      placed_at: AT,
      account: 'Main, 1',
      strategy: 'core',
      fee_currency: 'BTC',
      venue_sequence: '7',
      lot_ids: ['b1', 'b2'],
      bracket: 'k1',
      parent_id: 'b9',
      pnl_usd: '-1.5',
      replaces: null,
      replaced_by: null,
    })
    expect(origin).toMatchObject({ line: 2, payload: record, imported_by: 'tester' })
    expect(origin.header.join(',')).toBe(header)
    const missing = perform(context, 'trades show', { order_id: 's2' })
    await expect(missing).rejects.toMatchObject({
      code: 'TIE-3153',
      problems: [{ remedy: expect.stringContaining('"s1"') }],
    })
  })

  test('as NDJSON have their numbers as written', async () => {
    const lines = [
      `{"order_id":"n1","symbol":"ETH-USD","side":"buy","size":1e-7,"price":0.10,"fee":null,"executed_at":"${AT}","lot_ids":["x","y"]}`,
      '',
      `{"executed_at":"${AT}","order_id":12345678901234567890,"symbol":"\\u00c9","side":"sell","size":"0.30","price":9007199254740993.1,"fee":-0}`,
    ]
    expect(await importText(lines.join('\r\n'), {}, 'ndjson')).toMatchObject({ new: 2 })
    expect(await trades()).toMatchObject([
      { order_id: 'n1', size: '0.0000001', price: '0.1', fee: '0', lot_ids: ['x', 'y'] },
      { order_id: '12345678901234567890', symbol: 'É', size: '0.3', price: '9007199254740993.1', fee: '0' },
    ])
    const { origin } = await perform(context, 'trades show', { order_id: 'n1' })
    expect(origin).toMatchObject({ header: null, payload: lines[0], line: 1 })
  })

  test('without a zone take the one that is said', async () => {
    const local = csv(row('a', 'X,buy,1,1,0,2025-07-01T09:00:00'), row('b', `X,buy,1,1,0,${AT}`))
    expect(await refused(local)).toEqual([
      'TIE-3105@2 "2025-07-01T09:00:00" in column "executed_at" says no time zone.',
    ])
    await importText(local, { timezone: '-05:00' })
    expect((await trades()).map(({ executed_at }) => executed_at)).toEqual(['2025-07-01T14:00:00Z', AT])
    const unknown = importText(local, { timezone: 'Europe/Berlim' })
    await expect(unknown).rejects.toMatchObject({
      code: 'TIE-3152',
      problems: [{ remedy: expect.stringContaining('Did you mean "Europe/Berlin"') }],
    })
  })

  test('are read by the clocks of a named zone, with every time it skips or shows twice', async () => {
    const times = [
      '2025-07-01T09:00:00',
      '2025-03-09T02:30:00',
      '2025-11-02T01:30:00',
      '2025-11-02T01:30:00-05:00',
    ]
    const local = csv(...times.map((time, i) => row(`z${i}`, `X,buy,1,1,0,${time}`)))
    const zone = { timezone: 'America/New_York' }
    expect(await refused(local, zone)).toEqual([
      'TIE-3114@3 "2025-03-09T02:30:00" in column "executed_at" is a time that the clocks of America/New_York skip.',
      'TIE-3115@4 "2025-11-02T01:30:00" in column "executed_at" is a time that the clocks of America/New_York show twice.',
    ])
    expect(await trades()).toEqual([])
    expect(
      await importText(csv(row('z0', `X,buy,1,1,0,${times[0]}`), row('z3', `X,buy,1,1,0,${times[3]}`)), zone),
    ).toMatchObject({ new: 2 })
    expect((await trades()).map(({ executed_at }) => executed_at)).toEqual([
      '2025-07-01T13:00:00Z',
      '2025-11-02T06:30:00Z',
    ])
  })

  test.each([
    ['splits', 'id,symbol,ratio,at', 'p1,X,2:1,'],
    ['transfers', 'id,symbol,size,from_account,to_account,at', 't1,X,1,A,B,'],
    ['balances', 'id,account,symbol,size,at', 'a1,A,X,1,'],
  ])('%s too are read by the clocks of a named zone', async (kind, header, begin) => {
    const importAt = (time: string) => {
      const file = folder.write(`${kind}.csv`, `${header}\n${begin}${time}\n`)
      return perform(context, `${kind} import`, { file, timezone: 'Europe/Berlin' })
    }
    await expect(importAt('2025-03-30T02:30:00')).rejects.toMatchObject({
      problems: [{ code: 'TIE-3114', place: { line: 2 } }],
    })
    await expect(importAt('2025-10-26T02:30:00')).rejects.toMatchObject({
      problems: [{ code: 'TIE-3115', place: { line: 2 } }],
    })
    expect(await importAt('2025-07-01T12:00:00')).toMatchObject({ new: 1 })
    // The same instant by its offset is the same row.
    expect(await importAt('2025-07-01T12:00:00+02:00')).toMatchObject({ new: 0, same: 1 })
  })

  test('in a dry run are counted and not kept', async () => {
    expect(await importText(csv(row('a')), { dry_run: true })).toMatchObject({ new: 1, dry_run: true })
    expect(await trades()).toEqual([])
    expect(await refused(csv(row('a', 'X,buy,x,1,0,')), { dry_run: true })).toHaveLength(2)
  })

  test('are listed by page and filter', async () => {
    await importText(csv(row('a'), row('b', `ETH-USD,sell,1,1,0,${AT}`), row('c'), row('d')))
    const page = await perform(context, 'trades list', { symbol: 'BTC-USD', limit: 2 })
    expect(page.trades.map((each: Output) => each.order_id)).toEqual(['a', 'c'])
    const next = { symbol: 'BTC-USD', limit: 2, cursor: page.next_cursor }
    expect(await perform(context, 'trades list', next)).toMatchObject({
      trades: [{ order_id: 'd' }],
      next_cursor: null,
    })
    await expect(perform(context, 'trades list', { ...next, side: 'buy' })).rejects.toMatchObject({
      code: 'TIE-1605',
    })
    expect((await perform(context, 'trades list', { side: 'sell' })).trades).toMatchObject([
      { order_id: 'b' },
    ])
  })

  test('imported twice at once are there once, numbered without a gap', async () => {
    const text = csv(row('a'), row('b'))
    const [one, two] = await Promise.all([importText(text), importText(text)])
    expect([one.new + two.new, one.same + two.same]).toEqual([2, 2])
    expect((await trades()).map(({ trade_seq }) => trade_seq)).toEqual([1, 2])
  })

  test('of two tenants do not meet', async () => {
    await importText(csv(row('a')))
    const other = contextOf(db.books, await newTenant(db.books))
    expect(
      await perform(other, 'trades import', {
        file: folder.write('o.csv', csv(row('a', `X,sell,2,2,2,${AT}`))),
      }),
    ).toMatchObject({ new: 1 })
    expect((await perform(other, 'trades list')).trades).toMatchObject([{ symbol: 'X', trade_seq: 1 }])
  })
})

describe('corrections and cancellations', () => {
  const WITH = `${HEADER},replaces`
  const correction = (...rows: readonly string[]): string => [WITH, ...rows, ''].join('\n')

  test('stand beside what they replace', async () => {
    await importText(csv(row('a'), row('b')))
    const text = correction(row('a2', `BTC-USD,buy,2,100,0,${AT},a`), 'x,,,,,,,b')
    expect(await importText(text)).toMatchObject({ new: 2 })
    expect(await importText(text)).toMatchObject({ new: 0, same: 2 })
    expect(await trades()).toMatchObject([
      { order_id: 'a', replaced_by: 'a2' },
      { order_id: 'b', replaced_by: 'x' },
      { order_id: 'a2', size: '2', replaces: 'a', replaced_by: null },
      { order_id: 'x', symbol: null, side: null, size: null, replaces: 'b' },
    ])
  })

  test('of the same file may come before what they replace', async () => {
    expect(await importText(correction('x,,,,,,,a', `${row('a')},`))).toMatchObject({ new: 2 })
  })

  test('of nothing, of what is corrected already and in circles are refused', async () => {
    await importText(csv(row('a')))
    await importText(correction('x,,,,,,,a'))
    const text = correction(
      'y,,,,,,,nothing',
      'z,,,,,,,a',
      `${row('p')},q`,
      `${row('q')},p`,
      `${row('self')},self`,
      `${row('t')},`,
      'u,,,,,,,t',
      'v,,,,,,,t',
    )
    expect(await refused(text)).toEqual([
      'TIE-3108@2 The row "y" replaces "nothing", which does not exist.',
      'TIE-3110@3 The row "a" is replaced by "x" and by "z".',
      'TIE-3110@9 The row "t" is replaced by "u" and by "v".',
      'TIE-3109@4 The rows p → q → p replace one another in a circle.',
      'TIE-3109@6 The rows self → self replace one another in a circle.',
    ])
  })
})

describe('refused, each problem with its line, and nothing stored', () => {
  const bad = (fields: string): string => csv(row('good'), row('bad', fields))
  test.each([
    ['a size of 0', `X,buy,0,1,0,${AT}`, ['TIE-3103@3 "0" in column "size" must be greater than 0.']],
    ['a negative size', `X,sell,-1,1,0,${AT}`, ['TIE-3103@3 "-1" in column "size" must be greater than 0.']],
    ['a negative price', `X,sell,1,-1,0,${AT}`, ['TIE-3103@3 "-1" in column "price" must be 0 or greater.']],
    [
      'NaN',
      `X,buy,NaN,1,0,${AT}`,
      ['TIE-3102@3 "NaN" in column "size" is no finite decimal number of at most 100 digits.'],
    ],
    [
      'a number beyond all bounds',
      `X,buy,1,1e400,0,${AT}`,
      ['TIE-3102@3 "1e400" in column "price" is no finite decimal number of at most 100 digits.'],
    ],
    [
      'separators',
      `X,buy,1,"1,000",0,${AT}`,
      ['TIE-3102@3 "1,000" in column "price" is no finite decimal number of at most 100 digits.'],
    ],
    ['an unknown side', `X,byu,1,1,0,${AT}`, ['TIE-3104@3 "byu" is no side.']],
    [
      'a time without zone',
      'X,buy,1,1,0,2025-01-01 10:00:00',
      ['TIE-3105@3 "2025-01-01 10:00:00" in column "executed_at" says no time zone.'],
    ],
    ['no time', 'X,buy,1,1,0,', ['TIE-3101@3 The column "executed_at" is empty.']],
    [
      'a day that is none',
      'X,buy,1,1,0,2025-02-30T00:00:00Z',
      ['TIE-3106@3 "2025-02-30T00:00:00Z" in column "executed_at" is no instant.'],
    ],
    ['too few fields', 'X,buy,1', ['TIE-2401@3 The row has 4 fields; the header has 7.']],
    [
      'a name no index holds',
      `${'X'.repeat(201)},buy,1,1,0,${AT}`,
      ['TIE-3150@3 Column "symbol" holds 201 characters; the limit is 200.'],
    ],
    [
      'a NUL',
      `X\0Y,buy,1,1,0,${AT}`,
      ['TIE-2413@3 Column "symbol" holds a NUL character, which cannot be stored.'],
    ],
    [
      'everything at once',
      ',,x,-1,?,',
      [
        'TIE-3101@3 The column "symbol" is empty.',
        'TIE-3101@3 The column "side" is empty.',
        'TIE-3102@3 "x" in column "size" is no finite decimal number of at most 100 digits.',
        'TIE-3103@3 "-1" in column "price" must be 0 or greater.',
        'TIE-3102@3 "?" in column "fee" is no finite decimal number of at most 100 digits.',
        'TIE-3101@3 The column "executed_at" is empty.',
      ],
    ],
  ])('%s', async (_, fields, expected) => {
    expect(await refused(bad(fields))).toEqual(expected)
  })

  test('an id with other content, in the books and in the file, said with what differs', async () => {
    files += 1
    const name = `f${files}.csv`
    await perform(context, 'trades import', { file: folder.write(name, csv(row('z'), row('a'))) })
    const text = csv(row('a', `BTC-USD,buy,2,100,0,${AT}`), row('b'), row('b', `BTC-USD,sell,1,100,0,${AT}`))
    expect(await refused(text)).toEqual([
      `TIE-3107@2 There is a row "a" already, with other content (${name} line 3): size 1 there, 2 here.`,
      'TIE-3107@4 There is a row "b" already, with other content (line 3): side buy there, sell here.',
    ])
    // Beside a row that is refused by itself they are told all the same.
    expect(await refused(`${text}c,X,buy,0,1,0,${AT}\n`)).toEqual([
      'TIE-3103@5 "0" in column "size" must be greater than 0.',
      `TIE-3107@2 There is a row "a" already, with other content (${name} line 3): size 1 there, 2 here.`,
      'TIE-3107@4 There is a row "b" already, with other content (line 3): side buy there, sell here.',
    ])
  })

  test('an unknown column, unless it is left out', async () => {
    const text = `${HEADER},acount\n${row('a')},x\n`
    expect(await refused(text)).toEqual(['TIE-2404@1 Unknown column "acount".'])
    expect(await importText(text, { ignore_columns: true })).toMatchObject({ new: 1 })
    const { origin } = await perform(context, 'trades show', { order_id: 'a' })
    expect(origin.payload).toBe(`${row('a')},x`)
  })

  test('a missing and a repeated column, an empty file, a file that is not there', async () => {
    expect(await refused('order_id,symbol,side,size,price,size,executed_at\n')).toEqual([
      'TIE-2406@1 The header names "size" twice.',
      'TIE-2405@1 The column "fee" is missing.',
    ])
    expect(await refused('')).toEqual(['TIE-2410@1 The file is empty: it has no header row.'])
    expect(await refused('', {}, 'ndjson')).toEqual(['TIE-2410@1 The file is empty: it has no header row.'])
    const gone = perform(context, 'trades import', { file: `${folder.path}/none.csv` })
    await expect(gone).rejects.toMatchObject({ code: 'TIE-1005' })
  })

  test('an open quote, bytes that are no UTF-8, a field of megabytes', async () => {
    expect(await refused(csv(row('a'), '"b,X'))).toEqual([expect.stringMatching(/^TIE-2412@3 /)])
    const latin = Buffer.from(csv(row('a', `Z\u00fcrich,buy,1,1,0,${AT}`)), 'latin1')
    expect(await refused(latin)).toEqual([
      'TIE-2413@2 Column "symbol" holds bytes that are not UTF-8, which cannot be stored.',
    ])
    expect(await refused(csv(row('a'), `b,${'X'.repeat(3_000_000)},buy,1,1,0,${AT}`))).toEqual([
      expect.stringMatching(/^TIE-2412@3 /),
    ])
  })

  test('lines of NDJSON that are no records', async () => {
    const good = `{"order_id":"a","symbol":"X","side":"buy","size":1,"price":1,"executed_at":"${AT}"}`
    const lines = [
      good,
      '[1]',
      '{"order_id":"b",}',
      '{"order_id":"b","order_id":"c"}',
      '{"size":01}',
      '{"size":NaN}',
      '{"size":{"a":1}}',
      '{"side":true}',
      `${'['.repeat(500_000)}`,
      '{"order_id":"d","colour":1}',
      good.replace('"X"', '"X\\u0000"').replace('"a"', '"e"'),
      good.replace('"X"', '"\\ud800"').replace('"a"', '"f"'),
      `{"order_id":"${'g'.repeat(2_000_000)}"}`,
    ]
    expect(await refused(lines.join('\n'), {}, 'ndjson')).toEqual([
      'TIE-3151@2 The line is no record: it is no object.',
      'TIE-3151@3 The line is no record: it cannot be read as JSON.',
      'TIE-3151@4 The line is no record: it names a column twice.',
      'TIE-3151@5 The line is no record: it cannot be read as JSON.',
      'TIE-3151@6 The line is no record: it cannot be read as JSON.',
      'TIE-3151@7 The line is no record: "size" is neither text, a number, null nor a list of those.',
      'TIE-3151@8 The line is no record: "side" is neither text, a number, null nor a list of those.',
      'TIE-3151@9 The line is no record: it cannot be read as JSON.',
      'TIE-2404@10 Unknown column "colour".',
      'TIE-2413@11 Column "symbol" holds a NUL character, which cannot be stored.',
      'TIE-2413@12 Column "symbol" holds half a character (an unpaired surrogate), which cannot be stored.',
      expect.stringMatching(
        /^TIE-3151@13 The line is no record: it has at least \d+ characters; the limit is 1048576\.$/,
      ),
    ])
  })

  test('BOM, CRLF, quotes and line breaks inside them are read as such', async () => {
    const text = `\uFEFF${[
      `${HEADER},account`,
      `"a","BTC-USD","buy","1","1","0","${AT}","Fund ""A"",\r\nLondon"`,
      `b,X,buy,bad,1,0,${AT},`,
    ].join('\r\n')}`
    expect(await refused(text)).toEqual([
      'TIE-3102@4 "bad" in column "size" is no finite decimal number of at most 100 digits.',
    ])
    await importText(text.replace('bad', '1'))
    expect((await trades())[0].account).toBe('Fund "A",\r\nLondon')
    const bom = `\uFEFF{"order_id":"n","symbol":"X","side":"buy","size":1,"price":1,"executed_at":"${AT}"}`
    expect(await importText(bom, {}, 'ndjson')).toMatchObject({ new: 1 })
  })

  test('more problems than anybody reads are counted', async () => {
    const rows = Array.from({ length: 150 }, (_, i) => row(`r${i}`, `X,buy,0,1,0,${AT}`))
    const problems = await refused(csv(...rows))
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toBe('TIE-2415 50 further problems of this file are not listed.')
  })

  test('names that look like SQL are names', async () => {
    const hostile = `'; DROP TABLE trade_records; --`
    await importText(csv(row(hostile, `"${hostile}",buy,1,1,0,${AT}`), row('\\N', `\\.,buy,1,1,0,${AT}`)))
    expect(await trades()).toMatchObject([
      { order_id: hostile, symbol: hostile },
      { order_id: '\\N', symbol: '\\.' },
    ])
    expect(
      (await perform(context, 'trades list', { symbol: hostile })).trades.map(
        (each: Output) => each.order_id,
      ),
    ).toEqual([hostile])
  })
})

test('one bad line of a million is told with its line, and nothing stays', {
  tags: ['long'],
  timeout: 600_000,
}, async () => {
  const rows = Array.from({ length: 1_000_000 }, (_, i) => row(`o${i}`))
  rows[777_777] = row('o777777', `BTC-USD,buy,1,100,0,2025-01-01T00:00:00`)
  expect(await refused(`${HEADER}\n${rows.join('\n')}\n`)).toEqual([
    'TIE-3105@777779 "2025-01-01T00:00:00" in column "executed_at" says no time zone.',
  ])
})

describe('the other facts', () => {
  const of = (name: string, text: string, more: object = {}): Promise<Output> => {
    files += 1
    return perform(context, name, { file: folder.write(`f${files}.csv`, text), ...more })
  }

  test.each([
    ['splits import', 'id,symbol,ratio,at', `p1,X,3:1,${AT}`, `p1,X,2:1,${AT}`, 'numerator 3 there, 2 here'],
    [
      'transfers import',
      'id,symbol,size,from_account,to_account,at',
      `t1,X,0.50,A,B,${AT}`,
      `t1,X,0.5,A,C,${AT}`,
      'to_account B there, C here',
    ],
    [
      'balances import',
      'id,account,symbol,size,at',
      `k1,A,X,-0.5,${AT}`,
      `k1,A,X,0.5,${AT}`,
      'size -0.5 there, 0.5 here',
    ],
    [
      'historical-pnl import',
      'order_id,pnl_usd,parent_id',
      's1,-1.50,b1',
      's1,1.5,b1',
      'pnl_usd -1.5 there, 1.5 here',
    ],
  ])('%s: new, the same, other content, a bad row', async (name, header, one, other, difference) => {
    const more = name.startsWith('historical') ? { date: '2025-11-20' } : {}
    expect(await of(name, `${header}\n${one}\n`, more)).toMatchObject({ new: 1, same: 0 })
    expect(await of(name, `${header}\n${one}\n`, more)).toMatchObject({ new: 0, same: 1, import_id: null })
    const conflicting = await refusedAndNothingStored(db.books, () => of(name, `${header}\n${other}\n`, more))
    expect(conflicting.map(({ code, message }) => [code, message])).toEqual([
      ['TIE-3107', expect.stringContaining(difference)],
    ])
    const bad = `${header}\n${one.replace(/^\w+/, '')}\n`
    expect(
      (await refusedAndNothingStored(db.books, () => of(name, bad, more))).map(({ code }) => code),
    ).toEqual(['TIE-3101'])
  })

  test('arrive in one numbering with the trades', async () => {
    await of('trades import', csv(row('a'), row('b')))
    await of('splits import', `id,symbol,ratio,at\np1,X,3:1,${AT}\n`)
    await of('trades import', csv(row('c')))
    const numbers = await db.books.transaction(context.tenant, (tx) =>
      tx.rows(`SELECT trade_seq, order_id AS id FROM trade_records
               UNION ALL SELECT trade_seq, split_id FROM lot_splits ORDER BY 1`),
    )
    expect(numbers).toEqual([
      { trade_seq: 1n, id: 'a' },
      { trade_seq: 2n, id: 'b' },
      { trade_seq: 3n, id: 'p1' },
      { trade_seq: 4n, id: 'c' },
    ])
  })

  test('a historical snapshot is taken from the trades too', async () => {
    const header = `${HEADER},parent_id,pnl_usd`
    const sell = (id: string, more: string): string => `${id},X,sell,1,1,0,${AT},${more}`
    await of('trades import', [header, sell('s1', 'b1,1.25'), sell('s2', ','), sell('s3', ',-3')].join('\n'))
    const take = { date: '2025-11-20' }
    expect(await perform(context, 'historical-pnl snapshot', { ...take, dry_run: true })).toMatchObject({
      new: 2,
    })
    expect(await perform(context, 'historical-pnl snapshot', take)).toEqual({
      table: 'historical_pnl_snapshot_20251120',
      new: 2,
      same: 0,
      refused: 0,
      dry_run: false,
    })
    expect(await perform(context, 'historical-pnl snapshot', take)).toMatchObject({ new: 0, same: 2 })
    const stored = await db.books.transaction(context.tenant, (tx) =>
      tx.rows('SELECT order_id, parent_id, pnl_usd FROM historical_pnl_snapshot_20251120 ORDER BY 1'),
    )
    expect(stored).toEqual([
      { order_id: 's1', parent_id: 'b1', pnl_usd: '1.25' },
      { order_id: 's3', parent_id: null, pnl_usd: '-3' },
    ])
    const other = { date: '2025-11-21' }
    await of('historical-pnl import', 'order_id,pnl_usd\ns1,2\n', other)
    const problems = await refusedAndNothingStored(db.books, () =>
      perform(context, 'historical-pnl snapshot', other),
    )
    expect(problems.map(said)).toEqual([
      expect.stringMatching(/^TIE-3107 There is a row "s1" already, .*pnl_usd 2 there, 1\.25 here/),
    ])
    await expect(perform(context, 'historical-pnl snapshot', { date: '20251121' })).rejects.toMatchObject({
      code: 'TIE-3160',
    })
  })
})
