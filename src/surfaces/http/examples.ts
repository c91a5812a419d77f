/** An example of a JSON schema: the same for the same schema, so that the reference can be committed. Raises nothing. */

import type { Schemas } from './json-schemas.js'
import type { JsonSchema } from './routes.js'

const ID = '5f0c2a34-9a7e-4d1b-8c55-0e6f3b7a1d20'

/** What a text of this name looks like; the first name that fits. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/node/, 'SWAPS'],
  [/order_id$|^lot_id|^replace|^parent_id$/, 'T-1001'],
  [/^symbol$/, 'BTC-USD'],
  [/^side$/, 'buy'],
  [/^file_name$/, 'trades.csv'],
  [/(?:^|_)ids?$|^run$|^job$/, ID],
  [/digest|^recorded$|^stored$|^recalculated$/, `sha256:${'0a1b'.repeat(16)}`],
  [/^(?:pnl_)?date$/, '2025-12-24'],
  [/_at$/, '2025-12-24T18:00:00.000Z'],
  [/natural|direct|adjusted|plug|amount|^unassigned$|^overrides$/, '1234.50'],
  [/cursor/, 'eyJwIjpbMTAwXSwiZCI6IjVmMGMyYTM0In0'],
  [/scenario/, 'ACTUAL'],
  [/measure/, 'daily'],
  [/use_case|^name$/, 'Tour'],
  [/structure/, 'DESKS'],
  [/table/, 'fact_tour'],
  [/^rule$|where/, "where kind = 'TRADE'"],
  [/by$|^who$/, 'controller'],
  [/^status$/, 'COMPLETED'],
  [/^policy$/, 'most_specific'],
  [/code/, 'FACTS_UNASSIGNED'],
]

export function exampleOf(schema: JsonSchema, schemas: Schemas, name = ''): unknown {
  if (typeof schema.$ref === 'string') {
    const target = targetOf(schema.$ref)
    // A schema that names itself has an example without itself.
    const { [target]: own = {}, ...others } = schemas
    return exampleOf(own, others, target === 'Amount' ? 'amount' : name)
  }
  if ('example' in schema) return schema.example
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const either = (schema.anyOf ?? schema.oneOf) as readonly JsonSchema[] | undefined
  if (either !== undefined) return exampleOf(either.find((one) => !isOpen(one, schemas)) ?? {}, schemas, name)
  if ('default' in schema) return schema.default
  return exampleOfType(schema, schemas, name)
}

const targetOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

/** Of a schema whose example is being made further up. */
const isOpen = (schema: JsonSchema | undefined, schemas: Schemas): boolean =>
  typeof schema?.$ref === 'string' && !(targetOf(schema.$ref) in schemas)

function exampleOfType(schema: JsonSchema, schemas: Schemas, name: string): unknown {
  switch (schema.type) {
    case 'object':
      return exampleObject(schema, schemas)
    case 'array':
      return isOpen(schema.items as JsonSchema | undefined, schemas)
        ? []
        : [exampleOf((schema.items ?? {}) as JsonSchema, schemas, name.replace(/s$/, ''))]
    case 'boolean':
      return false
    case 'integer':
    case 'number':
      return Math.max(1, Number(schema.minimum ?? 1))
    case 'null':
      return null
    case 'string':
      return TEXTS.find(([pattern]) => pattern.test(name))?.[1] ?? 'text'
    default:
      return {}
  }
}

function exampleObject({ properties, additionalProperties }: JsonSchema, schemas: Schemas): object {
  if (properties === undefined) {
    return typeof additionalProperties === 'object' && additionalProperties !== null
      ? { daily: exampleOf(additionalProperties as JsonSchema, schemas) }
      : {}
  }
  return Object.fromEntries(
    Object.entries(properties as Schemas).map(([key, inner]) => [key, exampleOf(inner, schemas, key)]),
  )
}
