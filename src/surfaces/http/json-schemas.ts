/**
 * The schemas of operations as JSON Schema (draft 2020-12) under `#/components/schemas`, by zod's own conversion.
 * A schema with an id is written once and referred to; so is every input body and output. Raises nothing.
 */

import { z } from 'zod'
import type { Operation } from '../../books/operation.js'
import type { JsonSchema } from './routes.js'

export type Schemas = Record<string, JsonSchema>

/** `runs list` → RunsList. */
export const schemaName = (operation: Operation): string =>
  operation.name
    .split(/[\s-]+/)
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('')

export const operationId = (operation: Operation): string => {
  const name = schemaName(operation)
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`
}

export class SchemaComponents {
  readonly schemas: Schemas = {}

  /** A reference to the schema, which goes into the components under its own id, or else under this name. */
  add(name: string, schema: z.ZodType): JsonSchema {
    const made = this.hoisted(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as JsonSchema)
    return typeof made.$ref === 'string' ? made : this.addPlain(name, made)
  }

  addPlain(name: string, schema: JsonSchema): JsonSchema {
    this.schemas[name] = schema
    return refTo(name)
  }

  /** The schema with its own definitions moved to the components. */
  hoisted({ $schema: _, $defs = {}, id: __, ...schema }: JsonSchema): JsonSchema {
    for (const [name, definition] of Object.entries($defs as Schemas)) {
      const { id: ___, ...rest } = definition
      this.schemas[name] ??= pointed(rest) as JsonSchema
    }
    return pointed(schema) as JsonSchema
  }
}

const refTo = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

/** References to a schema's own definitions become references to the components. */
function pointed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string'
        ? inner.replace('#/$defs/', '#/components/schemas/')
        : pointed(inner),
    ]),
  )
}
