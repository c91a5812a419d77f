import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  buildTree,
  checkStructure,
  type NodeRow,
  nodeLabel,
  structureDigest,
  structureFindings,
} from '#tieout/rollup/hierarchy'
import { said } from '../support/refusals.js'
import { nodeRows, treeOf } from '../support/roll-up.js'

const row = (node_id: string, parent_node_id: string | null, node_name = node_id): NodeRow => ({
  node_id,
  parent_node_id,
  node_name,
  rollup_driver: null,
  rollup_value_source: 'node_id',
})

/** Row i stands in line i + 2 of the file. */
const check = (rows: readonly NodeRow[], expected: readonly string[]): void =>
  expect(checkStructure(rows, (i) => ({ file: 's.csv', line: i + 2 })).map(said)).toEqual(expected)

describe('rows that are no structure', () => {
  test.each<[string, NodeRow[], string[]]>([
    ['a tree', [row('R', null), row('A', 'R'), row('B', 'A')], []],
    ['an orphan is a finding, not a refusal', [row('R', null), row('A', 'X')], []],
    [
      'a node twice',
      [row('R', null), row('A', 'R'), row('A', 'R')],
      ['TIE-2101@4 Node "A" is defined twice (first in line 3).'],
    ],
    ['two roots', [row('R', null), row('S', null)], ['TIE-2102@3 Two roots: "R" and "S" have no parent.']],
    [
      'the root twice is a duplicate, not a second root',
      [row('R', null), row('R', null)],
      ['TIE-2101@3 Node "R" is defined twice (first in line 2).'],
    ],
    [
      'a cycle, by names, from parent to child',
      [row('R', null), row('A', 'B', 'Rates'), row('B', 'C', 'Desk B'), row('C', 'A')],
      ['TIE-2103@5 The hierarchy has a cycle: C → Desk B (B) → Rates (A) → C.'],
    ],
    ['its own parent', [row('R', null), row('A', 'A')], ['TIE-2103@3 The hierarchy has a cycle: A → A.']],
    [
      'a branch into a cycle names the cycle only',
      [row('R', null), row('X', 'A'), row('A', 'B'), row('B', 'A')],
      [expect.stringMatching(/^TIE-2103@\d The hierarchy has a cycle: (A → B → A|B → A → B)\.$/)],
    ],
    [
      'two cycles',
      [row('R', null), row('A', 'A'), row('B', 'B')],
      ['TIE-2103@3 The hierarchy has a cycle: A → A.', 'TIE-2103@4 The hierarchy has a cycle: B → B.'],
    ],
    ['no root', [row('A', 'X')], ['TIE-2104@2 The structure has no root: every node names a parent.']],
    ['no rows', [], ['TIE-2104@2 The structure has no root: every node names a parent.']],
    ['an empty id', [row('R', null), row('', 'R')], ['TIE-2105@3 A node needs a node_id; it is empty.']],
    [
      'the reserved id',
      [row('R', null), row('UNASSIGNED', 'R')],
      [
        'TIE-2106@3 The node id "UNASSIGNED" is reserved: every run adds it for the facts that no node claims.',
      ],
    ],
    [
      'all of them at once',
      [row('R', null), row('S', null), row('A', 'R'), row('A', 'S'), row('', 'R'), row('C', 'C')],
      [
        'TIE-2102@3 Two roots: "R" and "S" have no parent.',
        'TIE-2101@5 Node "A" is defined twice (first in line 4).',
        'TIE-2105@6 A node needs a node_id; it is empty.',
        'TIE-2103@7 The hierarchy has a cycle: C → C.',
      ],
    ],
  ])('%s', (_, rows, expected) => check(rows, expected))
})

describe('the tree', () => {
  const TREE = treeOf(
    `
    R Root
      A Americas
        A1
      B
        B1
          B2
  `.replace(/^ {4}/gm, ''),
  )

  test('is in preorder with derived depth and leaves, UNASSIGNED last', () => {
    expect(TREE.nodes.map((n) => `${n.node_id} ${n.depth} ${n.isLeaf} ${n.parent} ${n.end}`)).toEqual([
      'R 0 false -1 7',
      'A 1 false 0 3',
      'A1 2 true 1 3',
      'B 1 false 0 6',
      'B1 2 false 3 6',
      'B2 3 true 4 6',
      'UNASSIGNED 1 true 0 7',
    ])
  })

  test('a subtree is a range', () => {
    const within = (node: string, ancestor: string): boolean => {
      const [at, above] = [node, ancestor].map((id) => TREE.positions.get(id)!) as [number, number]
      return at >= above && at < TREE.nodes[above]!.end
    }
    expect([within('B2', 'B'), within('B', 'B'), within('B2', 'A'), within('B', 'B2')]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  test('children may stand before their parents in the file', () => {
    const tree = buildTree([row('B', 'A'), row('A', 'R'), row('R', null)])
    expect(tree.nodes.map(({ node_id }) => node_id)).toEqual(['R', 'A', 'B', 'UNASSIGNED'])
  })

  test('random parents: each range holds the node and what is below it, and nothing else', () => {
    const parents = fc
      .integer({ min: 1, max: 30 })
      .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => fc.nat(Math.max(0, i - 1)))))
    fc.assert(
      fc.property(parents, (list) => {
        const { nodes } = buildTree(list.map((parent, i) => row(`N${i}`, i === 0 ? null : `N${parent}`)))
        for (let i = 0; i < nodes.length; i++)
          for (let j = 0; j < nodes.length; j++) {
            let at = j
            while (at > i) at = nodes[at]!.parent
            expect(i <= j && j < nodes[i]!.end).toBe(at === i)
          }
      }),
      { numRuns: 50 },
    )
  })

  test('a chain of 100,000 nodes', { tags: ['long'] }, () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => row(`N${i}`, i === 0 ? null : `N${i - 1}`))
    expect(checkStructure(rows)).toEqual([])
    const { nodes } = buildTree(rows)
    expect([nodes.length, nodes[99_999]!.depth, nodes[0]!.end]).toEqual([100_001, 99_999, 100_001])
    const cycle = rows.map((r, i) => (i === 1 ? { ...r, parent_node_id: 'N99999' } : r))
    expect(checkStructure(cycle).map(({ code }) => code)).toEqual(['TIE-2103'])
  })
})

test('findings: orphans with the reason, siblings of one name', () => {
  const tree = buildTree([
    row('R', null),
    row('A', 'R', 'Desk'),
    row('B', 'R', 'Desk'),
    row('X', 'gone', 'Lost'),
    row('Y', 'X'),
  ])
  expect(
    structureFindings(tree).map(({ code, severity, message }) => `${severity} ${code}: ${message}`),
  ).toEqual([
    'warning NODE_ORPHANED: Node Lost (X) is orphaned: its parent gone is not in the structure.',
    'warning NODE_ORPHANED: Node Y is orphaned: its parent X is orphaned too.',
    'info DUPLICATE_SIBLING_NAMES: 2 children of R are named "Desk": A, B.',
  ])
})

test('a label is the name with the id, or the id alone', () => {
  expect([nodeLabel(row('N12', null, 'Rates')), nodeLabel(row('N12', null))]).toEqual(['Rates (N12)', 'N12'])
})

test('the digest is of names, drivers and the order of siblings', () => {
  const rows = nodeRows('R\n  A\n  B')
  const changes: NodeRow[][] = [
    [rows[0]!, rows[2]!, rows[1]!],
    rows.map((r) => ({ ...r, node_name: `${r.node_name}!` })),
    rows.map((r) => ({ ...r, rollup_driver: 'cc' })),
    rows.map((r) => ({ ...r, rollup_value_source: 'node_name' as const })),
  ]
  expect(structureDigest(nodeRows('R\n  A\n  B'))).toBe(structureDigest(rows))
  expect(new Set([rows, ...changes].map(structureDigest)).size).toBe(5)
})
