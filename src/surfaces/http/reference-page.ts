/** The page at `/`: what is served, with links to try. Raises nothing. */

import type { Operation } from '../../books/operation.js'
import { fieldsOf } from '../cli/options.js'

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2024; background: #fff }
  code, td:first-child { font-family: ui-monospace, monospace; font-size: 13px }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #e3e6e9; vertical-align: top }
  h1 { font-size: 1.4rem } p { color: #50575e } a { color: #0b5cad }
  @media (prefers-color-scheme: dark) { body { color: #e6e8ea; background: #15181b } td, th { border-color: #2c3136 } p { color: #a7aeb5 } a { color: #7ab8ff } }`

export function referencePage(operations: readonly Operation[]): string {
  const rows = operations.map((operation) => {
    const { path } = operation.http!
    const shown = path.includes('{') ? escaped(path) : `<a href="${escaped(path)}">${escaped(path)}</a>`
    const query = fieldsOf(operation)
      .filter(({ name }) => !path.includes(`{${name}}`))
      .map(({ name, description }) => `<code>${escaped(name)}</code> ${escaped(description)}`)
    return `<tr><td>GET ${shown}</td><td>${escaped(operation.summary)}${query.length > 0 ? `<br>${query.join('<br>')}` : ''}</td></tr>`
  })
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tieout</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head><body>
<h1>Tieout</h1><p>Runs, results and their verification, as JSON. Amounts are decimal strings; dates are <code>YYYY-MM-DD</code>.</p>
<table><thead><tr><th>Route</th><th>What it answers</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>
</body></html>`
}
