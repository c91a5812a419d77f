// Lots in memory: rows parsed, matched with their digest, and proved, for every method; as the work doubles; and with
// deep inventories, where all buys come before the first sell. The floor is adding up the same columns. Each version
// must be proved; a violation exits with 1.
import { claimsOf } from '#tieout/lots/claims'
import { lotConfig } from '#tieout/lots/config'
import { matchSymbol } from '#tieout/lots/match'
import { proveLots } from '#tieout/lots/proof'
import { SymbolFacts } from '#tieout/lots/symbol-facts'
import { parseTrade } from '#tieout/lots/trade'
import { rawTrades } from './lots-trades.mjs'

/** Milliseconds by the clock and of all processors together, and what the work gave. */
function timed(work) {
  const before = process.cpuUsage()
  const began = performance.now()
  const value = work()
  const clock = performance.now() - began
  const { user, system } = process.cpuUsage(before)
  return { value, clock, cpu: (user + system) / 1000 }
}

function load(trades, symbols, deep, config) {
  const table = new Map()
  for (const row of rawTrades(trades, symbols, { deep })) {
    const { value } = parseTrade(row)
    let facts = table.get(value.symbol)
    if (facts === undefined) {
      facts = new SymbolFacts(value.symbol, config)
      table.set(value.symbol, facts)
    }
    facts.addTrade(value)
  }
  return table
}

function sumOf(table) {
  let sum = 0n
  for (const facts of table.values()) {
    for (let row = 0; row < facts.trades; row++) {
      sum += facts.units.at(row) + facts.priceUnits.at(row) + facts.feeUnits.at(row)
    }
  }
  return sum
}

function measure(name, trades, symbols, deep, method) {
  const config = lotConfig({ method })
  const loaded = timed(() => load(trades, symbols, deep, config))
  const table = loaded.value
  const floor = timed(() => sumOf(table))
  const matched = timed(() => [...table.values()].map((facts) => matchSymbol(facts, config)))
  const claimed = timed(() => claimsOf(matched.value.map(({ allocations }) => allocations)))
  const open = matched.value.flatMap(({ state }) => state.lots)
  const proved = timed(() => proveLots({ facts: table, config, claims: claimed.value, open }))
  const { violations, rows } = proved.value
  const said = (part, { clock, cpu }) => `${part} ${clock.toFixed(0)} ms (${cpu.toFixed(0)} cpu)`
  console.log(
    `${name.padEnd(22)} ${rows} rows: ${said('parse', loaded)}, ${said('match', matched)}, ` +
      `${said('text and back', claimed)}, ${said('prove', proved)}; match is ${(matched.cpu / floor.cpu).toFixed(1)} × adding up`,
  )
  if (violations.length > 0) {
    console.error(violations.slice(0, 5))
    process.exitCode = 1
  }
  return { match: matched.cpu, prove: proved.cpu }
}

export async function benchLots({ facts: trades }) {
  // Once for the compiler.
  measure('warm-up', Math.min(trades, 50_000), 10, false, 'fifo')
  for (const method of ['fifo', 'lifo', 'hifo', 'average']) measure(method, trades, 50, false, method)
  const half = measure('fifo, half the trades', trades / 2, 50, false, 'fifo')
  const whole = measure('fifo, all of them', trades, 50, false, 'fifo')
  const growth = (part) => (whole[part] / half[part]).toFixed(2)
  console.log(`twice the trades: ${growth('match')} × the matching, ${growth('prove')} × the proof`)
  for (const method of ['fifo', 'hifo']) measure(`${method}, deep`, trades, 5, true, method)
}
