/**
 * A seeded random book for tests: a tree with hostile names, facts with two driver columns, rules of every
 * flavour, and for each rule's condition a plain function that says which facts it means. It shares no code
 * with src.
 */

import type { NaiveFact } from './naive-rollup.js'

/** A linear congruential generator: whole numbers below `below`, the same everywhere. */
export type Random = (below: number) => number
export function randomNumbers(seed: number): Random {
  let state = BigInt(seed)
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n)
    return Number((state >> 33n) % BigInt(below))
  }
}

export const BOOK_DATE = '2025-12-24'
export const BOOK_COLUMNS = ['row_id', 'pnl_date', 'scenario', 'cc', 'book', 'lvl', 'amt', 'wide']

const BOOKS = [
  "O'Brien",
  'back\\slash',
  '100%_',
  '日本 🦄',
  'a,b',
  'say "x"',
  "'; drop table facts; --",
  'Zürich',
  'plain',
]
const IDS = ['a b', "it's", 'sl/ash', 'per%cent', 'ünï', '[x]', '"quoted"', 'N&M=1?', '#7', '🦄']

export interface BookNode {
  readonly id: string
  readonly name: string
  readonly parent: number
}

type Holds = (fact: NaiveFact) => boolean
interface Condition {
  readonly text: string
  readonly holds: Holds
}

export interface BookRule {
  readonly node: string
  /** As it stands in the use case file. */
  readonly yaml: string
  /** Which facts a filter or switch means, before its scope; those of each sum of a formula. */
  readonly conditions: readonly Holds[]
  readonly scope: 'node' | 'table' | null
}

export interface RandomBook {
  readonly nodes: readonly BookNode[]
  readonly facts: readonly NaiveFact[]
  readonly rules: readonly BookRule[]
  /** Node bound to a book's name, by name; the second driver. */
  readonly named: ReadonlyMap<string, number>
  readonly structureCsv: string
  readonly factsCsv: string
  useCaseYaml(name: string, source: string, policy: string): string
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
const csvLine = (fields: readonly (string | null)[]): string =>
  fields.map((field) => (field === null ? '' : /[",\\]/.test(field) ? quoted(field) : field)).join(',')

export function randomBook(seed: number, { nodes: count = 32, facts: rows = 700 } = {}): RandomBook {
  const random = randomNumbers(seed)
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
  const nodes = Array.from({ length: count }, (_, i): BookNode => {
    const id = i > 0 && i <= IDS.length ? IDS[i - 1]! : `N${i}`
    const name = i >= count - 3 ? BOOKS[i - count + 3]! : `Node ${i}`
    return { id, name, parent: i === 0 ? -1 : random(Math.min(i, 9)) }
  })
  const named = new Map(nodes.slice(-3).map(({ name }, i) => [name, count - 3 + i]))
  const amount = (): string | null => {
    if (random(25) === 0) return null
    return `${random(2) === 0 ? '-' : ''}${random(9_000_000)}.${String(random(100)).padStart(2, '0')}`
  }
  const wide = (): string =>
    random(12) === 0
      ? `${random(2) === 0 ? '-' : ''}9${'8'.repeat(20)}.${String(random(10_000)).padStart(4, '0')}`
      : `${random(1000)}.${String(random(10_000)).padStart(4, '0')}`
  const facts = Array.from(
    { length: rows },
    (_, i): NaiveFact => ({
      row_id: `r${i}`,
      pnl_date: random(12) === 0 ? '2025-12-23' : BOOK_DATE,
      scenario: random(3) === 0 ? 'PRIOR' : 'ACTUAL',
      cc: random(14) === 0 ? null : random(14) === 0 ? 'nobody' : pick(nodes).id,
      book: random(9) === 0 ? null : pick(BOOKS),
      lvl: random(10) === 0 ? null : `${random(5)}.${pick(['5', '50', '0'])}`,
      amt: amount(),
      wide: wide(),
    }),
  )
  const rules = makeRules(random, nodes)
  return {
    nodes,
    facts,
    rules,
    named,
    structureCsv: [
      'node_id,parent_node_id,node_name',
      ...nodes.map(({ id, name, parent }) => csvLine([id, parent < 0 ? '' : nodes[parent]!.id, name])),
    ].join('\n'),
    factsCsv: [
      BOOK_COLUMNS.join(','),
      ...facts.map((fact) => csvLine(BOOK_COLUMNS.map((column) => fact[column]!))),
    ].join('\n'),
    useCaseYaml: (name, source, policy) =>
      JSON.stringify({
        use_case: name,
        structure: 'RANDOM',
        source: { date: 'pnl_date', scenario: 'scenario', ...JSON.parse(source) },
        measures: { amt: 'amt', wide: 'wide' },
        policy,
        drivers: [
          { nodes: 'all', column: 'cc', value: 'node_id' },
          { nodes: nodes.slice(-3).map(({ id }) => id), column: 'book', value: 'node_name' },
        ],
        rules: rules.map(({ node, yaml }) => ({ node, ...JSON.parse(yaml) })),
      }),
  }
}

const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

function conditions(random: Random): Condition {
  const book = BOOKS[random(BOOKS.length)]!
  const other = BOOKS[random(BOOKS.length)]!
  const level = random(5)
  const choices: Condition[] = [
    { text: `book = ${sqlText(book)}`, holds: (f) => f.book === book },
    { text: `book != ${sqlText(book)}`, holds: (f) => f.book !== null && f.book !== book },
    {
      text: `not book in (${sqlText(book)}, ${sqlText(other)})`,
      holds: (f) => f.book !== book && f.book !== other,
    },
    {
      text: `lvl >= ${level}.5 and lvl is not null`,
      holds: (f) => f.lvl !== null && Number(f.lvl) >= level + 0.5,
    },
    {
      text: `lvl < ${level}.25 or book is null`,
      holds: (f) => (f.lvl !== null && Number(f.lvl) < level + 0.25) || f.book === null,
    },
    {
      text: `not lvl between 1 and 3.50`,
      holds: (f) => f.lvl === null || Number(f.lvl) < 1 || Number(f.lvl) > 3.5,
    },
    { text: `book like '%a%'`, holds: (f) => f.book?.includes('a') === true },
    { text: `book not like '100\\%\\_'`, holds: (f) => f.book !== '100%_' },
    {
      text: `cc in ('a b', 'nobody') or amt > 0`,
      holds: (f) => f.cc === 'a b' || f.cc === 'nobody' || (f.amt !== null && Number(f.amt) > 0),
    },
  ]
  return choices[random(choices.length)]!
}

/** On different nodes; formulas name only nodes that have no rule, so that none goes in a circle. */
function makeRules(random: Random, nodes: readonly BookNode[]): BookRule[] {
  const shuffled = nodes.map((node) => ({ node, at: random(1_000_000) })).sort((a, b) => a.at - b.at)
  const ruled = shuffled.slice(0, 14).map(({ node }) => node)
  const leaves = shuffled
    .slice(14)
    .map(({ node }) => node)
    .filter((node) => !nodes.some(({ parent }) => nodes[parent] === node))
  const name = (node: BookNode): string => quoted(node.id)
  return ruled.map(({ id }, i): BookRule => {
    const one = conditions(random)
    const two = conditions(random)
    const scope = random(2) === 0 ? 'node' : 'table'
    const [x, y] = [leaves[random(leaves.length)]!, leaves[random(leaves.length)]!]
    const rule = (yaml: object, holds: readonly Holds[], at: BookRule['scope']): BookRule => ({
      node: id,
      yaml: JSON.stringify(yaml),
      conditions: holds,
      scope: at,
    })
    switch (i % 7) {
      case 0:
      case 1:
        return rule({ where: one.text, scope }, [one.holds], scope)
      case 2:
        return rule({ where: one.text, scope, measure_name: 'wide', into: 'amt' }, [one.holds], scope)
      case 3:
        return rule({ measure_name: 'amt', into: 'wide', scope }, [() => true], scope)
      case 4:
        return rule({ formula: `${name(x)} - natural(${name(y)}) * 0.5 + 3` }, [], null)
      case 5:
        return rule(
          {
            formula: `sum(amt where ${one.text}) - sum(wide where ${two.text}) / 7 + sum(amt)`,
            into: i > 7 ? 'wide' : 'amt',
          },
          [one.holds, two.holds, () => true],
          null,
        )
      default:
        return rule(
          { formula: i > 7 ? `${name(x)} / (${name(y)} - ${name(y)})` : `-${name(x)} / 3 - -${name(y)}` },
          [],
          null,
        )
    }
  })
}

/** The node of a fact by the drivers: its cost centre, else its book; −1 where no node claims it. */
export function ownerOf({ nodes, named }: RandomBook, fact: NaiveFact): number {
  const byCentre = nodes.findIndex(({ id }) => id === fact.cc)
  return byCentre >= 0 ? byCentre : fact.book === null ? -1 : (named.get(fact.book!) ?? -1)
}

export function isUnder({ nodes }: RandomBook, node: number, above: number): boolean {
  for (let at = node; at >= 0; at = nodes[at]!.parent) if (at === above) return true
  return false
}
