import { afterAll, describe, expect, test } from 'vitest'
import type { Digest } from '#tieout/base/digest'
import { knownMigrations, migrateDown, migrateUp, migrationStatus } from '#tieout/books/migrate'
import { openBooks } from '#tieout/books/open'
import { openPostgres } from '#tieout/books/postgres'
import { dumpSchema } from '#tieout/books/schema-dump'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { createDatabase, openTestBooks, runSql, SERVER, type TestDatabase } from '../support/books.js'
import { contextOf, makeFolder, perform, refusal } from '../support/cli.js'
import { compute, importTrades } from '../support/lot-books.js'

const names = knownMigrations().map(({ name }) => name)
const databases: TestDatabase[] = []
afterAll(async () => {
  for (const { drop } of databases) await drop()
})
async function emptyDatabase(): Promise<string> {
  const database = await createDatabase(SERVER!)
  databases.push(database)
  return database.url
}

test('up, down, up gives the same schema; down leaves nothing but the list', { tags: ['long'] }, async () => {
  const { books, close } = await openTestBooks()
  const first = await books.maintain(dumpSchema)
  expect(first).toContain('table calculation_runs owner tieout_owner row security forced')
  expect(await books.maintain((session) => migrateDown(session, 'none'))).toEqual([...names].reverse())
  const empty = await books.maintain(dumpSchema)
  expect(empty).toContain('schema_migrations')
  expect(empty).not.toMatch(/calculation_runs|tieout_protect|refuse_/)
  expect(await books.maintain((session) => migrationStatus(session))).toEqual({ applied: [], pending: names })
  expect(await books.maintain((session) => migrateUp(session))).toEqual(names)
  expect(await books.maintain((session) => migrateUp(session))).toEqual([])
  expect(await books.maintain(dumpSchema)).toBe(first)
  const tenants = await books.transaction(DEFAULT_TENANT, (tx) => tx.rows('SELECT name FROM tenants'))
  expect(tenants).toEqual([{ name: 'default' }])
  await close()
})

test('a changed, an unknown, a failing and a missing migration', async () => {
  const { books, close } = await openTestBooks()
  const known = knownMigrations()
  const changed = known.map((one) => ({ ...one, digest: 'sha256:other' as Digest }))
  await expect(books.maintain((session) => migrationStatus(session, changed))).rejects.toMatchObject({
    code: 'TIE-1303',
  })
  await expect(books.maintain((session) => migrateUp(session, []))).rejects.toMatchObject({
    code: 'TIE-1304',
  })
  await expect(books.maintain((session) => migrateDown(session, '0000_no'))).rejects.toMatchObject({
    code: 'TIE-1310',
  })
  const broken = {
    name: '9999_broken',
    digest: 'd' as Digest,
    up: 'CREATE TABLE half (a int); SELECT 1/0',
    down: '',
  }
  await expect(books.maintain((session) => migrateUp(session, [...known, broken]))).rejects.toMatchObject({
    code: '22012',
  })
  const [half] = await books.maintain((session) => session.rows(`SELECT to_regclass('half')::text AS name`))
  expect(half).toEqual({ name: null })
  expect(await books.maintain((session) => migrationStatus(session))).toEqual({ applied: names, pending: [] })
  await close()
})

describe.skipIf(!SERVER)('on a server', () => {
  test('two that migrate at once both find it done, also in two databases', async () => {
    const [one, two] = [await emptyDatabase(), await emptyDatabase()]
    const opened = await Promise.all(
      [one, one, one, two].map((db) => openBooks({ db, command: 'test', migrate: 'auto' })),
    )
    for (const books of opened) {
      expect(await books.maintain((session) => migrationStatus(session))).toEqual({
        applied: names,
        pending: [],
      })
      await books.close()
    }
  })

  test('the schema is the same as in PGlite', async () => {
    const server = await openBooks({ db: await emptyDatabase(), command: 'test', migrate: 'auto' })
    const embedded = await openBooks({ db: 'memory://', command: 'test', migrate: 'auto' })
    expect(await server.maintain(dumpSchema)).toBe(await embedded.maintain(dumpSchema))
    await server.close()
    await embedded.close()
  })

  test('without auto an empty database is refused and stays empty', async () => {
    const db = await emptyDatabase()
    await expect(openBooks({ db, command: 'test', migrate: 'never' })).rejects.toMatchObject({
      code: 'TIE-1302',
      message: expect.stringContaining(`0 of ${names.length}`),
    })
  })

  test('a login that may create roles and is no superuser migrates and works', async () => {
    const db = await emptyDatabase()
    const login = `tieout_login_${Math.random().toString(36).slice(2)}`
    const url = new URL(db)
    await runSql(
      db,
      `CREATE ROLE ${login} LOGIN CREATEROLE PASSWORD 'secret'; ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${login}`,
    )
    url.username = login
    url.password = 'secret'
    try {
      const books = await openBooks({ db: url.href, command: 'test', migrate: 'auto' })
      expect(books.location).not.toContain('secret')
      const who = await books.transaction(DEFAULT_TENANT, (tx) =>
        tx.rows('SELECT current_user::text AS who, count(*) AS n FROM tenants'),
      )
      expect(who).toEqual([{ who: 'tieout_app', n: 1n }])
      await books.close()
    } finally {
      await runSql(
        db,
        `REASSIGN OWNED BY ${login} TO CURRENT_USER; DROP OWNED BY ${login}; DROP ROLE ${login}`,
      )
    }
  })

  test('a login that may not take the role is refused', async () => {
    const db = await emptyDatabase()
    await (await openBooks({ db, command: 'test', migrate: 'auto' })).close()
    const login = `tieout_login_${Math.random().toString(36).slice(2)}`
    await runSql(db, `CREATE ROLE ${login} LOGIN`)
    const url = new URL(db)
    url.username = login
    try {
      await expect(openBooks({ db: url.href, command: 'test', migrate: 'never' })).rejects.toMatchObject({
        code: 'TIE-1305',
      })
    } finally {
      await runSql(db, `DROP ROLE ${login}`)
    }
  })

  test('a login that may do all but supersede computed rows is refused when it computes lots', async () => {
    const db = await emptyDatabase()
    await (await openBooks({ db, command: 'test', migrate: 'auto' })).close()
    const login = `tieout_login_${Math.random().toString(36).slice(2)}`
    await runSql(db, `CREATE ROLE ${login} LOGIN; GRANT tieout_app, tieout_owner, tieout_purger TO ${login}`)
    const url = new URL(db)
    url.username = login
    const folder = makeFolder()
    try {
      const books = await openBooks({ db: url.href, command: 'test', migrate: 'never' })
      const context = contextOf(books)
      await importTrades(context, folder, 'b1 BTC-USD buy 1 @ 100 at 2025-01-01T00:00:00Z')
      const problems = await refusal(compute(context))
      expect(problems[0]).toMatchObject({
        code: 'TIE-1305',
        message: expect.stringContaining(
          'The role tieout_superseder may not be used: this login is no member of it',
        ),
      })
      expect(await perform(context, 'lots versions')).toMatchObject({ versions: [{ allocation_version: 1 }] })
      await books.close()
    } finally {
      folder.remove()
      await runSql(db, `DROP OWNED BY ${login}; DROP ROLE ${login}`)
    }
  })

  test('no server and a wrong database are told without the password', async () => {
    const closed = openPostgres({ url: 'postgres://u:secret@127.0.0.1:1/d' })
    await expect(closed).rejects.toMatchObject({
      code: 'TIE-1301',
      message: expect.not.stringContaining('secret'),
    })
    const url = new URL(SERVER!)
    url.pathname = '/no_such_database'
    await expect(openPostgres({ url: url.href })).rejects.toMatchObject({ code: 'TIE-1301' })
  })

  test('a connection that is cut is told, keeps nothing, and the next one works', async () => {
    const db = await emptyDatabase()
    const books = await openBooks({ db, command: 'test', migrate: 'auto' })
    const cut = books.transaction(DEFAULT_TENANT, async (tx) => {
      const [me] = await tx.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      await runSql(db, `SELECT pg_terminate_backend(${me!.pid})`)
      await tx.rows('SELECT 1')
    })
    await expect(cut).rejects.toMatchObject({ code: 'TIE-1306' })
    const idle = await books.maintain((session) =>
      session.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid'),
    )
    await runSql(db, `SELECT pg_terminate_backend(${idle[0]!.pid})`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await books.transaction(DEFAULT_TENANT, (tx) => tx.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
    await books.close()
  })

  test('a connection that is cut at the commit is told apart', async () => {
    const db = await emptyDatabase()
    const books = await openBooks({ db, command: 'test', migrate: 'auto' })
    await runSql(
      db,
      `CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
       CREATE TABLE brittle (a int);
       CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON brittle DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION cut();
       GRANT INSERT ON brittle TO tieout_app`,
    )
    const cut = books.transaction(DEFAULT_TENANT, (tx) => tx.execute('INSERT INTO brittle VALUES (1)'))
    await expect(cut).rejects.toMatchObject({ code: 'TIE-1308' })
    await books.close()
  })

  test('a lock is held against other processes and ends with the session', async () => {
    const db = await emptyDatabase()
    const [one, two] = [await openPostgres({ url: db }), await openPostgres({ url: db })]
    const inner = await one.whileHolding('k', () => two.whileHolding('k', async () => 1))
    expect(inner).toBeUndefined()
    expect(await two.whileHolding('k', async () => 2)).toBe(2)
    await one.close()
    await two.close()
  })
})
