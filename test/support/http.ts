/** The application on real books, asked without a socket: what a client sends, what it gets. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { CATALOGUE } from '#tieout/surfaces/catalogue'
import { withoutLogin } from '#tieout/surfaces/http/access'
import type { App, HttpHost } from '#tieout/surfaces/http/exchange'
import { makeApp } from '#tieout/surfaces/http/http-app'
import { Jobs } from '#tieout/surfaces/http/jobs'
import { RateLimit } from '#tieout/surfaces/http/rate-limit'
import { sharedTestBooks, type TestBooks } from './books.js'
import { contextOf, EXAMPLES } from './cli.js'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: the body of whatever route was asked.
  readonly json: any
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream
}

export type Ask = (method: string, path: string, sent?: Sent) => Promise<HttpAnswer>

export const askOf =
  (app: App, always: Readonly<Record<string, string>> = {}): Ask =>
  async (method, path, { headers = {}, json, body } = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        host: 'localhost',
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...always,
        ...headers,
      },
      ...(json === undefined ? (body === undefined ? {} : { body }) : { body: JSON.stringify(json) }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit)
    const text = await response.text()
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
  }

export interface HttpBed {
  readonly db: TestBooks
  readonly host: HttpHost
  readonly app: App
  readonly ask: Ask
  /** What the server said about bugs; a test that is done expects none. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

/** Each call makes a server of its own: with its own jobs. */
export const hostOf = (db: TestBooks, more: Partial<HttpHost> = {}): HttpHost => {
  const context = contextOf(db.books, db.tenant)
  return {
    context,
    operations: CATALOGUE,
    access: withoutLogin(context),
    limits: { maxBody: 2 ** 20, maxUpload: 64 * 2 ** 20, maxRequests: 64, idempotencyHours: 24 },
    jobs: new Jobs(context, { maxJobs: 16 }),
    rate: new RateLimit(0, () => 0),
    files: null,
    log: () => undefined,
    complain: (line) => console.error(line),
    ...more,
  }
}

export async function openHttp(more: Partial<HttpHost> = {}): Promise<HttpBed> {
  const db = await sharedTestBooks()
  const complaints: string[] = []
  const host = hostOf(db, { complain: (line) => complaints.push(line), ...more })
  const app = makeApp(host)
  return { db, host, app, ask: askOf(app), complaints, close: () => db.close() }
}

const tourFile = (name: string): string => readFileSync(join(EXAMPLES, 'tour', name), 'utf8')
export const TOUR = {
  structure: tourFile('structure.csv'),
  facts: tourFile('facts.csv'),
  useCase: tourFile('use-case.yaml'),
}

export const CSV = { 'content-type': 'text/csv' }
export const YAML = { 'content-type': 'application/yaml' }

/** The tour's structure, facts and use case, sent over HTTP. */
export async function loadTour(ask: Ask): Promise<void> {
  const sent = [
    await ask('POST', '/api/v1/structures/DESKS', { headers: CSV, body: TOUR.structure }),
    await ask('POST', '/api/v1/fact-tables/fact_tour/imports', { headers: CSV, body: TOUR.facts }),
    await ask('POST', '/api/v1/use-cases', { headers: YAML, body: TOUR.useCase }),
  ]
  expect(sent.map(({ status, text }) => [status, status === 201 ? '' : text])).toEqual([
    [201, ''],
    [201, ''],
    [201, ''],
  ])
}

export const makeRun = async (ask: Ask, body: object = { date: '2025-12-24' }): Promise<string> => {
  const made = await ask('POST', '/api/v1/use-cases/Tour/runs', { json: body })
  expect(made).toMatchObject({ status: 201 })
  return made.json.run_id
}
