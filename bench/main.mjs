// Benchmarks: `npm run bench -- rollup [--facts 1000000] [--db-url postgres://…]`, or `kernel` for the part in memory
// alone, which takes 10,000,000 facts too, or `http` for requests per second on a small book, or
// `lots` for trades, in memory, beside beancount and RP2 (`--python`), and in books, or `attribution --db-url` for
// allocations written to a server (`--out` keeps each figure in a file), or `mart` for pipelines. Everything is measured in one run on
// data from a seeded generator; ratios are what to read, since machines differ. Timing decides no test.
import { parseArgs } from 'node:util'
import { benchAttribution } from './attribution.mjs'
import { benchHttp } from './http.mjs'
import { benchKernel } from './kernel.mjs'
import { benchLots } from './lots.mjs'
import { benchLotsInBooks } from './lots-books.mjs'
import { benchLotsBesidePeers } from './lots-peers.mjs'
import { benchMart } from './mart.mjs'
import { benchRollup } from './rollup.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    facts: { type: 'string' },
    nodes: { type: 'string' },
    rules: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    'db-url': { type: 'string' },
    python: { type: 'string' },
    out: { type: 'string' },
    sources: { type: 'string', default: 'parquet,csv,embedded,server' },
    shapes: { type: 'string', default: 'many,few' },
  },
})

/** Sizes where none are given: the work of a night, or a desk's daily report that many look at. */
const SIZES = {
  http: { facts: 10_000, nodes: 200, rules: 20 },
  other: { facts: 1_000_000, nodes: 5000, rules: 200 },
}

const BENCHES = {
  attribution: benchAttribution,
  http: benchHttp,
  kernel: benchKernel,
  lots: async (options) => {
    await benchLots(options)
    benchLotsBesidePeers(options)
    await benchLotsInBooks(options)
  },
  'lots-books': benchLotsInBooks,
  'lots-peers': benchLotsBesidePeers,
  mart: benchMart,
  rollup: async (options) => {
    await benchKernel(options)
    await benchRollup(options)
  },
}
const bench = BENCHES[positionals[0] ?? '']
if (bench === undefined) {
  console.error(`Name a benchmark: ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
const sizes = SIZES[positionals[0]] ?? SIZES.other
await bench({
  facts: Number(values.facts ?? sizes.facts),
  nodes: Number(values.nodes ?? sizes.nodes),
  rules: Number(values.rules ?? sizes.rules),
  seconds: Number(values.seconds),
  dbUrl: values['db-url'],
  python: values.python,
  out: values.out,
  sources: values.sources,
  shapes: values.shapes,
})
