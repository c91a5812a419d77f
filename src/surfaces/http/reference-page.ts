/** The page at `/`: what is served, with links to try. Raises nothing. */

import { escaped, page } from './page.js'
import type { Route } from './routes.js'

export function referencePage(routes: readonly Route[]): string {
  const rows = routes.map(({ operation, binding, query, body }) => {
    const { path, method } = binding
    const shown =
      method !== 'GET' || path.includes('{')
        ? escaped(path)
        : `<a href="${escaped(path)}">${escaped(path)}</a>`
    const inputs = [...query, ...body].map(
      ({ name, description }) => `<code>${escaped(name)}</code> ${escaped(description)}`,
    )
    return `<tr><td>${method} ${shown}</td><td>${escaped(operation.summary)}${inputs.length > 0 ? `<br>${inputs.join('<br>')}` : ''}</td></tr>`
  })
  return page(
    'Tieout',
    `<h1>Tieout</h1><p>Runs, results and their verification, as JSON. Amounts are decimal strings; dates are <code>YYYY-MM-DD</code>.</p>
<table><thead><tr><th>Route</th><th>What it answers</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`,
  )
}
