// Reads of attribution at their size: a few hundred requests each, in this process and without a socket, on a server's books
// with as many events as asked for and with a tenth of them, which shows how reads grow. What each asks of the books is
// explained by the database: "index only" says that every scan in its plans is of an index alone.
import { randomUUID } from 'node:crypto'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { withoutLogin } from '#tieout/surfaces/http/access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { Jobs } from '#tieout/surfaces/http/jobs'
import { RateLimit } from '#tieout/surfaces/http/rate-limit'

const REQUESTS = 300
const HEADERS = { host: 'localhost', 'x-correlation-id': 'bench' }

const READS = [
  ['realtime', () => '/api/attribution/revenue/realtime'],
  ['reconciliation status', () => '/api/reconciliation/status'],
  ['channels', () => '/api/attribution/channels?model=linear'],
  ['channels of a week', () => '/api/attribution/channels?model=linear&from=2025-03-01&to=2025-03-07'],
  [
    "one event's allocations",
    (events, i) => `/api/v1/attribution/allocations?model=linear&event=e${1 + ((i * 7919) % events)}`,
  ],
]

/** Of tenants with so many events and their sets by linear, ten times as many in the second; `keep` keeps each figure. */
export async function benchReads(books, tenants, keep) {
  console.log(`\nreads, ms of ${REQUESTS} requests${''.padEnd(13)} events      p50      p95  plans`)
  const told = new Map()
  await books.maintain((session) => session.script('VACUUM ANALYZE'))
  for (const [tenant, size] of tenants) {
    for (const [name, path] of READS) {
      const { p50, p95, plans } = await measured(books, tenant, (i) => path(size, i))
      console.log(
        `  ${name.padEnd(32)} ${size.toLocaleString('en-US').padStart(10)} ${p50.toFixed(2).padStart(8)} ${p95.toFixed(2).padStart(8)}  ${plans}`,
      )
      keep(`read: ${name}`, { size, p50, p95, plans })
      told.set(name, [...(told.get(name) ?? []), p50])
    }
  }
  for (const [name, [few, many]] of told)
    console.log(`  ${name}: ten times the events, ${(many / few).toFixed(2)} × the time`)
}

async function measured(books, tenant, pathOf) {
  const asked = []
  const app = appOn(recording(books, asked), tenant)
  const ask = async (i, of = app) => {
    const began = performance.now()
    const response = await of.request(pathOf(i), { headers: HEADERS })
    const body = await response.text()
    if (response.status !== 200) throw new Error(`${pathOf(i)}: ${response.status} ${body}`)
    return performance.now() - began
  }
  await ask(0)
  const plans = await plansOf(books, tenant, asked)
  const plain = appOn(books, tenant)
  const times = []
  for (let i = 0; i < REQUESTS; i++) times.push(await ask(i, plain))
  times.sort((a, b) => a - b)
  return { p50: times[REQUESTS / 2], p95: times[Math.floor(REQUESTS * 0.95)], plans }
}

function appOn(books, tenant) {
  const context = {
    books,
    tenant,
    who: 'bench',
    engineVersion: '0',
    now: () => new Date().toISOString(),
    newId: randomUUID,
    elapsed: () => performance.now(),
    progress: { report() {} },
    signal: new AbortController().signal,
  }
  return makeApp({
    context,
    operations: CATALOGUE,
    access: withoutLogin(context),
    jobs: new Jobs(context, { maxJobs: 1 }),
    rate: new RateLimit(0, () => 0),
    limits: { maxBody: 2 ** 20, maxUpload: 2 ** 20, maxRequests: 64, idempotencyHours: 24 },
    files: null,
    log() {},
    complain: console.error,
  })
}

const recording = (books, asked) => ({
  ...books,
  transaction: (tenant, work) =>
    books.transaction(tenant, (tx) =>
      work({
        ...tx,
        rows: (sql, values = []) => {
          asked.push([sql, values])
          return tx.rows(sql, values)
        },
      }),
    ),
})

const scansOf = (node) => [
  ...(node['Node Type'].includes('Scan') && node['Node Type'] !== 'Subquery Scan'
    ? [`${node['Node Type']} ${node['Index Name'] ?? node['Relation Name']}`]
    : []),
  ...(node.Plans ?? []).flatMap(scansOf),
]

const plansOf = (books, tenant, asked) =>
  books.transaction(tenant, async (tx) => {
    const scans = []
    for (const [sql, values] of asked) {
      const [row] = await tx.rows(`EXPLAIN (FORMAT JSON) ${sql}`, values)
      scans.push(...scansOf(row['QUERY PLAN'][0].Plan))
    }
    const others = [...new Set(scans.filter((scan) => !scan.startsWith('Index Only')))]
    return others.length === 0 ? 'index only' : others.join(', ')
  })
