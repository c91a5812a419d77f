/**
 * The page at `/`: every route by what it is about, with its inputs, an example of its answer and, where it reads
 * without knowing an id, a link to try. One document, nothing from elsewhere. Raises nothing.
 */

import { exampleOf } from './examples.js'
import { mediaTypesOf } from './file-form.js'
import { SchemaComponents, schemaName } from './json-schemas.js'
import { nounOf } from './openapi.js'
import { escaped, page } from './page.js'
import { errorsOf } from './route-errors.js'
import type { Route, RouteInput } from './routes.js'

export function referencePage(routes: readonly Route[]): string {
  const nouns = [...new Set(routes.map(nounOf))]
  const links = nouns.map((noun) => `<a href="#${escaped(noun)}">${escaped(noun)}</a>`).join('')
  const sections = nouns.map((noun) =>
    section(
      noun,
      routes.filter((route) => nounOf(route) === noun),
    ),
  )
  return page(
    'Tieout',
    `<h1>Tieout</h1>
<p>Runs, their figures and their verification, as JSON. Amounts are decimal text, dates <code>YYYY-MM-DD</code>, instants ISO in UTC.
Refusals are problem documents with a code. <a href="/openapi.json">openapi.json</a> is this page for programs.</p>
<nav>${links}</nav>
${sections.join('\n')}`,
  )
}

const section = (noun: string, routes: readonly Route[]): string =>
  `<h2 id="${escaped(noun)}">${escaped(noun)}</h2>\n${routes.map(entry).join('\n')}`

function entry(route: Route): string {
  const { operation, binding, path, query, body, upload } = route
  const shown = escaped(binding.path)
  const canTry = binding.method === 'GET' && path.length === 0
  return [
    `<h3 id="${escaped(operation.name.replaceAll(' ', '-'))}"><span class="method">${binding.method}</span> ${canTry ? `<a href="${shown}"><code>${shown}</code></a>` : `<code>${shown}</code>`}</h3>`,
    `<p>${escaped(operation.summary)} <span class="soft">Role: ${route.role}.</span></p>`,
    inputTable([
      ...path.map((input) => ['path', input] as const),
      ...query.map((input) => ['query', input] as const),
      ...body.map((input) => ['body', input] as const),
    ]),
    upload === undefined
      ? ''
      : `<p class="soft">The body is the file: ${escaped(Object.keys(upload.mediaTypes).join(', '))}.</p>`,
    example(route),
    `<details><summary>Refusals</summary><p>${refusals(route)}</p></details>`,
  ].join('\n')
}

function inputTable(inputs: readonly (readonly [string, RouteInput])[]): string {
  if (inputs.length === 0) return ''
  const rows = inputs.map(
    ([place, { name, required, description, schema }]) =>
      `<tr><td><code>${escaped(name)}</code></td><td class="soft">${place}${required ? ', required' : ''}</td><td>${escaped(description)}${choices(schema.enum)}</td></tr>`,
  )
  return `<table>${rows.join('')}</table>`
}

const choices = (values: unknown): string =>
  Array.isArray(values) ? ` One of <code>${escaped(values.join(', '))}</code>.` : ''

function example({ operation, binding }: Route): string {
  if (binding.download !== undefined)
    return `<p class="soft">The answer is the file: ${escaped(mediaTypesOf(binding.download).join(' or '))}.</p>`
  const components = new SchemaComponents()
  const value = exampleOf(components.add(schemaName(operation), operation.output), components.schemas)
  return `<details><summary>Example of the answer</summary><pre>${escaped(JSON.stringify(value, null, 2))}</pre></details>`
}

const refusals = (route: Route): string =>
  [...errorsOf(route)]
    .map(
      ([status, codes]) =>
        `${status}: ${codes.map((code) => `<a href="/errors/${code}">${code}</a>`).join(' ')}`,
    )
    .join(' · ')
