/** The operation that writes the pipeline of a mart for a dialect. */

import { join } from 'node:path'
import { z } from 'zod'
import { refuse, refuseAll } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { DIALECT_NAMES } from '../../engines/plan/dialects.js'
import { writeFiles } from '../store/write-files.js'
import { configInput, configOf, LOAD_ERRORS, martBinding, sourceInput, sourceOf } from './schemas.js'

const generate = operation({
  name: 'mart generate',
  summary: 'Write the four objects of a mart as statements of a dialect, one file each and one with all.',
  effect: 'read',
  input: z.object({
    file: configInput,
    dialect: z.enum(DIALECT_NAMES).describe('Whose SQL.'),
    out: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the files; those of the same names are replaced. The statements are printed when not said.',
      ),
    source: sourceInput,
  }),
  output: z.object({
    project_name: z.string(),
    dialect: z.string(),
    formulas: z.number().describe('Formulas in the cascade.'),
    objects: z.array(
      z.object({
        layer: z.string(),
        object_name: z.string(),
        object_type: z.string(),
        refresh_mode: z.string().nullable().describe('Of a dynamic table.'),
        refresh_reason: z.string().nullable().describe('Why it is that one.'),
        file: z.string().nullable(),
        bytes: z.number(),
        ddl: z.string().optional().describe('The statement, where no file is written.'),
      }),
    ),
    script: z.string().nullable().describe('The file with all of them.'),
  }),
  errors: [...LOAD_ERRORS, 'TIE-2802', 'TIE-5026'],
  positional: ['file'],
  http: martBinding('generate', ['out']),
  async run(context, { file, dialect, out, source }) {
    const found = await configOf(file)
    const { planPipeline, printPipeline, scriptOf } = await import('../pipeline/pipeline.js')
    const { refuseUnsupported } = await import('../store/run-duckdb.js')
    const { shape, formulas } = await shaped(found, sourceOf(context, found, file, source))
    const objects = printPipeline(planPipeline(shape, formulas), found.config, dialect)
    refuseUnsupported(objects, dialect)
    const files = objects.map(({ layer, ddl }, i) => ({ path: `0${i + 1}_${layer}.sql`, text: `${ddl};\n` }))
    const script = { path: 'pipeline.sql', text: scriptOf(objects, dialect) }
    if (out !== undefined) await writeFiles(out, [...files, script])
    return {
      project_name: found.config.project_name,
      dialect,
      formulas: formulas.length,
      objects: objects.map(({ layer, object_name, object_type, refresh, ddl }, i) => ({
        layer,
        object_name,
        object_type,
        refresh_mode: refresh?.mode ?? null,
        refresh_reason: refresh?.reason ?? null,
        file: out === undefined ? null : join(out, files[i]!.path),
        bytes: Buffer.byteLength(files[i]!.text),
        ...(out === undefined ? { ddl: `${ddl};\n` } : {}),
      })),
      script: out === undefined ? null : join(out, script.path),
    }
  },
})

type Found = Awaited<ReturnType<typeof configOf>>

/** Formulas and totals are the hierarchy's, so the cascade needs to look at it. */
async function shaped({ config, placeOf }: Found, location: string | undefined) {
  if (location !== undefined) {
    const { withMart } = await import('../store/load.js')
    return withMart(config, placeOf, location, async ({ shape, data }) => ({
      shape,
      formulas: data.formulas,
    }))
  }
  const { shapeOf } = await import('../pipeline/shape.js')
  const { shape, problems } = shapeOf(config, placeOf, undefined)
  refuseAll(problems)
  const { hierarchy, formulas, formulas_table } = config
  if (hierarchy.formula_logic !== null || formulas.length > 0 || formulas_table !== null)
    refuse('TIE-5026', {})
  return { shape, formulas: [] }
}

export const martGenerateOperations: readonly Operation[] = [generate]
