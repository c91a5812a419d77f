// Benchmarks: `npm run bench -- rollup [--facts 1000000] [--db-url postgres://…]`, or `kernel` for the part in memory
// alone, which takes 10,000,000 facts too. Everything is measured in one run on
// data from a seeded generator; ratios are what to read, since machines differ. Timing decides no test.
import { parseArgs } from 'node:util'
import { benchKernel } from './kernel.mjs'
import { benchRollup } from './rollup.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    facts: { type: 'string', default: '1000000' },
    nodes: { type: 'string', default: '5000' },
    rules: { type: 'string', default: '200' },
    'db-url': { type: 'string' },
  },
})

const BENCHES = {
  kernel: benchKernel,
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
await bench({
  facts: Number(values.facts),
  nodes: Number(values.nodes),
  rules: Number(values.rules),
  dbUrl: values['db-url'],
})
