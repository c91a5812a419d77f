/** The entry of an error code, which a problem document's `type` names: as JSON, or as a page where that is asked for. Raises TIE-1004. */

import { ERRORS, type ErrorCode, refuse } from '../../base/errors.js'
import { didYouMean } from '../../base/text.js'
import type { Exchange } from './exchange.js'
import { escaped, page } from './page.js'

export function errorEntry(c: Exchange, text: string): Response {
  const code = text.toUpperCase()
  if (!Object.hasOwn(ERRORS, code)) {
    refuse('TIE-1004', { code: text.slice(0, 20), suggestion: didYouMean(code, Object.keys(ERRORS)) })
  }
  const { status, message, remedy } = ERRORS[code as ErrorCode]
  const entry = { code, status, message, remedy: remedy.replace(/ ?\{suggestion\}/, '') }
  if (!(c.req.header('accept') ?? '').includes('text/html')) return c.json(entry)
  const body = `<h1>${code}</h1><p>${escaped(entry.message)}</p><p>${escaped(entry.remedy)}</p>
<p>HTTP ${status}. Words in braces are filled in.</p>`
  return c.html(page(code, body))
}
