import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SqlValue, TenantId, Tx } from '#tieout/books/books'
import { copyRows } from '#tieout/books/copy-rows'
import { wholeRows } from '#tieout/books/copy-text'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { openTestBooks, SERVER, type TestBooks } from '../support/books.js'

let db: TestBooks
beforeAll(async () => {
  db = await openTestBooks()
})
afterAll(() => db?.close())

const inTransaction = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  db.books.transaction(DEFAULT_TENANT, work)

const copyRow = (values: readonly SqlValue[]): string =>
  Buffer.concat([...copyRows([values])]).toString('utf8')

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all).toString('utf8')
}

describe('values on the way out', () => {
  test.each<[string, unknown]>([
    ["date '2025-12-24'", '2025-12-24'],
    ["timestamptz '2025-12-24 10:00:00.5+01'", '2025-12-24T09:00:00.5Z'],
    ["timestamp '2025-12-24 10:00:00'", '2025-12-24 10:00:00'],
    ['9223372036854775807::int8', 9223372036854775807n],
    ['1::int8', 1n],
    ['7::int4', 7],
    ['7::int2', 7],
    ['1.10::numeric', '1.10'],
    ['0.1::float8', 0.1],
    ['true', true],
    ['null::numeric', null],
    [`'{"a":["1.10"]}'::jsonb`, { a: ['1.10'] }],
    [`'[1]'::json`, [1]],
    ["'\\x00ff'::bytea", new Uint8Array([0, 255])],
    ["'x'::name", 'x'],
    ["interval '1 day 2 hours'", '1 day 02:00:00'],
    [`array['a','b,"\\c','',null,'NULL']`, ['a', 'b,"\\c', '', null, 'NULL']],
    [
      'array[[1,2],[3,4]]',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'[0:1]={5,6}'::int4[]", [5, 6]],
    ['array[1,2]::int8[]', [1n, 2n]],
    ['array[1.50]::numeric[]', ['1.50']],
    ["array[date '2025-01-01']", ['2025-01-01']],
    ["array[timestamptz '2025-01-01 00:00Z']", ['2025-01-01T00:00:00Z']],
    ["'{}'::text[]", []],
    ['array[true,false]', [true, false]],
    ["array['00000000-0000-0000-0000-000000000001'::uuid]", ['00000000-0000-0000-0000-000000000001']],
  ])('%s', async (expression, expected) => {
    const [row] = await inTransaction((tx) => tx.rows<{ value: unknown }>(`SELECT ${expression} AS value`))
    expect(row!.value).toEqual(expected)
  })
})

describe('values on the way in', () => {
  test.each<[string, SqlValue, unknown]>([
    ['$1::text', "tab\t newline\n backslash\\ quote' 🎄 é", "tab\t newline\n backslash\\ quote' 🎄 é"],
    ['$1::text', '\ud800 alone', '\ufffd alone'],
    ['$1::int8', 9223372036854775807n, 9223372036854775807n],
    ['$1::numeric', '123456789012345678901234567890.1234567890', '123456789012345678901234567890.1234567890'],
    ['$1::int4', 5, 5],
    ['$1::bool', false, false],
    ['$1::date', '2025-12-24', '2025-12-24'],
    ['$1::timestamptz', '2025-12-24T09:00:00Z', '2025-12-24T09:00:00Z'],
    ['$1::jsonb', '{"a":null}', { a: null }],
    ['$1::bytea', new Uint8Array([0, 1, 255]), new Uint8Array([0, 1, 255])],
    ['$1::text[]', ['a', 'b,"\\{}', '', 'NULL'], ['a', 'b,"\\{}', '', 'NULL']],
    ['$1::text[]', [], []],
    ['$1::int8[]', [1, 2], [1n, 2n]],
    ['$1::text', null, null],
  ])('%s of %s', async (expression, value, expected) => {
    const [row] = await inTransaction((tx) =>
      tx.rows<{ value: unknown }>(`SELECT ${expression} AS value`, [value]),
    )
    expect(row!.value).toEqual(expected)
  })

  test('NUL is refused by the server, an infinite number here', async () => {
    await expect(inTransaction((tx) => tx.rows('SELECT $1::text', ['a\0b']))).rejects.toMatchObject({
      code: '22021',
    })
    await expect(inTransaction((tx) => tx.rows('SELECT $1::numeric', [Number.NaN]))).rejects.toThrow(
      RangeError,
    )
  })
})

test('execute counts the rows it changed', async () => {
  await inTransaction(async (tx) => {
    expect(await tx.execute('CREATE TEMP TABLE n (a int) ON COMMIT DROP')).toBe(0)
    expect(await tx.execute('INSERT INTO n SELECT generate_series(1, 5)')).toBe(5)
    expect(await tx.execute('UPDATE n SET a = a + 1 WHERE a > 3')).toBe(2)
    expect(await tx.execute('DELETE FROM n')).toBe(5)
  })
})

describe('copy', () => {
  const hostile: readonly (readonly (string | null)[])[] = [
    ['tab\there', 'line\nfeed', 'return\rhere'],
    ['back\\slash', '\\N', '\\.'],
    ['', null, '🎄 é 漢'],
    ['\\\n', '\\t', 'x'.repeat(5000)],
  ]
  const text = hostile.map((row) => copyRow(row)).join('')

  /** Cuts everywhere: in rows, in escapes, in characters. */
  function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }

  test.each([1, 7, 100_000])('what goes in comes out, in chunks of %d bytes', async (size) => {
    await inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (n int, a text, b text, c text) ON COMMIT DROP')
      expect(await tx.copyIn('s (a, b, c)', cut(Buffer.from(text), size))).toBe(4)
      const rows = await tx.rows<{ a: string; b: string; c: string }>('SELECT a, b, c FROM s')
      expect(rows.map(({ a, b, c }) => [a, b, c])).toEqual(hostile)
      expect(await collect(tx.copyOut('SELECT a, b, c FROM s'))).toBe(text)
    })
  })

  test('the last row may lack its newline; nothing at all is no row', async () => {
    await inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (a text) ON COMMIT DROP')
      expect(await tx.copyIn('s', [Buffer.from('one\ntwo')])).toBe(2)
      expect(await tx.copyIn('s', [])).toBe(0)
      expect(await collect(tx.copyOut('SELECT a FROM s WHERE false'))).toBe('')
    })
  })

  test('30 MB in many groups', { tags: ['long'] }, async () => {
    const row = copyRow(['0123456789'.repeat(10), '7'])
    const block = Buffer.from(row.repeat(5000))
    await inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (a text, n int) ON COMMIT DROP')
      expect(
        await tx.copyIn(
          's',
          Array.from({ length: 57 }, () => block),
        ),
      ).toBe(285_000)
      expect(await tx.rows('SELECT count(*) AS rows, sum(n) AS sum FROM s')).toEqual([
        { rows: 285_000n, sum: 1_995_000n },
      ])
      let bytes = 0
      for await (const chunk of tx.copyOut('SELECT * FROM s')) bytes += chunk.length
      expect(bytes).toBe(block.length * 57)
    })
  })

  test('an error names the line counted from the first row, and the connection lives on', async () => {
    const good = copyRow(['1', 'x'.repeat(98)]).repeat(100_000)
    const failed = inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (n int, a text) ON COMMIT DROP')
      await tx.copyIn('s', [Buffer.from(good), Buffer.from('bad\tx\n')])
    })
    await expect(failed).rejects.toMatchObject({
      code: '22P02',
      where: expect.stringContaining('line 100001'),
    })
    expect(await inTransaction((tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test.each<[string, Uint8Array]>([
    ['NUL', Buffer.from('a\0b\n')],
    ['broken UTF-8', new Uint8Array([0xc3, 0x28, 0x0a])],
  ])('%s is refused', async (_, bytes) => {
    const copied = inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (a text) ON COMMIT DROP')
      await tx.copyIn('s', [bytes])
    })
    await expect(copied).rejects.toMatchObject({ code: '22021' })
  })

  test('an end marker, which would drop the rows behind it, is refused', async () => {
    const copied = inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (a text) ON COMMIT DROP')
      await tx.copyIn('s', [Buffer.from('a\n\\.\nb\n')])
    })
    await expect(copied).rejects.toThrow('end marker')
    expect(await inTransaction((tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test('chunks that fail undo the transaction', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\n')
      throw new Error('the file broke off')
    }
    const copied = inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE s (a text) ON COMMIT DROP')
      await tx.copyIn('s', failing())
    })
    await expect(copied).rejects.toThrow('the file broke off')
    expect(await inTransaction((tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test('a COPY that is left half read does not hang', async () => {
    const left = inTransaction(async (tx) => {
      for await (const _ of tx.copyOut('SELECT generate_series(1, 1000000)')) break
      return 'left'
    })
    await left.catch(() => {})
    expect(await inTransaction((tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test('a statement in the middle of a COPY is refused rather than waiting forever', async () => {
    const nested = inTransaction(async (tx) => {
      for await (const _ of tx.copyOut('SELECT 1')) await tx.rows('SELECT 2')
    })
    await expect(nested).rejects.toThrow('a COPY of this transaction is under way')
  })

  test('a newline behind a backslash ends no row', async () => {
    const groups: string[] = []
    for await (const rows of wholeRows([Buffer.from('a\\\nb\nc\\\\\nd')], 1)) groups.push(rows.toString())
    expect(groups).toEqual(['a\\\nb\nc\\\\\n', 'd'])
  })

  test('into a table with row security it is refused', async () => {
    const copied = inTransaction((tx) => tx.copyIn('tenants (tenant_id, name)', [Buffer.from('x\ty\n')]))
    await expect(copied).rejects.toThrow(/row-level security|row security/)
  })
})

describe('an interruption', () => {
  const interruptible = <T>(signal: AbortSignal, work: (tx: Tx) => Promise<T>): Promise<T> =>
    db.books.transaction(DEFAULT_TENANT, work, signal)
  const WAIT = `SELECT pg_advisory_xact_lock(hashtextextended('held', 0))`
  const WAITING = `SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database WHERE datname = current_database() AND NOT granted`
  const alive = async () =>
    expect(await inTransaction((tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])

  test('refuses the next statement, and nothing is kept', async () => {
    const stop = new AbortController()
    const tenant = crypto.randomUUID() as TenantId
    const work = async (tx: Tx) => {
      await tx.execute(`INSERT INTO tenants (tenant_id, name) VALUES ($1, 'never')`, [tenant])
      stop.abort(new Error('enough'))
      await tx.rows('SELECT 1')
    }
    await expect(db.books.transaction(tenant, work, stop.signal)).rejects.toThrow('enough')
    expect(await db.books.transaction(tenant, (tx) => tx.rows('SELECT 1 FROM tenants'))).toEqual([])
    await alive()
  })

  test('of before is not heeded: what it left must be written down', async () => {
    expect(await interruptible(AbortSignal.abort(), (tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test.skipIf(SERVER === undefined).each<[string, (tx: Tx) => Promise<unknown>]>([
    ['a statement', (tx) => tx.rows(WAIT)],
    ['a COPY out', (tx) => collect(tx.copyOut(WAIT))],
  ])('has the server give up %s', async (_, wait) => {
    await db.books.whileHolding('held', async () => {
      const stop = new AbortController()
      const given = expect(interruptible(stop.signal, wait)).rejects.toMatchObject({ code: '57014' })
      while ((await inTransaction((tx) => tx.rows(WAITING))).length === 0) {}
      stop.abort(new Error('enough'))
      await given
    })
    await alive()
  })
})

describe('transactions', () => {
  test('what throws leaves nothing', async () => {
    const name = `gone ${Math.random()}`
    const tenant = crypto.randomUUID() as TenantId
    const thrown = db.books.transaction(tenant, async (tx) => {
      await tx.execute('INSERT INTO tenants (tenant_id, name) VALUES ($1, $2)', [tenant, name])
      throw new Error('changed my mind')
    })
    await expect(thrown).rejects.toThrow('changed my mind')
    expect(await db.books.transaction(tenant, (tx) => tx.rows('SELECT 1 FROM tenants'))).toEqual([])
  })

  test('an SQL error that was caught does not commit in silence', async () => {
    const swallowed = inTransaction((tx) => tx.rows('SELECT 1/0').catch(() => 'never mind'))
    await expect(swallowed).rejects.toThrow('nothing was committed')
    await expect(swallowed).rejects.toMatchObject({ cause: { code: '22012' } })
  })

  test('a Tx is of no use after its end', async () => {
    let kept: Tx | undefined
    await inTransaction(async (tx) => {
      kept = tx
    })
    await expect(kept!.rows('SELECT 1')).rejects.toThrow('the transaction has ended')
  })

  test('temporary tables do not outlive it', async () => {
    await inTransaction((tx) => tx.execute('CREATE TEMP TABLE left_behind (a int)'))
    const [row] = await inTransaction((tx) =>
      tx.rows(`SELECT to_regclass('pg_temp.left_behind')::text AS name`),
    )
    expect(row).toEqual({ name: null })
  })

  test('as owner tables can be made, before and after they cannot', async () => {
    await inTransaction(async (tx) => {
      const who = async () => (await tx.rows<{ who: string }>('SELECT current_user::text AS who'))[0]!.who
      expect(await who()).toBe('tieout_app')
      expect(await tx.asOwner(() => tx.asOwner(who))).toBe('tieout_owner')
      await expect(tx.asOwner(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
      expect(await who()).toBe('tieout_app')
    })
    await expect(inTransaction((tx) => tx.execute('CREATE TABLE t (a int)'))).rejects.toMatchObject({
      code: '42501',
    })
    const failing = inTransaction((tx) => tx.asOwner(() => tx.execute('CREATE TABLE tenants (a int)')))
    await expect(failing).rejects.toMatchObject({ code: '42P07' })
  })

  test('the server error keeps its fields', async () => {
    const failed = inTransaction(async (tx) => {
      await tx.execute('CREATE TEMP TABLE n (a int CONSTRAINT a_is_there_once UNIQUE) ON COMMIT DROP')
      await tx.execute('INSERT INTO n VALUES (1), (1)')
    })
    await expect(failed).rejects.toMatchObject({
      code: '23505',
      constraint: 'a_is_there_once',
      table: 'n',
      detail: 'Key (a)=(1) already exists.',
    })
    await expect(inTransaction((tx) => tx.rows('SELECT nope'))).rejects.toMatchObject({
      code: '42703',
      position: '8',
    })
  })

  test('many at once all come to their end', async () => {
    const sums = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        inTransaction((tx) => tx.rows<{ i: number }>('SELECT $1::int AS i', [i])),
      ),
    )
    expect(sums.map(([row]) => row!.i)).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  test('a tenant that is no UUID is a bug', async () => {
    await expect(db.books.transaction(`' OR true --` as TenantId, async () => {})).rejects.toThrow(
      'is no UUID',
    )
  })

  test('a key is held by one at a time', async () => {
    const inner = await db.books.whileHolding('a', () =>
      Promise.all([db.books.whileHolding('a', async () => 1), db.books.whileHolding('b', async () => 2)]),
    )
    expect(inner).toEqual([undefined, 2])
    expect(await db.books.whileHolding('a', async () => 3)).toBe(3)
    await expect(db.books.whileHolding('a', () => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(await db.books.whileHolding('a', async () => 4)).toBe(4)
  })
})
