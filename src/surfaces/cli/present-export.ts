/** What was exported, as text. Raises nothing. */

import { type Presentation, presentation, type Row, table } from './presentation.js'
import { columnsOf, textTable } from './table.js'

interface RunExported {
  run_id: string
  file: string
  bytes: number
  seal: string
  files: Row[]
}

export const EXPORT_PRESENTATIONS: Readonly<Record<string, Presentation>> = {
  'export run': presentation<RunExported>({
    rows: ({ files }) => table(columnsOf('text name', 'number bytes', 'text sha256'), files),
    text: ({ run_id, file, bytes, seal, files }, style) =>
      [
        `${style.green('✓')} Run ${style.bold(run_id)} is sealed in ${file}, ${bytes.toLocaleString('en-US')} bytes.`,
        `  seal ${seal}`,
        '',
        textTable(table(columnsOf('text name', 'number bytes', 'text sha256'), files)),
        '',
        style.dim(
          `tieout-verify-bundle ${file} checks it without the database. Note the seal somewhere else.`,
        ),
      ].join('\n'),
  }),
}
