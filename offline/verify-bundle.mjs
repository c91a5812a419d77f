#!/usr/bin/env node
/**
 * Verifies a sealed run of Tieout (format tieout-bundle/1) without Tieout and without its database:
 *
 *     node verify-bundle.mjs BUNDLE.zip [--seal sha256:…]
 *
 * It shares no code with the product. It was written from docs/bundles.md and docs/use-case-file.md, as a second
 * opinion that can be read in an hour, and needs Node 20 or newer and nothing else. Facts are read as a stream.
 * Amounts are exact; only a division rounds.
 *
 * Exit 0: every check holds. 1: a check failed; files and cells at fault are named. 2: no bundle, or wrong usage.
 */

import { createHash } from 'node:crypto'
import { createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createInflateRaw } from 'node:zlib'

const FORMAT = 'tieout-bundle/1'
const UNASSIGNED = 'UNASSIGNED'

/** What was named is no bundle. */
class NoBundle extends Error {}
/** A bundle with something in it that cannot be so. */
class Wrong extends Error {}

const quoted = (text) => JSON.stringify(text)

// ── Decimals: units / 10^scale, the units a whole number of any length ──────────────────────────────────────────

const ZERO = { units: 0n, scale: 0 }
const size = (n) => (n < 0n ? -n : n)

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/

function decimal(text) {
  if (!DECIMAL.test(text)) throw new Wrong(`${quoted(text)} is no decimal`)
  const point = text.indexOf('.')
  if (point < 0) return { units: BigInt(text), scale: 0 }
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 }
}

function add(a, b) {
  const scale = Math.max(a.scale, b.scale)
  const at = (value) =>
    value.scale === scale ? value.units : value.units * 10n ** BigInt(scale - value.scale)
  return { units: at(a) + at(b), scale }
}

const negative = ({ units, scale }) => ({ units: -units, scale })
const subtract = (a, b) => add(a, negative(b))
const multiply = (a, b) => ({ units: a.units * b.units, scale: a.scale + b.scale })
const compare = (a, b) => Number(subtract(a, b).units > 0n) - Number(subtract(a, b).units < 0n)

/** a ÷ b to `scale` places; what lies exactly between two such numbers goes to the even one. */
function divide(a, b, scale) {
  const top = size(a.units) * 10n ** BigInt(scale + b.scale)
  const bottom = size(b.units) * 10n ** BigInt(a.scale)
  const whole = top / bottom
  const twice = (top % bottom) * 2n
  const rounded = twice > bottom || (twice === bottom && whole % 2n === 1n) ? whole + 1n : whole
  return { units: a.units < 0n === b.units < 0n ? rounded : -rounded, scale }
}

/** Without zeros at the end, so that equal numbers have one text. */
function plain({ units, scale }) {
  const digits = size(units)
    .toString()
    .padStart(scale + 1, '0')
  const [whole, fraction] = [digits.slice(0, digits.length - scale), digits.slice(digits.length - scale)]
  const text = scale === 0 ? whole : `${whole}.${fraction}`.replace(/\.?0+$/, '')
  return units < 0n ? `-${text}` : text
}

function addTo(sums, values) {
  for (let i = 0; i < sums.length; i++) if (values[i].units !== 0n) sums[i] = add(sums[i], values[i])
}

// ── Digests: SHA-256 over a text in UTF-16 that says the kind and length of everything in it ────────────────────

/** Order of code points, which is that of the UTF-8 bytes. */
const byCodePoint = (a, b) => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)))

function canonical(value) {
  if (value === null) return 'n'
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value === 'number') return `i${value};`
  if (Array.isArray(value)) return `a${value.length}:${value.map(canonical).join('')}`
  const keys = Object.keys(value).sort(byCodePoint)
  return `o${keys.length}:${keys.map((key) => canonical(key) + canonical(value[key])).join('')}`
}

function digestOf(...values) {
  const hash = createHash('sha256')
  for (const value of values) hash.update(canonical(value), 'utf16le')
  return `sha256:${hash.digest('hex')}`
}

// ── The ZIP: its directory stands at its end ────────────────────────────────────────────────────────────────────

function openZip(path) {
  const fd = openSync(path, 'r')
  const { size: length } = fstatSync(fd)
  const bytes = (from, count) => {
    if (!(from >= 0 && from + count <= length)) throw new NoBundle(`${path} is no whole ZIP`)
    const buffer = Buffer.alloc(count)
    readSync(fd, buffer, 0, count, from)
    return buffer
  }
  const tailFrom = Math.max(0, length - 22 - 0xffff)
  const tail = bytes(tailFrom, length - tailFrom)
  const at = tail.length < 22 ? -1 : tail.lastIndexOf('PK\x05\x06', tail.length - 22, 'latin1')
  if (at < 0) throw new NoBundle(`${path} is no ZIP`)
  let [count, from] = [tail.readUInt16LE(at + 10), tail.readUInt32LE(at + 16)]
  if (count === 0xffff || from === 0xffffffff) {
    // Beyond 4 GiB the real numbers stand in a ZIP64 record, which a locator before this one points to.
    const record = bytes(Number(bytes(tailFrom + at - 20, 20).readBigUInt64LE(8)), 56)
    ;[count, from] = [Number(record.readBigUInt64LE(24)), Number(record.readBigUInt64LE(48))]
  }
  const directory = bytes(from, tailFrom + at - from)
  const entries = new Map()
  for (let next = 0; entries.size < count; ) {
    if (next + 46 > directory.length || directory.readUInt32LE(next) !== 0x02014b50)
      throw new NoBundle(`${path} is no ZIP with a whole directory and every name once`)
    const [name, extra, note] = [28, 30, 32].map((field) => directory.readUInt16LE(next + field))
    const extras = directory.subarray(next + 46 + name, next + 46 + name + extra)
    entries.set(directory.toString('utf8', next + 46, next + 46 + name), placeOf(directory, next, extras))
    next += 46 + name + extra + note
  }
  return { names: [...entries.keys()], read: (name) => unpacked(fd, bytes, name, entries.get(name)) }
}

/** Numbers that do not fit 32 bits stand in the ZIP64 field: size, packed size and offset, those that need it. */
function placeOf(directory, at, extras) {
  const isWide = extras.length >= 4 && extras.readUInt16LE(0) === 1
  let wideAt = 4
  const [, packed, offset] = [24, 20, 42].map((field) => {
    const value = directory.readUInt32LE(at + field)
    if (value !== 0xffffffff || !isWide) return value
    wideAt += 8
    return Number(extras.readBigUInt64LE(wideAt - 8))
  })
  return { method: directory.readUInt16LE(at + 10), packed, offset }
}

function unpacked(fd, bytes, name, { method, packed, offset }) {
  if (method !== 8) throw new Wrong(`${name} is packed in a way that this program does not know`)
  const header = bytes(offset, 30)
  const start = offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  const raw = createReadStream('', { fd, start, end: start + packed - 1, autoClose: false })
  return pipeline(raw, createInflateRaw(), () => {})
}

// ── CSV: a missing value (null) is an empty field, an empty text is two quotes ──────────────────────────────────

const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n)/y
const LONGEST_RECORD = 1 << 24

/** Takes the bytes of a file as they come; `onRecord` gets each record's fields, the header's first. */
class CsvReader {
  decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  rest = ''

  constructor(file, onRecord) {
    Object.assign(this, { file, onRecord, width: undefined })
  }

  push(bytes) {
    this.rest += this.decoder.decode(bytes, { stream: true })
    let [start, fields] = [0, []]
    FIELD.lastIndex = 0
    for (let found = FIELD.exec(this.rest); found !== null; found = FIELD.exec(this.rest)) {
      const [, inQuotes, bare, end] = found
      fields.push(inQuotes === undefined ? bare || null : inQuotes.replaceAll('""', '"'))
      if (end === ',') continue
      this.width ??= fields.length
      if (fields.length !== this.width)
        throw new Wrong(`${this.file}: ${fields.length} fields in ${quoted(fields)}`)
      this.onRecord(fields)
      ;[start, fields] = [FIELD.lastIndex, []]
    }
    this.rest = this.rest.slice(start)
    if (this.rest.length > LONGEST_RECORD) this.end()
  }

  end() {
    this.rest += this.decoder.decode()
    if (this.rest !== '') throw new Wrong(`${this.file} breaks off at ${quoted(this.rest.slice(0, 60))}`)
  }
}

// ── The hierarchy ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Parents before children, siblings as in the file; the nodes below node i are those from i + 1 up to its `end`. The
 * root has one more child, for what no node claims. Nodes whose parent is not there take no part.
 */
function treeOf(rows) {
  const below = new Map(rows.map((row) => [row.node_id, []]))
  const roots = rows.filter((row) => row.parent_node_id === null)
  if (roots.length !== 1 || below.size !== rows.length || below.has(UNASSIGNED))
    throw new Wrong('structure.csv is no hierarchy with one root and every node once')
  for (const row of rows) below.get(row.parent_node_id)?.push(row)
  const [root] = roots
  below.get(root.node_id).push({
    node_id: UNASSIGNED,
    parent_node_id: root.node_id,
    node_name: 'Unassigned',
    rollup_driver: null,
  })
  const nodes = []
  const pending = [{ row: root, parent: -1, depth: 0 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const children = below.get(next.row.node_id) ?? []
    const at = nodes.length
    const leaf = children.every(({ node_id }) => node_id === UNASSIGNED)
    nodes.push({ ...next.row, parent: next.parent, depth: next.depth, leaf, children: [], end: at + 1 })
    nodes[next.parent]?.children.push(at)
    for (const row of [...children].reverse()) pending.push({ row, parent: at, depth: next.depth + 1 })
  }
  for (let i = nodes.length - 1; i > 0; i--) {
    const parent = nodes[nodes[i].parent]
    parent.end = Math.max(parent.end, nodes[i].end)
  }
  return { nodes, positions: new Map(nodes.map(({ node_id }, i) => [node_id, i])) }
}

/** Which value of which column belongs to which node: by the drivers of the use case, else by the structure's own. */
function bindingsOf({ nodes, positions }, drivers) {
  const all = [...nodes.keys()].filter((i) => nodes[i].node_id !== UNASSIGNED)
  const bind = (i, column, from) => ({ node: i, column, value: nodes[i][from] })
  if (drivers === null)
    return all.flatMap((i) =>
      nodes[i].rollup_driver === null ? [] : [bind(i, nodes[i].rollup_driver, nodes[i].rollup_value_source)],
    )
  return drivers.flatMap(({ nodes: named, column, value }) => {
    const leaves = all.filter((i) => nodes[i].leaf)
    const chosen =
      named === 'all' ? all : named === 'leaves' ? leaves : named.flatMap((id) => positions.get(id) ?? [])
    return chosen.map((i) => bind(i, column, value))
  })
}

// ── Predicates: every test of a missing value is false but `is_null`, and `not` turns a test around ─────────────

const TESTS = {
  eq: ({ value }, order) => order(value) === 0,
  ne: ({ value }, order) => order(value) !== 0,
  lt: ({ value }, order) => order(value) < 0,
  lte: ({ value }, order) => order(value) <= 0,
  gt: ({ value }, order) => order(value) > 0,
  gte: ({ value }, order) => order(value) >= 0,
  in: ({ values }, order) => values.some((value) => order(value) === 0),
  not_in: ({ values }, order) => values.every((value) => order(value) !== 0),
  between: ({ low, high }, order) => order(low) >= 0 && order(high) <= 0,
  like: ({ pattern }, _, text) => isLike(text, pattern),
}

function holds(predicate, read, types) {
  const { op, column, args, arg } = predicate
  if (op === 'and') return args.every((part) => holds(part, read, types))
  if (op === 'or') return args.some((part) => holds(part, read, types))
  if (op === 'not') return !holds(arg, read, types)
  const text = read(column)
  if (op === 'is_null') return text === null
  if (!Object.hasOwn(TESTS, op)) throw new Wrong(`a predicate has the unknown test ${quoted(op)}`)
  // Numbers compare as numbers; texts, dates (ISO) and booleans by code point. A literal is { kind: value }.
  const order = (literal) => {
    const other = String(Object.values(literal)[0])
    return types.get(column) === 'numeric' ? compare(decimal(text), decimal(other)) : byCodePoint(text, other)
  }
  return text !== null && TESTS[op](predicate, order, text)
}

/** % any characters, _ one, \ takes the next as itself. `ends` is where a match of the pattern so far may end. */
function isLike(text, pattern) {
  const [letters, signs] = [[...text], [...pattern]]
  let ends = [0]
  for (let i = 0; i < signs.length && ends.length > 0; i++) {
    if (signs[i] === '%') ends = [...Array(letters.length + 1).keys()].slice(ends[0])
    else {
      const [isAny, sign] = [signs[i] === '_', signs[i] === '\\' ? signs[++i] : signs[i]]
      ends = ends.flatMap((end) =>
        end < letters.length && (isAny || letters[end] === sign) ? [end + 1] : [],
      )
    }
  }
  return ends.includes(letters.length)
}

function columnsOf(predicate) {
  if (predicate === null) return []
  return 'column' in predicate ? [predicate.column] : (predicate.args ?? [predicate.arg]).flatMap(columnsOf)
}

/** 1.50 and 1.5 are one value of a numeric column. */
const comparable = (type, text) =>
  text !== null && type === 'numeric' && DECIMAL.test(text) ? plain(decimal(text)) : text

// ── Fact adjustments: one after another, each on what those before it made of the facts ─────────────────────────

const BOUNDS = {
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
}
const isWithin = (value, bound) => bound === null || BOUNDS[bound.op](compare(value, decimal(bound.amount)))

const ACTIONS = {
  scale: (value, { factor }) => multiply(value, decimal(factor)),
  add: (value, { amount }) => add(value, decimal(amount)),
  cap: (value, { at_most, at_least }) => {
    const capped = at_most !== null && compare(value, decimal(at_most)) > 0 ? decimal(at_most) : value
    return at_least !== null && compare(capped, decimal(at_least)) < 0 ? decimal(at_least) : capped
  },
}

function acted(value, definition) {
  if (!Object.hasOwn(ACTIONS, definition.action))
    throw new Wrong(`an adjustment has the unknown action ${quoted(definition.action)}`)
  const result = ACTIONS[definition.action](value, definition)
  const { round } = definition
  return round === null || result.scale <= round ? result : divide(result, { units: 1n, scale: 0 }, round)
}

/**
 * The amounts of each column that was changed, by fact, and what each step did, by column and scenario. A fact
 * without a scenario is in no figure and is not adjusted; a missing amount is 0.
 */
function adjust(useCase, adjustments, header, facts) {
  const scenarioAt = useCase.source.scenario === null ? 0 : header.indexOf(useCase.source.scenario, 1)
  const labelOf = (fact) => (scenarioAt === 0 ? useCase.scenarios[0] : fact[scenarioAt])
  const labels = inOrder(
    useCase,
    [...new Set(facts.map(labelOf))].filter((label) => label !== null),
  )
  const types = new Map(useCase.columns.map(({ name, type }) => [name, type]))
  const at = (column) => {
    if (!header.includes(column, 1)) throw new Wrong(`facts.csv has no column ${quoted(column)}`)
    return header.indexOf(column, 1)
  }
  const columnOf = (name) => useCase.measures.find((measure) => measure.name === name)?.column ?? name
  const now = new Map()
  const amountsOf = (column) => {
    if (!now.has(column)) {
      const place = at(column)
      now.set(
        column,
        facts.map((fact) => (fact[place] === null ? ZERO : decimal(fact[place]))),
      )
    }
    return now.get(column)
  }
  /** Which facts have a key whose first scenario differs from the second as it should. */
  const compared = ({ key, measure, difference, absolute_difference, prior }) => {
    const amounts = measure === null ? undefined : amountsOf(columnOf(measure))
    const keys = facts.map((fact) => {
      const values = key.map((column) => comparable(types.get(column), fact[at(column)]))
      return values.includes(null) ? null : quoted(values)
    })
    const sums = new Map()
    for (const [i, fact] of facts.entries()) {
      const side = useCase.scenarios.slice(0, 2).indexOf(labelOf(fact))
      if (keys[i] === null || side < 0) continue
      if (!sums.has(keys[i])) sums.set(keys[i], { totals: [ZERO, ZERO], hasPrior: false })
      const sum = sums.get(keys[i])
      if (side === 1) sum.hasPrior = true
      if (amounts !== undefined) sum.totals[side] = add(sum.totals[side], amounts[i])
    }
    return facts.map((_, i) => {
      if (keys[i] === null) return false
      const { totals, hasPrior } = sums.get(keys[i]) ?? { totals: [ZERO, ZERO], hasPrior: false }
      const apart = subtract(totals[0], totals[1])
      const isPrior = prior === null || (prior === 'present') === hasPrior
      return (
        isPrior &&
        isWithin(apart, difference) &&
        isWithin({ ...apart, units: size(apart.units) }, absolute_difference)
      )
    })
  }
  const done = new Map()
  const steps = []
  for (const { no, name, definition } of adjustments) {
    const target = definition.action === 'reverse' ? done.get(definition.reverses) : undefined
    if (definition.action === 'reverse' && target === undefined)
      throw new Wrong(
        `adjustment ${no} reverses ${quoted(definition.reverses)}, which does not stand before it`,
      )
    const { scenario, where, compare: comparison } = target ?? definition
    const matches = comparison && target === undefined ? compared(comparison) : undefined
    const hits =
      target?.hits ??
      facts.map((fact, i) => {
        const label = labelOf(fact)
        if (label === null || (scenario !== null && label !== scenario)) return false
        if (where !== null && !holds(where, (column) => fact[at(column)], types)) return false
        return matches?.[i] ?? true
      })
    const columns = target?.columns.keys() ?? new Set(definition.measures.map(columnOf))
    const changes = new Map()
    for (const column of columns) {
      const before = amountsOf(column)
      const back = target?.columns.get(column)
      const after = before.map((value, i) => {
        if (!hits[i]) return value
        return back === undefined
          ? acted(value, definition)
          : add(value, subtract(back.before[i], back.after[i]))
      })
      changes.set(column, { before, after })
      now.set(column, after)
      for (const label of labels.filter((one) => scenario === null || one === scenario)) {
        const of = facts.flatMap((fact, i) => (labelOf(fact) === label ? [i] : []))
        const total = (amounts) => of.reduce((sum, i) => add(sum, amounts[i]), ZERO)
        const [was, became] = [total(before), total(after)]
        steps.push({
          adjustment_no: String(no),
          column_name: column,
          scenario: label,
          hits: String(of.filter((i) => hits[i]).length),
          amount_before: was,
          effect: subtract(became, was),
          amount_after: became,
        })
      }
    }
    done.set(name, { hits, scenario, columns: changes })
  }
  const touched = new Set(steps.map((step) => step.column_name))
  return { steps, amounts: new Map([...touched].map((column) => [column, now.get(column)])) }
}

/** The facts with a further field for each amount that was changed, under a name that no column can have. */
function adjustedFacts(useCase, adjustments, header, facts) {
  const { steps, amounts } = adjust(useCase, adjustments, header, facts)
  const more = [...amounts.values()]
  return {
    steps,
    header: [...header, ...[...amounts.keys()].map((column) => `${column}\0`)],
    facts: facts.map((fact, i) => [...fact, ...more.map((values) => plain(values[i]))]),
  }
}

// ── The facts, added up ─────────────────────────────────────────────────────────────────────────────────────────

/** The name under which facts have the adjusted amounts of a column: its own where nothing adjusts it. */
const adjustedName = (header, column) => (header.includes(`${column}\0`) ? `${column}\0` : column)

/** Combinations of tested values that are kept apart before they are handed to the rules. */
const MOST_TUPLES = 100_000

/**
 * Takes the facts one by one. A search is what a rule adds up: the `columns` of the facts below its `node` (-1: of
 * all) for which `where` holds. `header` names the fields; the first one says where a fact stands.
 */
function addUp(useCase, tree, searches, header) {
  const place = (column) => {
    if (!header.includes(column, 1)) throw new Wrong(`facts.csv has no column ${quoted(column)}`)
    return header.indexOf(column, 1)
  }
  const types = new Map(useCase.columns.map(({ name, type }) => [name, type]))
  const scenarioAt = useCase.source.scenario === null ? 0 : place(useCase.source.scenario)
  const amounts = [
    ...new Set([
      ...useCase.measures.flatMap(({ column }) => [column, adjustedName(header, column)]),
      ...searches.flatMap((s) => s.columns.map((column) => adjustedName(header, column))),
    ]),
  ]
  const amountsAt = amounts.map(place)
  const testedAt = [...new Set(searches.flatMap(({ where }) => columnsOf(where)))].map(place)
  const tableWide = searches.filter(({ node }) => node < 0)
  const above = tree.nodes.map((_, i) =>
    searches.filter((s) => s.node >= 0 && s.node <= i && i < tree.nodes[s.node].end),
  )
  const zeros = () => amounts.map(() => ZERO)
  const scenarios = new Map()
  const tuples = new Map()

  const claims = new Map()
  for (const { column, value, node } of bindingsOf(tree, useCase.drivers)) {
    if (!claims.has(column)) claims.set(column, { at: place(column), nodes: new Map() })
    const { nodes } = claims.get(column)
    const key = comparable(types.get(column), value)
    if (nodes.has(key)) throw new Wrong(`${quoted(value)} of ${column} is bound to two nodes`)
    nodes.set(key, node)
  }
  /** The node of a fact: the first column decides whose value is bound. */
  const ownerOf = (fact) => {
    for (const [column, { at, nodes }] of claims) {
      const node = fact[at] === null ? undefined : nodes.get(comparable(types.get(column), fact[at]))
      if (node !== undefined) return node
    }
    return tree.positions.get(UNASSIGNED)
  }

  const scenarioOf = (label) => {
    if (!scenarios.has(label)) {
      const [counts, direct] = [tree.nodes.map(() => 0), tree.nodes.map(() => undefined)]
      const found = new Map(searches.map((search) => [search, zeros()]))
      scenarios.set(label, { label, counts, direct, found, total: zeros() })
    }
    return scenarios.get(label)
  }
  /** Facts of a scenario with equal values in all tested columns are alike to every rule: they are one tuple. */
  const tupleOf = (scenario, fact) => {
    const tested = testedAt.map((at) => fact[at])
    const key = [scenario.label, ...tested]
      .map((text) => (text === null ? 'n' : `${text.length}:${text}`))
      .join()
    if (!tuples.has(key)) {
      if (tuples.size >= MOST_TUPLES) handOver()
      const read = (column) => fact[header.indexOf(column, 1)]
      const selected = new Set(searches.filter(({ where }) => where === null || holds(where, read, types)))
      tuples.set(key, { scenario, sums: zeros(), selected })
    }
    return tuples.get(key)
  }
  const handOver = () => {
    for (const { scenario, sums, selected } of tuples.values())
      for (const search of tableWide) if (selected.has(search)) addTo(scenario.found.get(search), sums)
    tuples.clear()
  }

  const placeOfSum = (column) => amounts.indexOf(adjustedName(header, column))
  const sums = { amounts, placeOfSum, scenarios, count: 0, handOver }
  sums.take = (fact) => {
    sums.count += 1
    const label = scenarioAt === 0 ? useCase.scenarios[0] : fact[scenarioAt]
    if (label === null) return
    const scenario = scenarioOf(label)
    const values = amountsAt.map((at) => (fact[at] === null ? ZERO : decimal(fact[at])))
    const owner = ownerOf(fact)
    scenario.counts[owner] += 1
    scenario.direct[owner] ??= zeros()
    const tuple = tupleOf(scenario, fact)
    for (const part of [scenario.total, scenario.direct[owner], tuple.sums]) addTo(part, values)
    for (const search of above[owner])
      if (tuple.selected.has(search)) addTo(scenario.found.get(search), values)
  }
  return sums
}

// ── The rules, and the figures of one scenario ──────────────────────────────────────────────────────────────────

/** The rules that stand: which decides each node, by measure, and what they look for among the facts. */
function rulesOf({ policy, parameters }, { measures, rules }, { nodes, positions }) {
  const { scale, rounding } = parameters.division
  if (!['most_specific', 'top_down'].includes(policy) || rounding !== 'half_even')
    throw new Wrong('run.json has a policy or a rounding that this program does not know')
  const nodeAt = (id) => {
    if (!positions.has(id)) throw new Wrong(`a rule names ${quoted(id)}, which is no node`)
    return positions.get(id)
  }
  // Arithmetic always stands; under most_specific nothing else does on a node with a ruled node below it.
  const at = rules.map(({ node }) => nodeAt(node))
  const isSkipped = (i) => at.some((other) => at[i] < other && other < nodes[at[i]].end)
  const standing = rules.filter(
    ({ flavour }, i) => policy === 'top_down' || flavour === 'arithmetic' || !isSkipped(i),
  )
  const deciding = measures.map(({ name }) => {
    const setting = standing.filter(({ into }) => (into ?? name) === name)
    const byNode = new Map(setting.map((rule) => [nodeAt(rule.node), rule]))
    if (byNode.size < setting.length) throw new Wrong(`two rules set ${quoted(name)} of one node`)
    return byNode
  })
  /** By rule, or by step of a formula. */
  const searches = new Map()
  for (const rule of standing) {
    const { flavour, scope, where, node, column } = rule
    const columns = flavour === 'filter' ? measures.map((measure) => measure.column) : [column]
    if (flavour !== 'arithmetic')
      searches.set(rule, { node: scope === 'table' ? -1 : nodeAt(node), where, columns })
    for (const step of rule.formula ?? [])
      if ('sum' in step) searches.set(step, { node: -1, where: step.where, columns: [step.sum] })
  }
  return { nodeAt, deciding, searches, scale }
}

/** Bare, the node that the rule stands at is its natural value; any other is its adjusted one. */
const isNatural = ({ node, value }, rule) => value === 'natural' || (value === 'bare' && node === rule.node)

/** Everything that results.csv says of a scenario. An empty value is null, and empties what it goes into. */
function figuresOf({ nodes }, { measures }, rules, sums, scenario) {
  const columns = measures.map(({ column }) => sums.amounts.indexOf(column))
  const directOf = (places) => nodes.map((_, i) => places.map((place) => scenario.direct[i]?.[place] ?? ZERO))
  const direct = directOf(columns)
  /** As rules and parents see it. */
  const directNow = directOf(measures.map(({ column }) => sums.placeOfSum(column)))
  const [natural, counts] = [direct.map((values) => [...values]), [...scenario.counts]]
  const adjustment = direct.map((values, i) => values.map((value, m) => subtract(directNow[i][m], value)))
  for (let i = nodes.length - 1; i > 0; i--) {
    addTo(natural[nodes[i].parent], natural[i])
    addTo(adjustment[nodes[i].parent], adjustment[i])
    counts[nodes[i].parent] += counts[i]
  }
  const sumOf = (ruleOrStep, column) =>
    scenario.found.get(rules.searches.get(ruleOrStep))[sums.placeOfSum(column)]
  /** A node's own facts and its children. */
  const sumBelow = (node, m, values) => {
    const parts = nodes[node].children.map((child) => values[child])
    return parts.includes(null) ? null : parts.reduce(add, directNow[node][m])
  }
  /** Operands as they come, then what is done with the last of them. */
  const formulaValue = (rule, m, values) => {
    const stack = []
    for (const step of rule.formula) {
      if ('const' in step) stack.push(decimal(step.const))
      else if ('sum' in step) stack.push(sumOf(step, step.sum))
      else if ('node' in step) {
        const node = rules.nodeAt(step.node)
        stack.push(isNatural(step, rule) ? natural[node][m] : values[node])
      } else {
        if (!Object.hasOwn(SIGNS, step.op))
          throw new Wrong(`a formula has the unknown sign ${quoted(step.op)}`)
        const operands = stack.splice(step.op === 'neg' ? -1 : -2)
        stack.push(operands.includes(null) ? null : SIGNS[step.op](...operands, rules.scale))
      }
    }
    if (stack.length !== 1) throw new Wrong(`the formula of ${quoted(rule.node)} is not whole`)
    return stack[0]
  }
  const nodeValue = (node, m, values) => {
    const rule = rules.deciding[m].get(node)
    if (rule === undefined) return sumBelow(node, m, values)
    if (rule.flavour === 'arithmetic') return formulaValue(rule, m, values)
    return sumOf(rule, rule.flavour === 'filter' ? measures[m].column : rule.column)
  }
  /** The nodes whose adjusted values a node is made of. */
  const partsOf = (node, m) => {
    const rule = rules.deciding[m].get(node)
    if (rule === undefined) return nodes[node].children
    const operands = (rule.formula ?? []).filter((step) => 'node' in step && !isNatural(step, rule))
    return operands.map((step) => rules.nodeAt(step.node))
  }
  /** Backwards, children come before their parents; a formula may have to wait for another round. */
  const adjustedOf = (_, m) => {
    const values = nodes.map(() => undefined)
    const isKnown = (node) => values[node] !== undefined
    let waiting = [...nodes.keys()].reverse()
    while (waiting.length > 0) {
      const rest = waiting.filter((node) => {
        const isReady = partsOf(node, m).every(isKnown)
        if (isReady) values[node] = nodeValue(node, m, values)
        return !isReady
      })
      if (rest.length === waiting.length)
        throw new Wrong(`formulas go round in a circle at ${quoted(nodes[rest[0]].node_id)}`)
      waiting = rest
    }
    return values
  }
  const adjusted = measures.map(adjustedOf)
  /** What rules took away, node by node: what the node would be without its own, less what it is. */
  const overrides = measures.map((_, m) => {
    const effects = [...rules.deciding[m].keys()].map((node) =>
      difference(sumBelow(node, m, adjusted[m]), adjusted[m][node]),
    )
    return effects.includes(null) ? null : effects.reduce(add, ZERO)
  })
  const total = columns.map((column) => scenario.total[column])
  return { label: scenario.label, total, direct, natural, adjustment, counts, adjusted, overrides }
}

const SIGNS = {
  '+': add,
  '-': subtract,
  '*': multiply,
  '/': (a, b, scale) => (b.units === 0n ? null : divide(a, b, scale)),
  neg: negative,
}
const difference = (a, b) => (a === null || b === null ? null : subtract(a, b))

// ── The checks ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Problems of one check that are told. */
const TOLD = 5
let failed = 0

/** Prints whether a check holds, which it does when there are no problems. */
function report(what, problems) {
  if (problems.length > 0) failed += 1
  console.log(`${problems.length === 0 ? '✓' : '✗'} ${what}`)
  for (const problem of problems.slice(0, TOLD)) console.log(`    ${problem}`)
  if (problems.length > TOLD) console.log(`    and ${problems.length - TOLD} more`)
}

const unless = (isFine, problem) => (isFine ? [] : [problem])

function parsed(name, text) {
  try {
    return JSON.parse(text)
  } catch {
    throw new Wrong(`${name} is no JSON`)
  }
}

async function textOf(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The SHA-256 of a file; undefined when it is not of that length. */
async function sha256Of(stream, bytes) {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > bytes) return undefined
    hash.update(chunk)
  }
  return length === bytes ? hash.digest('hex') : undefined
}

async function verify(path, noted) {
  const zip = openZip(path)
  if (!zip.names.includes('manifest.json')) throw new NoBundle(`${path} has no manifest.json`)
  const manifest = parsed('manifest.json', await textOf(zip.read('manifest.json')))
  const { seal, ...sealed } = manifest
  report(`seal ${seal}`, unless(digestOf(sealed) === seal, 'manifest.json is not what was sealed'))
  if (noted !== undefined) report('the seal is the one noted', unless(seal === noted, `noted: ${noted}`))
  if (sealed.format !== FORMAT) throw new Wrong(`manifest.json has the format ${quoted(sealed.format)}`)
  const names = [...sealed.files.map(({ name }) => name), 'manifest.json'].sort()
  report(
    'the files are those of the manifest',
    unless(quoted(names) === quoted(zip.names.sort()), zip.names.join(' ')),
  )
  if (failed > 0) return
  for (const { name, bytes, sha256 } of sealed.files) {
    const isSame = (await sha256Of(zip.read(name), bytes).catch(() => undefined)) === sha256
    report(`${name}: ${bytes} bytes, SHA-256 ${sha256}`, unless(isSame, `${name} is not what was sealed`))
  }
  // What is not even what was sealed is not worth recomputing.
  if (failed > 0) return
  const records = async (name, onRecord) => {
    const reader = new CsvReader(name, onRecord)
    for await (const chunk of zip.read(name)) reader.push(chunk)
    reader.end()
  }
  const table = async (name) => {
    const rows = []
    await records(name, (fields) => rows.push(fields))
    const [header, ...lines] = rows
    return lines.map((fields) => Object.fromEntries(header.map((column, i) => [column, fields[i]])))
  }
  const run = parsed('run.json', await textOf(zip.read('run.json')))
  const useCase = parsed('use-case.json', await textOf(zip.read('use-case.json')))
  const [structure, results] = [await table('structure.csv'), await table('results.csv')]
  report(
    `run.json is of the run ${sealed.run_id}`,
    unless(run.run_id === sealed.run_id, `it is of ${run.run_id}`),
  )
  const { adjustments, steps } = names.includes('adjustments.json')
    ? parsed('adjustments.json', await textOf(zip.read('adjustments.json')))
    : { adjustments: [], steps: [] }
  checkDigests(run, useCase, structure, results, adjustments)

  const tree = treeOf(structure)
  const rules = rulesOf(run, useCase, tree)
  const { facts_through: through, facts, scenarios } = run.parameters
  const outside = []
  const searches = [...rules.searches.values()]
  // An adjustment may look at all facts at once, so only then are they held.
  const held = adjustments.length > 0 ? [] : undefined
  let [header, sums, dateAt, last] = [undefined, undefined, -1, -1n]
  await records('facts.csv', (fact) => {
    if (header === undefined) {
      header = fact
      if (held === undefined) sums = addUp(useCase, tree, searches, header)
      if (useCase.source.date !== null) dateAt = fact.indexOf(useCase.source.date, 1)
      return
    }
    const at = BigInt(fact[0])
    const isInOrder = at > last && (through === null || at <= BigInt(through))
    if (!isInOrder || (dateAt > 0 && fact[dateAt] !== run.pnl_date))
      outside.push(`fact ${at} is not one of them`)
    last = at
    if (held === undefined) sums.take(fact)
    else held.push(fact)
  })
  if (held !== undefined) {
    const adjusted = adjustedFacts(useCase, adjustments, header, held)
    checkAdjustments(run, adjustments, adjusted.steps, steps)
    sums = addUp(useCase, tree, searches, adjusted.header)
    for (const fact of adjusted.facts) sums.take(fact)
  }
  sums.handOver()
  const labels = inOrder(useCase, [...sums.scenarios.keys()])
  report(`${sums.count} facts in order, of the date, seen by the run; scenarios ${labels.join(', ')}`, [
    ...outside,
    ...unless(sums.count === facts, `the run recorded ${facts} facts`),
    ...unless(quoted(labels) === quoted(scenarios), `the run recorded ${scenarios}`),
  ])
  const figures = labels.map((label) => figuresOf(tree, useCase, rules, sums, sums.scenarios.get(label)))
  checkCells(tree, useCase, rules, figures, results, held !== undefined)
  checkTieOut(tree, useCase, figures, run.parameters.tie_out)
}

/** The declared ones first, then the others by code point. */
function inOrder({ scenarios }, labels) {
  const declared = scenarios.filter((label) => labels.includes(label))
  return [...declared, ...labels.filter((label) => !declared.includes(label)).sort(byCodePoint)]
}

function checkAdjustments({ pnl_date: date }, adjustments, steps, recorded) {
  const problems = adjustments.flatMap(({ no, name, valid_from, valid_to }, i) => [
    ...unless(i === 0 || adjustments[i - 1].no < no, `${quoted(name)} is out of order`),
    ...unless(
      (valid_from ?? date) <= date && date <= (valid_to ?? date),
      `${quoted(name)} is not in force on ${date}`,
    ),
  ])
  for (const [i, step] of steps.entries())
    for (const [field, value] of Object.entries(step)) {
      const found = recorded[i]?.[field]
      if (!same(found === undefined ? null : String(found), value))
        problems.push(`step ${i + 1}, ${field}: recorded ${found}, recomputed ${told(value)}`)
    }
  if (recorded.length !== steps.length) problems.push(`${recorded.length} steps were recorded`)
  report(`${adjustments.length} fact adjustments in force did, step by step, what was recorded`, problems)
}

function checkDigests(run, useCase, structure, results, adjustments) {
  const { source, measures, drivers, scenarios, rules } = useCase
  const { engine, date, scenario } = source
  const where = engine === 'books' ? source.table : source.path
  const recomputed = {
    facts: run.digests.facts,
    hierarchy: digestOf(structure.map((row) => Object.values(row))),
    rules: digestOf(rules.map(({ node, flavour, column, text }) => [node, flavour, column ?? null, text])),
    mapping: digestOf({ engine, where, date, scenario, measures, drivers, scenarios }),
    policy: digestOf(run.policy),
    ...(adjustments.length === 0
      ? {}
      : { adjustments: digestOf(adjustments.map(({ name, definition }) => [name, definition])) }),
  }
  const names = [...new Set([...Object.keys(recomputed), ...Object.keys(run.digests)])]
  report('the hierarchy, rules, mapping and policy give the digests of the run, and these its input digest', [
    ...names.filter((name) => recomputed[name] !== run.digests[name]).map((name) => `the ${name} are others`),
    ...unless(digestOf(run.digests) === run.input_digest, `the input digest is ${digestOf(run.digests)}`),
  ])
  const keys = ['node_id', 'measure', 'scenario']
  const order = (a, b) => keys.reduce((found, key) => found || byCodePoint(a[key], b[key]), 0)
  const amount = (text) => (text === null ? null : plain(decimal(text)))
  // What adjustments change is in the digest where they change anything at all.
  const isAdjusted = results.some((row) => decimal(row.adjustment ?? '0').units !== 0n)
  const changed = (row) => (isAdjusted ? [row.adjustment] : [])
  const rows = [...results].sort(order).map((row) => {
    const amounts = [row.natural, row.direct, ...changed(row), row.adjusted, row.plug].map(amount)
    return [...keys.map((key) => row[key]), ...amounts, Number(row.fact_count)]
  })
  const digest = digestOf(...rows)
  report(`results.csv gives the digest ${run.result_digest}`, unless(digest === run.result_digest, digest))
}

/** A recorded text and what was recomputed: a decimal, a text, or null for empty. */
const same = (text, value) =>
  text === null || value?.units === undefined ? text === value : compare(decimal(text), value) === 0
const told = (value) => (value === null ? 'empty' : value.units === undefined ? value : plain(value))

function checkCells(tree, { measures, drivers }, rules, figures, results, isAdjusted) {
  const { nodes } = tree
  const keyOf = (...names) => quoted(names)
  const recorded = new Map(results.map((row) => [keyOf(row.node_id, row.measure, row.scenario), row]))
  const virtual = new Map()
  for (const { node, column, value } of bindingsOf(tree, drivers)) {
    const test = `${column} = '${value.replaceAll("'", "''")}'`
    virtual.set(node, virtual.has(node) ? `${virtual.get(node)} or ${test}` : `auto ${test}`)
  }
  const [shape, fromFacts, fromRules] = [[], [], []]
  const cellsOf = ({ label, natural, direct, adjustment, adjusted, counts }) => {
    for (const [i, { node_id, parent_node_id, node_name, depth, leaf }] of nodes.entries())
      for (const [m, { name }] of measures.entries()) {
        const key = keyOf(node_id, name, label)
        const row = recorded.get(key)
        if (!recorded.delete(key)) shape.push(`${key} is missing`)
        const check = (problems, expected) => {
          for (const [field, value] of Object.entries(row === undefined ? {} : expected))
            if (!same(row[field], value))
              problems.push(`${key} ${field}: recorded ${told(row[field])}, recomputed ${told(value)}`)
        }
        check(shape, { parent_node_id, node_name, depth: String(depth), is_leaf: String(leaf) })
        check(fromFacts, { natural: natural[i][m], direct: direct[i][m], fact_count: String(counts[i]) })
        if (isAdjusted) check(fromFacts, { adjustment: adjustment[i][m] })
        const plug = difference(natural[i][m], adjusted[m][i])
        const rule = rules.deciding[m].get(i)?.text ?? virtual.get(i) ?? null
        check(fromRules, { adjusted: adjusted[m][i], plug, rule })
      }
  }
  figures.forEach(cellsOf)
  const cells = results.length
  if (recorded.size > 0 || cells !== figures.length * nodes.length * measures.length)
    shape.push(`there are cells too many: ${[...recorded.keys()].slice(0, TOLD).join(' ')}`)
  report(`${cells} cells, one by node, measure and scenario, at their places in the hierarchy`, shape)
  report(`natural, direct and fact count of ${cells} cells follow from the facts`, fromFacts)
  report(`adjusted, plug and rule of ${cells} cells follow from the rules`, fromRules)
}

function checkTieOut({ positions }, { measures }, figures, recorded) {
  const problems = []
  const check = ({ label, total, natural, adjustment, adjusted, overrides }, { name }, m) => {
    const row = recorded.find(({ scenario, measure }) => scenario === label && measure === name) ?? {}
    const root_natural = natural[0][m]
    const root_plug = difference(root_natural, adjusted[m][0])
    const unassigned = natural[positions.get(UNASSIGNED)][m]
    const sides = { facts: total[m], root_natural, unassigned, root_plug, overrides: overrides[m] }
    if ('adjustment' in row) sides.adjustment = adjustment[0][m]
    for (const [side, value] of Object.entries(sides))
      if (!same(row[side] ?? null, value))
        problems.push(`${label} ${name}: ${side} recorded ${row[side]}, recomputed ${told(value)}`)
    const explained = difference(overrides[m], adjustment[0][m])
    const gaps = [difference(total[m], root_natural), difference(root_plug, explained)]
    if (gaps.some((gap) => gap !== null && gap.units !== 0n))
      problems.push(`${label} ${name} does not tie out`)
  }
  for (const figure of figures) for (const [m, measure] of measures.entries()) check(figure, measure, m)
  if (recorded.length !== figures.length * measures.length)
    problems.push(`${recorded.length} lines were recorded`)
  report('it ties out: Σ facts = root natural, root plug = Σ overrides − adjustment, as recorded', problems)
}

// ── The command ─────────────────────────────────────────────────────────────────────────────────────────────────

async function command([file = '-', flag, noted, ...rest]) {
  const hasSeal = flag === '--seal' && noted !== undefined && rest.length === 0
  try {
    if (file.startsWith('-') || (flag !== undefined && !hasSeal))
      throw new NoBundle('Usage: verify-bundle.mjs BUNDLE.zip [--seal sha256:…]')
    await verify(file, noted)
  } catch (error) {
    if (error instanceof NoBundle || error.syscall !== undefined) {
      console.error(error instanceof NoBundle ? error.message : `${file} cannot be read: ${error.message}`)
      return 2
    }
    report('it can be read and recomputed', [error.message])
  }
  console.log(failed === 0 ? 'Everything holds.' : `${failed} failed: this is not the run as it was sealed.`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await command(process.argv.slice(2))
