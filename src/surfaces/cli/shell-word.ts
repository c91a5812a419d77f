/** A text as one word of a shell's command line, for commands that are shown to be copied. Raises nothing. */

import { printable } from './table.js'

export const shellWord = (text: string): string =>
  /^[\w.:@%+=,/-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", `'\\''`)}'`
