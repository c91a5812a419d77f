// Seeded trades of the benchmarks of lots.

/** What a symbol holds on average, in trades. */
const HELD = 20

/**
 * Rows as an importer hands them over. A desk buys more when it holds little and sells more when it holds much, so
 * that what is open does not grow with the history. `deep`: all buys come before the first sell.
 */
export function* rawTrades(trades, symbols, { deep = false, first = 0 } = {}) {
  const held = new Map()
  let state = first + 1
  const next = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let i = 0; i < trades; i++) {
    const seconds = 1_700_000_000 + first + i
    const symbol = `S${next(symbols)}-USD`
    const holds = held.get(symbol) ?? HELD
    const buys = deep ? i < trades / 2 : next(100) < 50 + HELD - holds
    held.set(symbol, holds + (buys ? 1 : -1))
    yield {
      order_id: `o${first + i}`,
      symbol,
      side: buys ? 'buy' : 'sell',
      size: `${next(10)}.${String(next(9999) + 1).padStart(4, '0')}`,
      price: `${next(1000) + 10_000}.${String(next(100)).padStart(2, '0')}`,
      fee: `0.${String(next(1000)).padStart(4, '0')}`,
      executed_at: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`,
    }
  }
}

const COLUMNS = ['order_id', 'symbol', 'side', 'size', 'price', 'fee', 'executed_at', 'account', 'strategy']

/** The same with accounts and strategies, as lines of a CSV file. */
export function* csvLines(trades, symbols, options) {
  yield `${COLUMNS}\n`
  let i = 0
  for (const row of rawTrades(trades, symbols, options)) {
    yield `${Object.values(row)},ACC${i % 4},STRAT${i % 7}\n`
    i += 1
  }
}
