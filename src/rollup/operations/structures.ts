/** Operations on structures: import, list, show. */

import { z } from 'zod'
import { problem, refuseAll } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { readCsvTable, type TableRow } from '../../engines/csv-table.js'
import {
  buildTree,
  checkStructure,
  type NodeRow,
  structureDigest,
  structureFindings,
  UNASSIGNED,
} from '../hierarchy.js'
import { findStructure, listStructures, loadStructure, saveStructure } from '../store/structures.js'
import { findingSchema } from './schemas.js'

const importStructure = operation({
  name: 'structures import',
  summary: 'Import a hierarchy from a CSV file as the next version of a structure.',
  effect: 'append',
  input: z.object({
    name: z.string().min(1).max(200).describe('Name of the structure.'),
    file: z.string().describe('CSV: node_id,parent_node_id,node_name[,rollup_driver,rollup_value_source].'),
    ignore_columns: z
      .boolean()
      .default(false)
      .describe('Leave unknown columns out instead of refusing them.'),
    dry_run: z.boolean().default(false).describe('Check and count, store nothing.'),
  }),
  output: z.object({
    structure: z.string(),
    version: z.number(),
    nodes: z.number(),
    new: z.number(),
    same: z.number(),
    changed: z.number(),
    removed: z.number(),
    refused: z.number(),
    digest: z.string(),
    dry_run: z.boolean(),
    findings: z.array(findingSchema),
  }),
  errors: [
    'TIE-2101',
    'TIE-2102',
    'TIE-2103',
    'TIE-2104',
    'TIE-2105',
    'TIE-2106',
    'TIE-2107',
    'TIE-2401',
    'TIE-2404',
    'TIE-2405',
  ],
  positional: ['name', 'file'],
  http: {
    method: 'POST',
    path: '/api/v1/structures/{name}',
    upload: 'file',
    location: '/api/v1/structures/{structure}',
  },
  async run({ books, tenant, who }, { name, file, ignore_columns, dry_run }) {
    const rows = await readStructure(file, ignore_columns)
    const digest = structureDigest(rows)
    return books.transaction(tenant, async (tx) => {
      const newest = await findStructure(tx, name)
      const before = newest === undefined ? [] : (await loadStructure(tx, name)).rows
      const isSame = newest?.digest === digest
      const version = isSame ? newest.version : (newest?.version ?? 0) + 1
      if (!isSame && !dry_run) await saveStructure(tx, tenant, { name, version, rows }, who)
      const findings = structureFindings(buildTree(rows))
      return {
        structure: name,
        version,
        nodes: rows.length,
        ...countChanges(before, rows),
        refused: 0,
        digest,
        dry_run,
        findings,
      }
    })
  },
})

async function readStructure(file: string, ignoreUnknown: boolean): Promise<NodeRow[]> {
  const table = await readCsvTable(file, {
    required: ['node_id', 'parent_node_id', 'node_name'],
    optional: ['rollup_driver', 'rollup_value_source'],
    ignoreUnknown,
  })
  const placeOf = (row: number) => ({ file, line: table[row]?.line ?? 1 })
  const rows = table.map(({ values }) => nodeRow(values))
  const sources = table.flatMap(({ values, line }) => {
    const value = values.rollup_value_source
    const known = value === null || value === undefined || value === 'node_id' || value === 'node_name'
    return known ? [] : [problem('TIE-2107', { value }, { file, line })]
  })
  const problems = [...sources, ...checkStructure(rows, placeOf)]
  refuseAll(problems)
  return rows
}

const nodeRow = (values: TableRow['values']): NodeRow => ({
  node_id: values.node_id ?? '',
  parent_node_id: values.parent_node_id ?? null,
  // A node without a name is shown by its id.
  node_name: values.node_name ?? values.node_id ?? '',
  rollup_driver: values.rollup_driver ?? null,
  rollup_value_source: values.rollup_value_source === 'node_name' ? 'node_name' : 'node_id',
})

function countChanges(before: readonly NodeRow[], after: readonly NodeRow[]) {
  const old = new Map(before.map((row) => [row.node_id, JSON.stringify(Object.values(row))]))
  const fresh = after.filter(({ node_id }) => !old.has(node_id)).length
  const same = after.filter((row) => old.get(row.node_id) === JSON.stringify(Object.values(row))).length
  const kept = after.length - fresh
  return { new: fresh, same, changed: kept - same, removed: before.length - kept }
}

const listAll = operation({
  name: 'structures list',
  summary: 'List the structures with their newest versions.',
  effect: 'read',
  input: z.object({}),
  output: z.object({
    structures: z.array(
      z.object({
        name: z.string(),
        version: z.number(),
        node_count: z.number(),
        imported_at: z.string(),
        imported_by: z.string(),
        digest: z.string(),
      }),
    ),
  }),
  errors: [],
  positional: [],
  http: { method: 'GET', path: '/api/v1/structures' },
  run: ({ books, tenant }) =>
    books.transaction(tenant, async (tx) => ({ structures: await listStructures(tx) })),
})

const show = operation({
  name: 'structures show',
  summary: 'Show the nodes of a structure as a tree.',
  effect: 'read',
  input: z.object({
    name: z.string().describe('Name of the structure.'),
    structure_version: z.coerce
      .number()
      .int()
      .min(1)
      .optional()
      .describe('A version; by default the newest.'),
  }),
  output: z.object({
    name: z.string(),
    version: z.number(),
    digest: z.string(),
    nodes: z.array(
      z.object({
        node_id: z.string(),
        parent_node_id: z.string().nullable(),
        node_name: z.string(),
        depth: z.number(),
        is_leaf: z.boolean(),
        rollup_driver: z.string().nullable(),
        rollup_value_source: z.enum(['node_id', 'node_name']),
      }),
    ),
    findings: z.array(findingSchema),
  }),
  errors: ['TIE-1101'],
  positional: ['name'],
  http: { method: 'GET', path: '/api/v1/structures/{name}' },
  run: ({ books, tenant }, { name, structure_version }) =>
    books.transaction(tenant, async (tx) => {
      const stored = await loadStructure(tx, name, structure_version)
      const tree = buildTree(stored.rows)
      const nodes = tree.nodes
        .filter(({ node_id }) => node_id !== UNASSIGNED)
        .map(({ node_id, parent_node_id, node_name, depth, isLeaf, rollup_driver, rollup_value_source }) => ({
          node_id,
          parent_node_id,
          node_name,
          depth,
          is_leaf: isLeaf,
          rollup_driver,
          rollup_value_source,
        }))
      return {
        name,
        version: stored.version,
        digest: stored.digest,
        nodes,
        findings: structureFindings(tree),
      }
    }),
})

export const structureOperations: readonly Operation[] = [importStructure, listAll, show]
