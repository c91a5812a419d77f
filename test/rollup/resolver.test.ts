import { describe, expect, test } from 'vitest'
import { bindNodes, checkBindings } from '#tieout/rollup/bindings'
import { calculationOrder, checkFormulaCycles } from '#tieout/rollup/order'
import { checkRuleConflicts, resolutionFindings, resolveRules } from '#tieout/rollup/resolver'
import type { Driver, Policy, Rule } from '#tieout/rollup/use-case'
import { refusalOf, said } from '../support/refusals.js'
import { columnsOf, treeOf, useCaseOf } from '../support/roll-up.js'

const TREE = treeOf('R Root\n  A Americas\n    A1\n    A2\n  B\n    B1')
const COLUMNS = columnsOf(['cc', 'book', 'daily_amt', 'fee_amt'])
const MEASURES = { daily: 'daily_amt', fee: 'fee_amt' }

/** `node: rule`, where a rule is a predicate, `= formula`, or `fee > where` for a switch of daily. */
function rulesOf(list: readonly string[], policy: Policy): readonly Rule[] {
  const rules = list.map((line) => {
    const [, node, text] = /^(\w+): (.*)$/.exec(line)!
    if (text!.startsWith('= ')) return { node, formula: text!.slice(2) }
    if (text!.startsWith('fee > ')) return { node, where: text!.slice(6), measure_name: 'fee' }
    return { node, where: text }
  })
  return useCaseOf(TREE, { measures: MEASURES, rules, policy }, COLUMNS).rules
}

const measures = Object.entries(MEASURES).map(([name, column]) => ({ name, column }))

function resolve(list: readonly string[], policy: Policy = 'most_specific') {
  const rules = rulesOf(list, policy)
  const bindings = bindNodes(TREE, [{ nodes: 'all', column: 'cc', value: 'node_id' }])
  return resolveRules(TREE, rules, measures, bindings, policy)
}

describe('what becomes of each rule', () => {
  test.each<[string, Policy, string[], string[]]>([
    ['alone', 'most_specific', ["A: book = 'X'"], ['decides']],
    ['a filter above a filter', 'most_specific', ["A: book = 'X'", "A1: book = 'Y'"], ['skipped', 'decides']],
    ['the same, top down', 'top_down', ["A: book = 'X'", "A1: book = 'Y'"], ['decides', 'shadowed']],
    ['a filter above a formula', 'most_specific', ["A: book = 'X'", 'A1: = 1'], ['skipped', 'decides']],
    [
      'a switch above a filter',
      'most_specific',
      ["A: fee > book = 'X'", "A1: book = 'Y'"],
      ['skipped', 'decides'],
    ],
    [
      'all three levels',
      'most_specific',
      ["R: book = 'X'", "A: book = 'X'", "A1: book = 'Y'"],
      ['skipped', 'skipped', 'decides'],
    ],
    ['in the branch beside it', 'most_specific', ["A: book = 'X'", "B1: book = 'Y'"], ['decides', 'decides']],
    ['a formula always stands', 'most_specific', ['A: = 1', "A1: book = 'Y'"], ['decides', 'shadowed']],
    [
      'a formula that reads the node',
      'most_specific',
      ['A: = A1 * 2', "A1: book = 'Y'"],
      ['decides', 'decides'],
    ],
    [
      'a formula that reads its natural value',
      'most_specific',
      ['A: = natural(A1) * 2', "A1: book = 'Y'"],
      ['decides', 'shadowed'],
    ],
    [
      'a formula that reads a parent of it',
      'most_specific',
      ['R: = A + 1', "A1: book = 'Y'"],
      ['decides', 'decides'],
    ],
    [
      'through another formula',
      'most_specific',
      ['R: = B + 1', 'B: = A1', "A1: book = 'Y'"],
      ['decides', 'decides', 'decides'],
    ],
    [
      'a switch leaves the other measures',
      'top_down',
      ["A: fee > book = 'X'", "A1: book = 'Y'"],
      ['decides', 'decides'],
    ],
    [
      'a formula over queries sets the first measure only',
      'top_down',
      ['A: = sum(daily_amt)', "A1: book = 'Y'"],
      ['decides', 'decides'],
    ],
  ])('%s (%s)', (_, policy, rules, outcomes) =>
    expect(resolve(rules, policy).decisions.map(({ outcome }) => outcome)).toEqual(outcomes),
  )

  test('the reasons are findings', () => {
    const found = (policy: Policy) =>
      resolutionFindings(resolve(["A: book = 'X'", "A1: book = 'Y'"], policy).decisions).map(
        ({ code, node_id, message }) => `${code} ${node_id} ${message}`,
      )
    expect(found('most_specific')).toEqual([
      'RULE_SKIPPED A Rule 1 on A is skipped: A1 below it has a rule of its own, and the policy is most_specific.',
    ])
    expect(found('top_down')).toEqual([
      'RULE_SHADOWED A1 Rule 2 on A1 is shadowed: Americas (A) above it has a value of its own that does not read it, so the effect ends there.',
    ])
  })

  test('the rule of each node, by measure', () => {
    const { deciding } = resolve(["A: fee > book = 'X'", "B1: book = 'Y'", 'R: = 1'])
    expect(deciding.map((byMeasure) => byMeasure.map((rule) => rule?.no ?? 0))).toEqual([
      [3, 3], // R
      [1, 0], // A: the switch sets daily alone
      [0, 0], // A1
      [0, 0], // A2
      [0, 0], // B
      [2, 2], // B1
      [0, 0], // UNASSIGNED
    ])
  })
})

test('two rules that set one measure of a node', () => {
  const [filter] = rulesOf(["A: book = 'X'"], 'top_down')
  const [fee] = rulesOf(["A: fee > book = 'X'"], 'top_down')
  const conflicts = (...rules: Rule[]) =>
    checkRuleConflicts(
      rules.map((rule, i) => ({ ...rule, no: i + 1 })),
      measures,
      (no) => ({ line: no }),
    ).map(said)
  expect(conflicts(filter!, fee!)).toEqual(['TIE-2308@2 Node "A" has two rules for the measure daily.'])
  expect(conflicts(filter!, filter!)).toEqual([
    'TIE-2308@2 Node "A" has two rules for the measure daily, fee.',
  ])
  expect(conflicts(fee!, { ...fee!, node: 'B' })).toEqual([])
  expect(conflicts(fee!, { ...fee!, into: 'fee' } as Rule)).toEqual([])
})

describe('bindings', () => {
  const of = (drivers: Driver[] | null, tree = TREE) =>
    bindNodes(tree, drivers).bindings.map(
      ({ column, value, node }) => `${column}=${value}→${tree.nodes[node]!.node_id}`,
    )

  test.each<[string, Driver[], string[]]>([
    ['leaves', [{ nodes: 'leaves', column: 'cc', value: 'node_id' }], ['cc=A1→A1', 'cc=A2→A2', 'cc=B1→B1']],
    [
      'all, by name, without UNASSIGNED',
      [{ nodes: 'all', column: 'cc', value: 'node_name' }],
      ['cc=Root→R', 'cc=Americas→A', 'cc=A1→A1', 'cc=A2→A2', 'cc=B→B', 'cc=B1→B1'],
    ],
    [
      'a list, two columns in their order',
      [
        { nodes: ['B1'], column: 'book', value: 'node_id' },
        { nodes: ['A', 'gone'], column: 'cc', value: 'node_name' },
      ],
      ['book=B1→B1', 'cc=Americas→A'],
    ],
  ])('%s', (_, drivers, expected) => expect(of(drivers)).toEqual(expected))

  test("the structure's own, and the drivers that replace them", () => {
    const tree = treeOf('R\n  A Americas <book\n  B <cc')
    expect(of(null, tree)).toEqual(['book=A→A', 'cc=B→B'])
    expect(bindNodes(tree, null).columns).toEqual(['book', 'cc'])
    expect(of([{ nodes: ['A'], column: 'cc', value: 'node_id' }], tree)).toEqual(['cc=A→A'])
  })

  test('a root alone is a leaf', () => {
    expect(of([{ nodes: 'leaves', column: 'cc', value: 'node_id' }], treeOf('R'))).toEqual(['cc=R→R'])
  })

  test.each<[string, Driver[], string[]]>([
    [
      'two nodes of one name',
      [{ nodes: ['A1', 'A2'], column: 'cc', value: 'node_name' }],
      ['TIE-2307 cc = "Desk" is bound to node "A1" and again to node "A2".'],
    ],
    [
      'one node twice',
      [
        { nodes: ['A1'], column: 'cc', value: 'node_id' },
        { nodes: ['A1'], column: 'cc', value: 'node_id' },
      ],
      ['TIE-2307 cc = "A1" is bound to node "A1" and again to node "A1".'],
    ],
    [
      'one value in two columns is fine',
      [
        { nodes: ['A1'], column: 'cc', value: 'node_id' },
        { nodes: ['A1'], column: 'book', value: 'node_id' },
      ],
      [],
    ],
  ])('%s', (_, drivers, expected) => {
    const tree = treeOf('R\n  A1 Desk\n  A2 Desk')
    expect(checkBindings(tree, bindNodes(tree, drivers), (_c, value) => value).map(said)).toEqual(expected)
  })

  test('1.5 and 1.50 are one value of a numeric column', async () => {
    const tree = treeOf('R\n  X 1.5\n  Y 1.50')
    const drivers = [{ nodes: ['X', 'Y'], column: 'daily_amt', value: 'node_name' }]
    expect((await refusalOf(() => useCaseOf(tree, { drivers }, COLUMNS))).map(said)).toEqual([
      'TIE-2307 daily_amt = "1.50" is bound to node "X" and again to node "Y".',
    ])
    expect(useCaseOf(tree, { drivers: [{ ...drivers[0], column: 'cc' }] }, COLUMNS).drivers).toHaveLength(1)
  })

  test('virtual rules of one driver column are one batch', () => {
    expect(resolve([]).batches).toEqual([{ column: 'cc', nodes: [0, 1, 2, 3, 4, 5] }])
  })
})

describe('the order of formulas', () => {
  test.each<[string, string[], string[]]>([
    ['operands first', ['A: = B + 1', 'B1: = A2'], []],
    ['itself, bare, is its natural value', ['A: = A * 2'], []],
    [
      'itself, adjusted',
      ['A: = adjusted(A) * 2'],
      ['TIE-2309 The formulas form a cycle: Americas (A) → Americas (A).'],
    ],
    [
      'two formulas',
      ['A1: = A2', 'A2: = A1'],
      [expect.stringMatching(/^TIE-2309 The formulas form a cycle: (A2 → A1 → A2|A1 → A2 → A1)\.$/)],
    ],
    [
      'an ancestor',
      ['A1: = R'],
      ['TIE-2309 The formulas form a cycle: Root (R) → Americas (A) → A1 → Root (R).'],
    ],
    [
      'an ancestor with a value of its own',
      ['A1: = A', 'A: = 1'],
      ['TIE-2309 The formulas form a cycle: Americas (A) → A1 → Americas (A).'],
    ],
    ["an ancestor's natural value is no cycle", ['A1: = natural(R) + natural(A)'], []],
    [
      'through a parent that adds up',
      ['A1: = B', 'B1: = A'],
      [expect.stringMatching(/^TIE-2309 .*A1.*B.*B1/)],
    ],
    ['a parent with a rule of its own breaks it', ['A1: = B', 'B: = 1', 'B1: = A2'], []],
    [
      'each in its turn',
      ['A1: = adjusted(A1)', 'B1: = R'],
      [expect.stringContaining('A1 → A1'), expect.stringContaining('Root (R) → B → B1 → Root (R)')],
    ],
  ])('%s', async (_, rules, expected) => {
    expect((await refusalOf(() => rulesOf(rules, 'most_specific'))).map(said)).toEqual(expected)
  })

  test('children come before parents, operands before formulas', () => {
    const { deciding } = resolve(['A: = B + 1'])
    const order = calculationOrder(
      TREE,
      deciding.map((rules) => rules[0]),
    )
    const ids = 'nodes' in order ? order.nodes.map((node) => TREE.nodes[node]!.node_id) : []
    expect(ids).toHaveLength(7)
    const stands = (a: string, b: string): boolean => ids.indexOf(a) < ids.indexOf(b)
    expect([stands('B1', 'B'), stands('B', 'A'), stands('A', 'R')]).toEqual([true, true, true])
  })

  test('a chain of 50,000 nodes', () => {
    const tree = treeOf(Array.from({ length: 1 }, () => 'R').join('\n'))
    const nodes = Array.from({ length: 50_000 }, (_, i) => ({
      ...tree.nodes[0]!,
      node_id: `N${i}`,
      parent: i - 1,
      children: i === 49_999 ? [] : [i + 1],
      end: 50_000,
    }))
    const deep = { nodes, positions: new Map(), orphans: [] }
    const order = calculationOrder(
      deep,
      nodes.map(() => undefined),
    )
    expect('nodes' in order && order.nodes[0]).toBe(49_999)
    expect(
      checkFormulaCycles(deep, [], measures, { columns: [], bindings: [] }, 'top_down', () => undefined),
    ).toEqual([])
  })
})
