// A real second process: opens the directory, says so, and stays until it is ended.
import { openPglite } from '#tieout/books/pglite'

const books = await openPglite({ directory: process.argv[2], command: 'holder' })
await books.transaction('00000000-0000-0000-0000-000000000001', (tx) =>
  tx.execute(
    `INSERT INTO calculation_runs (tenant_id, id, kind, run_name, executed_at, triggered_by, engine_version)
     VALUES (tieout_current_tenant(), gen_random_uuid(), 'rollup', 'cut short', now(), 'holder', '0')`,
  ),
)
process.stdout.write('open\n')
if (process.argv[3] === 'close') await books.close()
else setInterval(() => {}, 1000)
