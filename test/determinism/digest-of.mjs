/**
 * Prints the digests of a calculation as one JSON line: `node digest-of.mjs FOLDER SOURCE [DB]`, where FOLDER
 * holds structure.csv, facts.csv or facts.parquet and use-case.yaml, and SOURCE is `books` or `place`. Run by
 * the determinism tests under other time zones, locales and versions of Node.
 */

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { CATALOGUE } from '#tieout/surfaces/catalogue'

const [folder, source, db = 'memory://'] = process.argv.slice(2)
const books = await openBooks({ db, command: 'determinism', migrate: 'auto' })
const context = {
  books,
  tenant: DEFAULT_TENANT,
  who: 'determinism',
  engineVersion: '0',
  now: () => new Date().toISOString(),
  newId: () => randomUUID(),
  elapsed: () => performance.now(),
  progress: { report: () => {} },
  signal: new AbortController().signal,
}
const perform = async (name, input) => {
  const operation = CATALOGUE.find((one) => one.name === name)
  return operation.output.parse(await operation.run(context, operation.input.parse(input)))
}
await perform('structures import', { name: 'DET', file: join(folder, 'structure.csv') })
if (source === 'books') await perform('facts import', { file: join(folder, 'facts.csv'), table: 'fact_det' })
await perform('use-cases apply', { file: join(folder, `${source}.yaml`) })
const run = await perform('runs create', { use_case: 'Determinism', date: '2025-12-24' })
const { rows } = await perform('runs results', { run: run.run_id })
// The same date again on adjusted facts, with more digits and another day's adjustment left out.
await perform('adjustments add', { use_case: 'Determinism', file: join(folder, 'adjustments.yaml') })
const adjusted = await perform('runs create', { use_case: 'Determinism', date: '2025-12-24' })
const { steps } = await perform('runs adjustments', { run: adjusted.run_id })
const { structures } = await perform('structures list', {})
process.stdout.write(
  `${JSON.stringify({
    result: run.result_digest,
    adjusted: adjusted.result_digest,
    steps: steps.map(({ no, scenario, column, hits, effect }) => [
      no,
      scenario,
      column,
      hits,
      Number(effect),
    ]),
    hierarchy: structures[0].digest,
    facts: run.facts,
    order: rows.map(({ node_id }) => node_id).join(' '),
  })}\n`,
)
await books.close()
