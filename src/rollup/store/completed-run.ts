/** A completed run with its figures. Raises TIE-1103 (no such run), TIE-1106 (a run without results). */

import { refuse } from '../../base/errors.js'
import type { Tx } from '../../books/books.js'
import { type RunHeader, runHeader } from '../../books/run-headers.js'
import { buildTree, type Tree } from '../hierarchy.js'
import { loadResults, type ResultRow } from './results.js'
import { loadStructure } from './structures.js'

export interface CompletedRun {
  readonly header: RunHeader
  readonly tree: Tree
  readonly rows: readonly ResultRow[]
}

export async function completedRun(tx: Tx, run: string): Promise<CompletedRun> {
  const header = await completedHeader(tx, run)
  const tree = await treeOfRun(tx, header)
  return { header, tree, rows: await loadResults(tx, header.id, tree) }
}

/** The structure at the version that the run was calculated from. */
export async function treeOfRun(tx: Tx, { parameters }: RunHeader): Promise<Tree> {
  const { structure, structure_version } = parameters as { structure: string; structure_version: number }
  return buildTree((await loadStructure(tx, structure, structure_version)).rows)
}

/** The run without its figures, for reading only some of them. Runs of lots or attribution have none of a hierarchy. */
export async function completedHeader(tx: Tx, run: string): Promise<RunHeader> {
  const header = await runHeader(tx, run)
  const { id, kind } = header
  if (kind !== 'rollup') refuse('TIE-1106', { run: id, status: `of another kind (${kind})` })
  if (header.status !== 'COMPLETED') refuse('TIE-1106', { run: id, status: header.status })
  return header
}
