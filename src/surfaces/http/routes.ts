/**
 * The routes: a fold over the catalogue's operations that have a binding. What a route takes from where, who may
 * use it and what it says of itself follows from the operation. Raises Error for a binding that cannot be served:
 * a bug of the operation.
 */

import { z } from 'zod'
import type { HttpBinding, Operation, Role } from '../../books/operation.js'

export type JsonSchema = Readonly<Record<string, unknown>>

/** One input of an operation, as a request gives it. */
export interface RouteInput {
  readonly name: string
  readonly schema: JsonSchema
  readonly required: boolean
  readonly description: string
}

export interface Upload {
  readonly input: string
  readonly mediaTypes: Readonly<Record<string, string>>
  readonly limit: number | undefined
}

export interface Route {
  readonly operation: Operation
  readonly binding: HttpBinding
  readonly role: Role
  /** The operation's input; unknown members are refused. Made once: a schema compiles itself at its first use. */
  readonly input: z.ZodObject
  readonly path: readonly RouteInput[]
  readonly query: readonly RouteInput[]
  /** Members of the JSON body; empty for a request without one. */
  readonly body: readonly RouteInput[]
  readonly upload: Upload | undefined
  /** True when it changes something. */
  readonly writes: boolean
  /** Takes `cursor` and gives `next_cursor`. */
  readonly paged: boolean
  /** A GET whose output has a version, which its ETag says. */
  readonly versioned: boolean
  /** Takes `expected_version`, which If-Match says. */
  readonly edits: boolean
}

const ROLE_OF_EFFECT = { read: 'reader', append: 'preparer', purge: 'admin' } as const

const CSV: Readonly<Record<string, string>> = { 'text/csv': '.csv' }

/** Those with fixed segments first, so that /runs/latest/defaults is not the run "latest". */
export function routesOf(operations: readonly Operation[]): readonly Route[] {
  const routes = operations.flatMap((operation) =>
    operation.http === undefined ? [] : [routeOf(operation, operation.http)],
  )
  return routes.sort((a, b) => compareSpecific(a.binding.path, b.binding.path))
}

function compareSpecific(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')]
  for (const [i, segment] of left.entries()) {
    const isOpen = segment.startsWith('{')
    const otherIsOpen = right[i]?.startsWith('{') ?? false
    if (isOpen !== otherIsOpen) return isOpen ? 1 : -1
  }
  return 0
}

function routeOf(operation: Operation, binding: HttpBinding): Route {
  const inputs = inputsOf(operation)
  const inPath = pathInputs(binding.path)
  const { download } = binding
  const filledIn = [
    ...(binding.without ?? []),
    ...(download === undefined ? [] : [download.input, ...download.without]),
  ]
  const lost = inPath.filter((name) => !inputs.some((input) => input.name === name))
  if (lost.length > 0) throw new Error(`${operation.name} has no input ${lost.join(', ')} for its path`)
  // A client sends a file, or names one beneath the server's directory; any other of this machine it does not name.
  const known = [binding.upload, ...filledIn, ...(binding.beneath ?? [])]
  if (inputs.some(({ name }) => name === 'file') && !known.includes('file')) {
    throw new Error(`${operation.name} takes a file; over HTTP it must be an upload or a download`)
  }
  const rest = inputs.filter(({ name }) => ![...inPath, ...filledIn, binding.upload].includes(name))
  const hasBody = binding.upload === undefined && ['POST', 'PUT', 'PATCH'].includes(binding.method)
  const outputs = outputNames(operation)
  return {
    operation,
    binding,
    role: binding.role ?? ROLE_OF_EFFECT[operation.effect],
    input: withoutInputs(operation.input, filledIn).strict(),
    path: inPath.map((name) => ({ ...inputs.find((input) => input.name === name)!, required: true })),
    query: hasBody ? [] : rest,
    body: hasBody ? rest : [],
    upload:
      binding.upload === undefined
        ? undefined
        : { input: binding.upload, mediaTypes: binding.mediaTypes ?? CSV, limit: binding.uploadLimit },
    writes: operation.effect !== 'read',
    paged: outputs.includes('next_cursor'),
    versioned: binding.method === 'GET' && outputs.includes('version'),
    edits: inputs.some(({ name }) => name === 'expected_version'),
  }
}

const withoutInputs = ({ shape }: z.ZodObject, names: readonly string[]): z.ZodObject =>
  z.object(Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name))))

const pathInputs = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)

/** Names of the output's members; none for an output that is no object. */
const outputNames = ({ output }: Operation): string[] =>
  output instanceof z.ZodObject ? Object.keys(output.shape) : []

function inputsOf({ input }: Operation): RouteInput[] {
  const {
    properties = {},
    required = [],
    $defs,
  } = z.toJSONSchema(input, {
    io: 'input',
    unrepresentable: 'any',
  }) as { properties?: Record<string, JsonSchema>; required?: string[]; $defs?: JsonSchema }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    schema: $defs === undefined ? schema : { ...schema, $defs },
    required: required.includes(name),
    description: typeof schema.description === 'string' ? schema.description : '',
  }))
}
