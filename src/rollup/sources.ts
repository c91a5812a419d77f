/**
 * Opens the fact source of a use case, in the books or in a file, for the time of one piece of work: to be
 * calculated from, or to be written out. Raises TIE-1104, TIE-1005, TIE-2407.
 */

import type { Tx } from '../books/books.js'
import { factTable } from '../books/fact-tables.js'
import { booksSource } from '../engines/books-source.js'
import { bookListing, type FactListing, fileListing } from '../engines/fact-listing.js'
import type { FactSource } from '../engines/source.js'
import type { SourceSpec } from './use-case.js'

/** `useCaseId` selects the use case's rows in a table that several share; undefined before it has any. */
export async function withSource<T>(
  tx: Tx,
  spec: SourceSpec,
  useCaseId: string | undefined,
  work: (source: FactSource) => Promise<T>,
): Promise<T> {
  if (spec.engine === 'books') return work(booksSource(tx, await factTable(tx, spec.table!), useCaseId))
  const { openDuckSource } = await import('../engines/duckdb-source.js')
  const source = await openDuckSource({
    path: spec.path!,
    ...(spec.table === null ? {} : { table: spec.table }),
  })
  try {
    return await work(source)
  } finally {
    source.close()
  }
}

/** The same for the facts as text, one by one. */
export async function withListing<T>(
  tx: Tx,
  spec: SourceSpec,
  useCaseId: string,
  work: (listing: FactListing) => Promise<T>,
): Promise<T> {
  if (spec.engine === 'books') return work(bookListing(tx, await factTable(tx, spec.table!), useCaseId))
  const { openDuckFile } = await import('../engines/duckdb-file.js')
  const file = { path: spec.path!, ...(spec.table === null ? {} : { table: spec.table }) }
  const open = await openDuckFile(file)
  try {
    return await work(fileListing(open, file))
  } finally {
    open.close()
  }
}
