// Benchmarks: `npm run bench -- rollup [--facts 1000000] [--db-url postgres://…]`. Everything is measured in one run on
// data from a seeded generator; ratios are what to read, since machines differ. Timing decides no test.
import { parseArgs } from 'node:util'
import { benchRollup } from './rollup.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    facts: { type: 'string', default: '1000000' },
    nodes: { type: 'string', default: '5000' },
    rules: { type: 'string', default: '200' },
    'db-url': { type: 'string' },
    sources: { type: 'string', default: 'parquet,csv,embedded,server' },
    shapes: { type: 'string', default: 'many,few' },
  },
})

const BENCHES = { rollup: benchRollup }
const bench = BENCHES[positionals[0] ?? '']
if (bench === undefined) {
  console.error(`Name a benchmark: ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
await bench({
  facts: Number(values.facts),
  nodes: Number(values.nodes),
  rules: Number(values.rules),
  dbUrl: values['db-url'],
  sources: values.sources,
  shapes: values.shapes,
})
