/**
 * A relational plan: what a statement means, without the words of any engine. Expressions and relations are plain
 * data, so that a pipeline can be tested before it is printed; `print.ts` prints them by a dialect.
 *
 * A relation that others read has an alias. Columns are named by the alias of the relation they come from; a column
 * without one is of the only relation there is. Raises nothing.
 */

export type SqlType =
  | { readonly kind: 'text' }
  | { readonly kind: 'date' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int' }
  /** A whole number of up to 38 digits: units of an amount. */
  | { readonly kind: 'units' }
  | { readonly kind: 'decimal'; readonly scale: number }

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>='

export type Expr =
  | { readonly op: 'column'; readonly of: string | null; readonly name: string }
  | { readonly op: 'text'; readonly value: string }
  /** Plain decimal text, whole or with a point. */
  | { readonly op: 'number'; readonly value: string }
  | { readonly op: 'boolean'; readonly value: boolean }
  | { readonly op: 'null'; readonly type: SqlType }
  | { readonly op: 'cast'; readonly arg: Expr; readonly type: SqlType }
  | { readonly op: 'compare'; readonly by: Comparator; readonly left: Expr; readonly right: Expr }
  | { readonly op: 'and' | 'or' | 'concat' | 'coalesce'; readonly args: readonly Expr[] }
  | { readonly op: 'not' | 'is_null' | 'md5' | 'upper' | 'abs'; readonly arg: Expr }
  | { readonly op: 'in'; readonly arg: Expr; readonly values: readonly Expr[] }
  | { readonly op: 'like'; readonly arg: Expr; readonly pattern: string }
  | { readonly op: 'replace'; readonly arg: Expr; readonly from: string; readonly to: string }
  | { readonly op: 'add' | 'subtract' | 'multiply'; readonly left: Expr; readonly right: Expr }
  /** Of whole numbers that are not negative: the quotient cut to a whole number, and what is left. */
  | { readonly op: 'whole_quotient' | 'remainder'; readonly left: Expr; readonly right: Expr }
  | {
      readonly op: 'case'
      readonly when: readonly (readonly [Expr, Expr])[]
      readonly otherwise: Expr | null
    }
  | { readonly op: 'sum' | 'min' | 'max' | 'count_distinct'; readonly arg: Expr }
  | { readonly op: 'count' }
  /** 1 for the first value; ties have one rank and leave no gap. */
  | { readonly op: 'dense_rank'; readonly by: Expr; readonly within: readonly Expr[] }

export interface Output {
  readonly name: string
  readonly value: Expr
}

/** A table by the parts of its name, a query named before (`with`), or a query in its place. */
export type Rel =
  | { readonly rel: 'scan'; readonly table: readonly string[]; readonly as: string }
  | { readonly rel: 'ref'; readonly name: string; readonly as: string }
  | {
      readonly rel: 'values'
      readonly columns: readonly Typed[]
      readonly rows: readonly (readonly Expr[])[]
    }
  | {
      readonly rel: 'join'
      readonly kind: 'inner' | 'left'
      readonly left: Rel
      readonly right: Rel
      readonly on: Expr
    }
  /** Rows of the left without a partner on the right; `partner` is a column of the right that is never null. */
  | {
      readonly rel: 'anti_join'
      readonly left: Rel
      readonly right: Rel
      readonly on: Expr
      readonly partner: Expr
    }
  | { readonly rel: 'filter'; readonly input: Rel; readonly where: Expr }
  | { readonly rel: 'project'; readonly input: Rel; readonly outputs: readonly Output[] }
  | { readonly rel: 'distinct'; readonly input: Rel; readonly outputs: readonly Output[] }
  | {
      readonly rel: 'aggregate'
      readonly input: Rel
      readonly keys: readonly Output[]
      readonly outputs: readonly Output[]
      /** Of groups, as WHERE is of rows. */
      readonly having?: Expr
    }
  | { readonly rel: 'union_all'; readonly inputs: readonly Rel[] }
  | { readonly rel: 'with'; readonly queries: readonly NamedQuery[]; readonly body: Rel }

export interface Typed {
  readonly name: string
  readonly type: SqlType
}

export interface NamedQuery {
  readonly name: string
  readonly query: Rel
}

export const TEXT: SqlType = { kind: 'text' }
export const INT: SqlType = { kind: 'int' }
export const UNITS: SqlType = { kind: 'units' }
export const decimalType = (scale: number): SqlType => ({ kind: 'decimal', scale })

export const column = (name: string, of: string | null = null): Expr => ({ op: 'column', of, name })
export const text = (value: string): Expr => ({ op: 'text', value })
export const number = (value: string | number): Expr => ({ op: 'number', value: String(value) })
export const nothing = (type: SqlType): Expr => ({ op: 'null', type })
export const cast = (arg: Expr, type: SqlType): Expr => ({ op: 'cast', arg, type })
export const compare = (left: Expr, by: Comparator, right: Expr): Expr => ({ op: 'compare', by, left, right })
export const equal = (left: Expr, right: Expr): Expr => compare(left, '=', right)
export const isNull = (arg: Expr): Expr => ({ op: 'is_null', arg })
export const not = (arg: Expr): Expr => ({ op: 'not', arg })
export const coalesce = (...args: readonly Expr[]): Expr => ({ op: 'coalesce', args })
export const sum = (arg: Expr): Expr => ({ op: 'sum', arg })
export const times = (left: Expr, right: Expr): Expr => ({ op: 'multiply', left, right })
export const when = (pairs: readonly (readonly [Expr, Expr])[], otherwise: Expr | null = null): Expr => ({
  op: 'case',
  when: pairs,
  otherwise,
})

/** True for no conditions at all. */
export function every(conditions: readonly Expr[]): Expr {
  if (conditions.length === 0) return { op: 'boolean', value: true }
  return conditions.length === 1 ? conditions[0]! : { op: 'and', args: conditions }
}

/** False for no conditions at all. */
export function some(conditions: readonly Expr[]): Expr {
  if (conditions.length === 0) return { op: 'boolean', value: false }
  return conditions.length === 1 ? conditions[0]! : { op: 'or', args: conditions }
}

export const scan = (table: readonly string[], as: string): Rel => ({ rel: 'scan', table, as })
export const ref = (name: string, as: string = name): Rel => ({ rel: 'ref', name, as })
export const join = (left: Rel, right: Rel, on: Expr): Rel => ({
  rel: 'join',
  kind: 'inner',
  left,
  right,
  on,
})
export const leftJoin = (left: Rel, right: Rel, on: Expr): Rel => ({
  rel: 'join',
  kind: 'left',
  left,
  right,
  on,
})
export const filter = (input: Rel, where: readonly Expr[]): Rel =>
  where.length === 0 ? input : { rel: 'filter', input, where: every(where) }
export const output = (name: string, value: Expr = column(name)): Output => ({ name, value })
export const project = (input: Rel, outputs: readonly Output[]): Rel => ({ rel: 'project', input, outputs })
export const distinct = (input: Rel, outputs: readonly Output[]): Rel => ({ rel: 'distinct', input, outputs })
export const unionAll = (inputs: readonly Rel[]): Rel =>
  inputs.length === 1 ? inputs[0]! : { rel: 'union_all', inputs }
export const named = (name: string, query: Rel): NamedQuery => ({ name, query })

/**
 * A text that tells apart every list of texts and nulls, the same in every engine: parts are joined by `|`, `~` and
 * `|` inside a part are written ~0 and ~1, a null is ~N.
 */
export function canonicalParts(parts: readonly Expr[]): Expr {
  const escaped = (part: Expr): Expr =>
    coalesce(
      { op: 'replace', arg: { op: 'replace', arg: part, from: '~', to: '~0' }, from: '|', to: '~1' },
      text('~N'),
    )
  const args = parts.flatMap((part, i) => {
    const written = part.op === 'text' ? text(canonicalPart(part.value)) : escaped(part)
    return i === 0 ? [written] : [text('|'), written]
  })
  return args.length === 1 ? args[0]! : { op: 'concat', args }
}

/** One part as the canonical text has it. */
export const canonicalPart = (value: string | null): string =>
  value === null ? '~N' : value.replaceAll('~', '~0').replaceAll('|', '~1')

/** A key that follows from content alone: MD5 of the canonical text, in hexadecimal. */
export const contentKey = (parts: readonly Expr[]): Expr => ({ op: 'md5', arg: canonicalParts(parts) })
