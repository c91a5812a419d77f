/** Which kinds of file a download may be, and which one a request asks for. Raises nothing. */

import type { Download, FileForm } from '../../books/operation.js'

const formsOf = ({ form }: Download): readonly FileForm[] =>
  'forms' in form ? Object.values(form.forms) : [form]

/** Each once, in the order of the input's values. */
export const mediaTypesOf = (download: Download): readonly string[] => [
  ...new Set(formsOf(download).map(({ mediaType }) => mediaType)),
]

/** By the input as it was parsed, so that its default counts. */
export function formOf({ form }: Download, input: object): FileForm {
  if (!('forms' in form)) return form
  const value = String((input as Readonly<Record<string, unknown>>)[form.input])
  const found = form.forms[value]
  if (found === undefined) throw new Error(`no kind of file for ${form.input} ${value}`)
  return found
}
