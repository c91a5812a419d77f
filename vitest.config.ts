import { defineConfig } from 'vitest/config'

/** Every digit of every bundle, sealed again or not, takes minutes: `npm run test:bundles`. */
const OUTSIDE = 'test/outside/**'

export default defineConfig({
  test: {
    include: process.env.TEST_OUTSIDE === undefined ? ['test/**/*.test.ts'] : [`${OUTSIDE}/*.test.ts`],
    exclude: process.env.TEST_OUTSIDE === undefined ? [OUTSIDE] : [],
    // The database is real in every test; opening one takes a moment.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
