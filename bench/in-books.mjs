// What the processes of the benchmarks share that work in books: a context of operations, and timing.
import { randomUUID } from 'node:crypto'
import { openBooks } from '#tieout/books/open'
import { DEFAULT_TENANT } from '#tieout/books/tenants'
import { CATALOGUE } from '#tieout/surfaces/catalogue'

export const now = () => new Date().toISOString()

export const contextOf = (books, frames) => ({
  books,
  frames,
  tenant: DEFAULT_TENANT,
  who: 'bench',
  engineVersion: '0',
  now,
  newId: () => randomUUID(),
  elapsed: () => performance.now(),
  progress: { report: () => {} },
  signal: new AbortController().signal,
})

export function perform(context, name, input) {
  const operation = CATALOGUE.find((one) => one.name === name)
  return operation.run(context, operation.input.parse(input))
}

/** Milliseconds by the clock. */
export async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

export async function withBooks(db, work) {
  const books = await openBooks({ db, command: 'bench', migrate: 'auto' })
  try {
    return await work(books)
  } finally {
    await books.close()
  }
}

const rolledBack = new Error('rolled back')

/** The work leaves nothing in the books. */
export const withoutTrace = (books, work) =>
  books
    .transaction(DEFAULT_TENANT, async (tx) => {
      await work(tx)
      throw rolledBack
    })
    .catch((error) => {
      if (error !== rolledBack) throw error
    })

/** Reads a COPY to its end; its chunks, where they are wanted. */
export async function drained(tx, query, chunks) {
  for await (const chunk of tx.copyOut(query)) chunks?.push(Buffer.from(chunk))
}

/** What a benchmark's process prints: one document, and the most memory it took. */
export function answer(value) {
  const peakMb = process.resourceUsage().maxRSS / 1024
  process.stdout.write(
    JSON.stringify({ ...value, peakMb }, (_, one) => (typeof one === 'bigint' ? Number(one) : one)),
  )
}
