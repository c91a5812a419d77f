/** Structures in the books: versions that never change. Raises TIE-1101. */

import type { Digest } from '../../base/digest.js'
import { refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { TenantId, Tx } from '../../books/books.js'
import { buildTree, type NodeRow, structureDigest, type Tree } from '../hierarchy.js'

export interface StoredStructure {
  readonly name: string
  readonly version: number
  readonly digest: Digest
  readonly rows: readonly NodeRow[]
}

export interface StructureSummary {
  readonly name: string
  readonly version: number
  readonly digest: string
  readonly node_count: number
  readonly imported_at: string
  readonly imported_by: string
}

/** The newest version of every structure, by name. */
export function listStructures(tx: Tx): Promise<StructureSummary[]> {
  return tx.rows<StructureSummary>(
    `SELECT DISTINCT ON (atlas_source COLLATE "C") atlas_source AS name, structure_version AS version, digest, node_count, imported_at, imported_by
       FROM structure_versions ORDER BY atlas_source COLLATE "C", structure_version DESC`,
  )
}

export async function findStructure(tx: Tx, name: string): Promise<StructureSummary | undefined> {
  const [row] = await tx.rows<StructureSummary>(
    `SELECT atlas_source AS name, structure_version AS version, digest, node_count, imported_at, imported_by
       FROM structure_versions WHERE atlas_source = $1 ORDER BY structure_version DESC LIMIT 1`,
    [name],
  )
  return row
}

/** A version of the structure; the newest when none is named. */
export async function loadStructure(tx: Tx, name: string, version?: number): Promise<StoredStructure> {
  const newest = await findStructure(tx, name)
  if (newest === undefined) {
    const known = await listStructures(tx)
    refuse('TIE-1101', {
      structure: name,
      suggestion: didYouMean(
        name,
        known.map((structure) => structure.name),
      ),
    })
  }
  const wanted = version ?? newest.version
  if (wanted > newest.version)
    refuse('TIE-1109', { structure: name, version: wanted, newest: newest.version })
  const rows = await tx.rows<NodeRow>(
    `SELECT node_id, parent_node_id, node_name, rollup_driver, coalesce(rollup_value_source, 'node_id') AS rollup_value_source
       FROM dim_hierarchy WHERE atlas_source = $1 AND structure_version = $2 ORDER BY ordinal`,
    [name, wanted],
  )
  return { name, version: wanted, digest: structureDigest(rows), rows }
}

/** Stores the rows as the next version, in the order given. */
export async function saveStructure(
  tx: Tx,
  tenant: TenantId,
  structure: Omit<StoredStructure, 'digest'>,
  importedBy: string,
): Promise<void> {
  const { name, version, rows } = structure
  await tx.execute(
    `INSERT INTO structure_versions (tenant_id, atlas_source, structure_version, digest, node_count, imported_by)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [tenant, name, version, structureDigest(rows), rows.length, importedBy],
  )
  const tree = buildTree(rows)
  const stored = rows.map((row, ordinal) => ({ ...row, ordinal, ...placeInTree(tree, row) }))
  await tx.execute(
    `INSERT INTO dim_hierarchy (tenant_id, atlas_source, structure_version, ordinal, node_id, parent_node_id,
       node_name, depth, is_leaf, rollup_driver, rollup_value_source)
     SELECT $1::uuid, $2, $3::integer, n.* FROM jsonb_to_recordset($4::jsonb) AS n(ordinal integer, node_id text,
       parent_node_id text, node_name text, depth integer, is_leaf boolean, rollup_driver text, rollup_value_source text)`,
    [tenant, name, version, JSON.stringify(stored)],
  )
}

/** Depth and leaf as derived; an orphan has no depth. */
function placeInTree(
  tree: Tree,
  { node_id }: NodeRow,
): { readonly depth: number | null; readonly is_leaf: boolean } {
  const node = tree.nodes[tree.positions.get(node_id) ?? -1]
  return { depth: node?.depth ?? null, is_leaf: node?.isLeaf ?? true }
}
