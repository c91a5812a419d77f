/** The operation that writes the pipeline of a mart for a dialect. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { refuse, refuseAll } from '../../base/errors.js'
import { type Operation, operation } from '../../books/operation.js'
import { DIALECT_NAMES } from '../../engines/plan/dialects.js'
import { configInput, configOf, LOAD_ERRORS, sourceInput, sourceOf } from './schemas.js'

const generate = operation({
  name: 'mart generate',
  summary: 'Write the four objects of a mart as statements of a dialect, one file each and one with all.',
  effect: 'read',
  input: z.object({
    file: configInput,
    dialect: z.enum(DIALECT_NAMES).describe('Whose SQL.'),
    out: z.string().min(1).describe('Folder of the files; those of the same names are replaced.'),
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
        file: z.string(),
        bytes: z.number(),
      }),
    ),
    script: z.string().describe('The file with all of them.'),
  }),
  errors: [...LOAD_ERRORS, 'TIE-2802', 'TIE-5026'],
  positional: ['file'],
  async run(_, { file, dialect, out, source }) {
    const found = await configOf(file)
    const { planPipeline, printPipeline, scriptOf } = await import('../pipeline/pipeline.js')
    const { refuseUnsupported } = await import('../store/run-duckdb.js')
    const { shape, formulas } = await shaped(found, sourceOf(found, file, source))
    const objects = printPipeline(planPipeline(shape, formulas), found.config, dialect)
    refuseUnsupported(objects, dialect)
    const script = join(out, 'pipeline.sql')
    const files = objects.map(({ layer, ddl, ...object }, i) => ({
      layer,
      object_name: object.object_name,
      object_type: object.object_type,
      file: join(out, `0${i + 1}_${layer}.sql`),
      text: `${ddl};\n`,
    }))
    try {
      await mkdir(out, { recursive: true })
      for (const { file: path, text } of files) await writeFile(path, text)
      await writeFile(script, scriptOf(objects, dialect))
    } catch (error) {
      refuse('TIE-2802', { file: out, detail: (error as Error).message })
    }
    return {
      project_name: found.config.project_name,
      dialect,
      formulas: formulas.length,
      objects: files.map(({ text, ...object }) => ({ ...object, bytes: Buffer.byteLength(text) })),
      script,
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
  if (config.hierarchy.formula_logic !== null || config.formulas.length > 0) refuse('TIE-5026', {})
  return { shape, formulas: [] }
}

export const martGenerateOperations: readonly Operation[] = [generate]
