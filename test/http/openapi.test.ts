/** The OpenAPI document: complete, its references whole, the committed one the served one. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '#tieout/base/errors'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { openApiOf } from '#tieout/surfaces/http/openapi'
import { referencePage } from '#tieout/surfaces/http/reference-page'
import { routesOf } from '#tieout/surfaces/http/routes'
import { REPOSITORY } from '../support/cli.js'

// biome-ignore lint/suspicious/noExplicitAny: the document is walked as what it is, JSON.
type Json = any
const routes = routesOf(CATALOGUE)
const document: Json = JSON.parse(readFileSync(join(REPOSITORY, 'docs/reference/openapi.json'), 'utf8'))
const operations: [string, string, Json][] = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
  Object.entries<Json>(methods).map(([method, operation]): [string, string, Json] => [
    method.toUpperCase(),
    path,
    operation,
  ]),
)

test('the committed document is the one that is served', () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
  expect(document).toEqual(JSON.parse(JSON.stringify(openApiOf(routes, version))))
})

test('every operation with a route is in it, once', () => {
  const ids = operations.map(([, , { operationId }]) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { binding } of routes) {
    expect(operations.some(([method, path]) => method === binding.method && path === binding.path)).toBe(true)
  }
})

test('every reference is to something that is there', () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, ref]) => ref!)
  expect(refs.length).toBeGreaterThan(100)
  const at = (ref: string): Json => ref.split('/').reduce((value: Json, step) => value?.[step], document)
  expect(refs.filter((ref) => at(ref) === undefined)).toEqual([])
})

describe.each(operations)('%s %s', (method, path, operation) => {
  test('says what it takes, what it answers and how it refuses', () => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = operation.parameters
      .filter((one: Json) => one.in === 'path')
      .map((one: Json) => one.name)
    expect(declared).toEqual(inPath)
    const statuses = Object.keys(operation.responses)
    expect(statuses.some((status) => status.startsWith('2'))).toBe(true)
    expect(statuses).toContain('default')
    if (method === 'GET' && !path.endsWith('/events'))
      expect(operation.responses[200].headers.ETag).toBeDefined()
    for (const [status, response] of Object.entries<Json>(operation.responses)) {
      for (const code of response['x-error-codes'] ?? []) {
        expect(`${code} ${ERRORS[code as keyof typeof ERRORS]?.status}`).toBe(`${code} ${status}`)
      }
    }
  })
})

test('the page has every route and nothing from elsewhere', () => {
  const html = referencePage(routes)
  for (const { binding } of routes) expect(html).toContain(`<code>${binding.path}</code>`)
  expect(html).toContain('<a href="/api/v1/runs"><code>/api/v1/runs</code></a>')
  expect(html).not.toMatch(/<script|src=|https?:\/\//)
})
