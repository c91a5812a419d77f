/**
 * A draft made the current version of its use case: bound to the structure and the source as they are, stored
 * when anything changed. Files, edits and trials all come through here.
 *
 * Raises TIE-1101, TIE-1205 (somebody changed it meanwhile), TIE-2420, and what binding raises.
 */

import { refuse } from '../base/errors.js'
import type { Finding } from '../base/finding.js'
import type { Tx } from '../books/books.js'
import type { Context } from '../books/operation.js'
import { bindUseCase } from './bind-use-case.js'
import { bindNodes } from './bindings.js'
import { buildTree, type Tree } from './hierarchy.js'
import { resolutionFindings, resolveRules } from './resolver.js'
import { type Accounts, withSource } from './sources.js'
import { loadStructure } from './store/structures.js'
import { findUseCase, loadUseCase, savedDigest, saveUseCase, useCaseDigest } from './store/use-cases.js'
import type { SourceSpec, UseCase } from './use-case.js'
import type { UseCaseDraft } from './use-case-draft.js'
import type { PlaceOf } from './use-case-file.js'

export interface Draft {
  readonly draft: UseCaseDraft
  readonly source: SourceSpec
  readonly placeOf: PlaceOf
}

export interface BoundDraft {
  readonly useCase: UseCase
  readonly tree: Tree
}

/** A server reads of an account only what somebody on its machine has named: its token may reach more. */
async function refuseNewAccount(
  { filesUnder }: Pick<Context, 'filesUnder'>,
  tx: Tx,
  { source, placeOf }: Draft,
  useCaseId: string | undefined,
): Promise<void> {
  if (source.engine !== 'snowflake' || filesUnder === undefined) return
  const known = useCaseId === undefined ? undefined : (await loadUseCase(tx, useCaseId)).useCase.source
  if (known?.connection === source.connection && known?.table === source.table) return
  refuse('TIE-2420', { connection: source.connection!, table: source.table! }, placeOf(['source']))
}

/** `useCaseId` selects the use case's rows in a table that several share. */
export async function bindDraft(
  context: Accounts & Pick<Context, 'filesUnder'>,
  tx: Tx,
  given: Draft,
  useCaseId: string | undefined,
): Promise<BoundDraft> {
  const { draft, source, placeOf } = given
  await refuseNewAccount(context, tx, given, useCaseId)
  const tree = buildTree((await loadStructure(tx, draft.structure)).rows)
  const useCase = await withSource(context, tx, source, useCaseId, async ({ columns }) =>
    bindUseCase(draft, { tree, source, columns, placeOf }),
  )
  return { useCase, tree }
}

export interface Applied {
  readonly use_case: string
  readonly use_case_id: string
  readonly version: number
  readonly changed: boolean
  readonly structure: string
  readonly measures: string[]
  readonly rules: number
  readonly dry_run: boolean
  readonly findings: Finding[]
}

export interface ApplyOptions {
  readonly dry_run: boolean
  /** The version the change was made on; undefined: whatever there is. */
  readonly expected_version: number | undefined
}

export async function applyDraft(
  context: Context,
  tx: Tx,
  given: Draft,
  { dry_run, expected_version }: ApplyOptions,
): Promise<Applied> {
  const { tenant, who, newId } = context
  const known = await findUseCase(tx, given.draft.use_case, 'locked')
  if (expected_version !== undefined && known !== undefined && known.version !== expected_version) {
    const { version } = known
    refuse('TIE-1205', { use_case: given.draft.use_case, version, expected: expected_version })
  }
  const { useCase, tree } = await bindDraft(context, tx, given, known?.id)
  const changed =
    known === undefined || (await savedDigest(tx, known.id, known.version)) !== useCaseDigest(useCase)
  const id = known?.id ?? newId()
  const version = changed ? (known?.newest ?? 0) + 1 : known.version
  if (changed && !dry_run) await saveUseCase(tx, tenant, { id, version, useCase }, who)
  const bindings = bindNodes(tree, useCase.drivers)
  const { decisions } = resolveRules(tree, useCase.rules, useCase.measures, bindings, useCase.policy)
  return {
    use_case: useCase.name,
    use_case_id: id,
    version,
    changed,
    structure: useCase.structure,
    measures: useCase.measures.map(({ name }) => name),
    rules: useCase.rules.length,
    dry_run,
    findings: resolutionFindings(decisions),
  }
}
