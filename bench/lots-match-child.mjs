// One process of the benchmark of lots beside others: a file of trades parsed and matched, again and again.
import { readFileSync } from 'node:fs'
import { computeLots, factsOf } from '#tieout/lots/compute'
import { lotConfig } from '#tieout/lots/config'
import { effectiveTrades } from '#tieout/lots/facts'
import { parseTrade } from '#tieout/lots/trade'
import { answer } from './in-books.mjs'

const { file, method } = JSON.parse(process.argv[3])
const config = lotConfig({ method })
const text = readFileSync(file, 'utf8')

function once() {
  const began = performance.now()
  const [header, ...lines] = text.trim().split('\n')
  const columns = header.split(',')
  const trades = lines.map((line) => {
    const fields = line.split(',')
    const row = {}
    for (let at = 0; at < columns.length; at++) row[columns[at]] = fields[at]
    return parseTrade(row).value
  })
  const facts = factsOf(effectiveTrades(trades), config)
  const parsed = performance.now()
  const { symbols } = computeLots(facts, config)
  const ended = performance.now()
  const allocations = [...symbols.values()].reduce((sum, one) => sum + one.allocations.sell.length, 0)
  return { took: ended - began, matched: ended - parsed, allocations }
}

const runs = Array.from({ length: 8 }, once)
answer({
  first: runs[0].took,
  best: Math.min(...runs.map(({ took }) => took)),
  matched: Math.min(...runs.map(({ matched }) => matched)),
  allocations: runs[0].allocations,
})
