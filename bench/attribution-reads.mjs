// Reads of attribution at their size: a few hundred requests each, in this process and without a socket, on a server's books
// with as many events as asked for, and a tenth of them, which shows how reads grow. What each asks of the books is explained
// by the database: "index only" says that no table was touched.
import { randomUUID } from 'node:crypto'
import { writeSets } from '#tieout/attribution/store/allocation-sets'
import { createTenant } from '#tieout/books/tenants'
import { openRun } from '#tieout/books/runs'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { withoutLogin } from '#tieout/surfaces/http/access'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { Jobs } from '#tieout/surfaces/http/jobs'
import { RateLimit } from '#tieout/surfaces/http/rate-limit'

const REQUESTS = 300
const WARM = 20
