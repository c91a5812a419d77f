/**
 * A completed run as a sealed bundle. Before it is sealed, everything in it is held against what the run
 * recorded: the stored figures against their digest, a new calculation against figures and facts, the facts as
 * they were written against the control totals. A bundle that would not verify is never written.
 *
 * Raises TIE-1103, TIE-1106, what reading the facts raises, TIE-2801, TIE-2802, TIE-2803 (facts have moved),
 * TIE-2804 (figures are not the run's), TIE-2805 (inputs that the format does not know).
 */

import { stat } from 'node:fs/promises'
import { refuse } from '../../base/errors.js'
import { csvLine } from '../../base/exact-csv.js'
import type { Tx } from '../../books/books.js'
import type { Context } from '../../books/operation.js'
import type { RunHeader } from '../../books/run-headers.js'
import { findingsOf } from '../../books/runs.js'
import type { FactListing, ListingRequest } from '../../engines/fact-listing.js'
import { type RecordedInputs, recordedInputs } from '../inputs.js'
import { resultDigest } from '../result-digest.js'
import { distinct, frameColumns } from '../searches.js'
import { recalculate } from '../snapshot.js'
import { withListing } from '../sources.js'
import { loadSteps } from '../store/adjustments.js'
import { type CompletedRun, completedRun } from '../store/completed-run.js'
import { loadStructure } from '../store/structures.js'
import { type SourceSpec, sourceName } from '../use-case.js'
import {
  type BundlePlace,
  type Part,
  refuseExisting,
  type WrittenBundle,
  writeBundle,
} from './bundle-file.js'
import { ControlTotals, type RecordedTotals } from './control-totals.js'
import { adjustmentsDocument, resultsText, runDocument, structureText, useCaseDocument } from './documents.js'
import { type Manifest, manifestOf } from './manifest.js'
import { README_TEXT } from './readme-text.js'

export interface ExportedRun extends WrittenBundle {
  readonly manifest: Manifest
}

export async function exportRun(
  context: Context,
  tx: Tx,
  id: string,
  place: BundlePlace,
): Promise<ExportedRun> {
  refuseExisting(place)
  const run = await completedRun(tx, id)
  refuseUnknownInputs(run.header)
  const inputs = await recordedInputs(tx, run.header)
  const { source } = inputs.useCase
  const stamp = await stampOf(source)
  await checkFigures(context, tx, run, inputs)
  const documents = await documentsOf(tx, run, inputs)
  return withListing(tx, source, inputs.useCaseId, async (listing) => {
    const request = requestOf(inputs, listing)
    const totals = new ControlTotals(inputs.useCase, request.columns)
    const types = listing.columns.filter(({ name }) => request.columns.includes(name))
    const parts = [
      ...documents,
      { name: 'use-case.json', content: useCaseDocument(inputs.useCase, types) },
      { name: 'facts.csv', content: factTexts(context, listing, request, totals) },
    ]
    let manifest: Manifest | undefined
    const written = await writeBundle(place, parts, async (files) => {
      context.signal.throwIfAborted()
      const recorded = run.header.parameters as unknown as RecordedTotals
      const moved = (await stampOf(source)) === stamp ? undefined : 'the file changed while it was read'
      const detail = totals.differenceFrom(recorded) ?? moved
      if (detail !== undefined) refuseFacts(run.header, source, detail)
      manifest = manifestOf(run.header, files)
      return { name: 'manifest.json', content: `${JSON.stringify(manifest, null, 2)}\n` }
    })
    return { manifest: manifest!, ...written }
  })
}

/** The digests of inputs that the format has a place for. */
const KNOWN_INPUTS: readonly string[] = ['facts', 'hierarchy', 'rules', 'mapping', 'policy', 'adjustments']

function refuseUnknownInputs({ id, digests }: RunHeader): void {
  const unknown = Object.keys(digests).filter((name) => !KNOWN_INPUTS.includes(name))
  if (unknown.length > 0) refuse('TIE-2805', { run: id, inputs: unknown.join(', ') })
}

/** Figures and facts by their digests: those stored, and those of a new calculation. */
async function checkFigures(
  context: Context,
  tx: Tx,
  { header, rows }: CompletedRun,
  { useCase }: RecordedInputs,
): Promise<void> {
  if (resultDigest(rows) !== header.result_digest)
    refuse('TIE-2804', { run: header.id, detail: 'the stored rows do not give the digest that it recorded' })
  const again = await recalculate(context, tx, header)
  if (again.facts_digest !== header.digests.facts)
    refuseFacts(header, useCase.source, 'their digest is another one')
  if (again.result_digest !== header.result_digest)
    refuse('TIE-2804', { run: header.id, detail: 'a new calculation gives another digest' })
}

const refuseFacts = ({ id }: RunHeader, source: SourceSpec, detail: string): never =>
  refuse('TIE-2803', { run: id, source: sourceName(source), detail })

/** Tells whether a file read in place was written to meanwhile; tables of the books are append-only. */
async function stampOf({ path }: SourceSpec): Promise<string> {
  if (path === null) return ''
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? 'missing' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
}

async function documentsOf(tx: Tx, { header, rows }: CompletedRun, inputs: RecordedInputs): Promise<Part[]> {
  const { useCase, structureVersion, adjustments } = inputs
  const isAdjusted = adjustments.inForce.length > 0
  const structure = await loadStructure(tx, useCase.structure, structureVersion)
  // Loaded here, because the writer of YAML would slow the start of every other command.
  const { printUseCaseFile } = await import('../use-case-file.js')
  return [
    { name: 'README.txt', content: README_TEXT },
    { name: 'run.json', content: runDocument(header, await findingsOf(tx, header.id)) },
    { name: 'structure.csv', content: structureText(structure.rows) },
    { name: 'use-case.yaml', content: printUseCaseFile(useCase) },
    ...(isAdjusted
      ? [
          {
            name: 'adjustments.json',
            content: adjustmentsDocument(adjustments.inForce, await loadSteps(tx, header.id)),
          },
        ]
      : []),
    { name: 'results.csv', content: resultsText(rows, isAdjusted) },
  ]
}

/** The facts in scope, with the columns that the roll-up read. */
function requestOf(
  { tree, useCase, date, through, adjustments }: RecordedInputs,
  listing: FactListing,
): ListingRequest {
  const { coded, amounts } = frameColumns(tree, useCase, adjustments.inForce)
  const dated = useCase.source.date
  const wanted = distinct([...(dated === null ? [] : [dated]), ...coded, ...amounts])
  return {
    columns: wanted.filter((name) => listing.columns.some((column) => column.name === name)),
    where: dated === null ? [] : [{ column: dated, equals: date }],
    through,
  }
}

async function* factTexts(
  { progress, signal }: Context,
  listing: FactListing,
  request: ListingRequest,
  totals: ControlTotals,
): AsyncGenerator<string> {
  yield csvLine([listing.position, ...request.columns])
  let done = 0
  for await (const facts of listing.facts(request)) {
    signal.throwIfAborted()
    for (const fact of facts) totals.add(fact)
    yield facts.map(csvLine).join('')
    done += facts.length
    progress.report('writing facts', done)
  }
}
