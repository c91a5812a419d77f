// Plain CSV in, plain CSV out, for outside programs to compare: the pure core of lots without a database.
//
//   node test/outside/lots.mjs trades.csv --method fifo > allocations.csv
//   node test/outside/lots.mjs trades.csv --method fifo --journal > lots.beancount
//
// trades.csv has columns of the exchange format in any order, without quotes. Also --scope, --short, --dust.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ALLOCATION_FIELDS, allocationFields, allocationRows } from '../../dist/lots/allocation-rows.js'
import { beancountJournal } from '../../dist/lots/beancount.js'
import { computeLots, factsOf } from '../../dist/lots/compute.js'
import { lotConfig } from '../../dist/lots/config.js'
import { effectiveTrades } from '../../dist/lots/facts.js'
import { parseTrade } from '../../dist/lots/trade.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    method: { type: 'string' },
    scope: { type: 'string' },
    short: { type: 'string' },
    dust: { type: 'string' },
    journal: { type: 'boolean' },
  },
})
const { journal, ...draft } = values
const [header, ...lines] = readFileSync(positionals[0], 'utf8').trim().split(/\r?\n/)
const columns = header.split(',')
const records = lines.map((line, i) => {
  const fields = line.split(',')
  const result = parseTrade(Object.fromEntries(columns.map((name, at) => [name, fields[at]])))
  if (result.is === 'parsed') return result.value
  throw new Error(`line ${i + 2}: ${result.problems.map(({ problem }) => problem.message).join(' ')}`)
})
const config = lotConfig(draft)
const facts = factsOf(effectiveTrades(records), config)
const started = performance.now()
const { symbols, failed, digest } = computeLots(facts, config)
const took = performance.now() - started
if (failed.size > 0) throw new Error(JSON.stringify([...failed]))
if (journal) {
  const parts = [...symbols].map(([symbol, { allocations }]) => ({
    facts: facts.get(symbol),
    rows: [...allocationRows(allocations)],
  }))
  process.stdout.write(beancountJournal(parts, config).text)
} else {
  const out = [ALLOCATION_FIELDS.join(',')]
  for (const { allocations } of symbols.values()) {
    for (let i = 0; i < allocations.sell.length; i++) {
      out.push(
        allocationFields(allocations, i)
          .map((field) => field ?? '')
          .join(','),
      )
    }
  }
  process.stdout.write(`${out.join('\n')}\n`)
}
process.stderr.write(`${records.length} trades matched in ${took.toFixed(0)} ms, ${digest}\n`)
