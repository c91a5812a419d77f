import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The database is real in every test; opening one takes a moment.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Threads of one process compile the embedded database once, and modules are loaded once for all files.
    pool: 'threads',
    isolate: false,
    tags: [
      {
        name: 'long',
        description: 'What `npm test` leaves out to stay under three minutes: `npm run test:long`.',
        timeout: 900_000,
      },
    ],
  },
})
