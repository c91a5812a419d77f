/**
 * Whether a run's inputs have moved since: by digest and by arrival number, never by the clock. A stale run is
 * still right about what it was calculated from. Raises nothing of its own.
 */

import type { IsoDate } from '../base/dates.js'
import type { Tx } from '../books/books.js'
import { findFactTable, quoteIdentifier } from '../books/fact-tables.js'
import type { RunHeader } from '../books/run-headers.js'
import { adjustmentsDigest } from './adjustments/adjustment.js'
import { adjustmentsOn } from './store/adjustments.js'
import { loadStructure } from './store/structures.js'
import { loadUseCase } from './store/use-cases.js'
import { type UseCase, useCaseDigests } from './use-case.js'

/** What has changed: facts, hierarchy, rules, mapping, adjustments. Files read in place are compared by `runs verify`. */
export async function staleReasons(tx: Tx, header: RunHeader): Promise<string[]> {
  const { useCase } = await loadUseCase(tx, header.use_case_id!)
  const reasons: string[] = []
  const through = header.parameters.facts_through
  if (typeof through === 'string' && (await factsSince(tx, header, useCase, through))) reasons.push('facts')
  const structure = await loadStructure(tx, useCase.structure)
  if (structure.digest !== header.digests.hierarchy) reasons.push('hierarchy')
  // A trial is of edits that were never saved, so rules and mapping are not those of the use case anyway.
  if (header.trial) return reasons
  const now = useCaseDigests(useCase)
  if (now.rules !== header.digests.rules) reasons.push('rules')
  if (now.mapping !== header.digests.mapping) reasons.push('mapping')
  const { inForce } = await adjustmentsOn(tx, header.use_case_id!, header.pnl_date as IsoDate)
  const adjustments = inForce.length === 0 ? undefined : adjustmentsDigest(inForce)
  if (adjustments !== header.digests.adjustments) reasons.push('adjustments')
  return reasons
}

async function factsSince(tx: Tx, header: RunHeader, { source }: UseCase, through: string): Promise<boolean> {
  const table = source.table === null ? undefined : await findFactTable(tx, source.table)
  if (table === undefined) return true
  const conditions = ['fact_seq > $1::bigint']
  const params: string[] = [through]
  const add = (condition: string, value: string): void => {
    params.push(value)
    conditions.push(`${condition} = $${params.length}`)
  }
  if (source.date !== null && table.columns.some(({ name }) => name === source.date))
    add(`${quoteIdentifier(source.date)}::text`, header.pnl_date!)
  if (table.sharedByUseCases) add('use_case_id::text', header.use_case_id!)
  const [row] = await tx.rows<{ newer: boolean }>(
    `SELECT EXISTS (SELECT FROM public.${quoteIdentifier(table.physical)} WHERE ${conditions.join(' AND ')}) AS newer`,
    params,
  )
  return row!.newer
}
