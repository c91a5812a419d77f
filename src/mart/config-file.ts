/**
 * The YAML file of a mart configuration, read with the place of every value and written so that reading it again
 * gives the same configuration. Raises TIE-5001 (no YAML), TIE-5002 (not the format), all problems at once.
 */

import { stringify } from 'yaml'
import { z } from 'zod'
import { type PlaceOf, readYamlFile, type YamlForm } from '../base/yaml-file.js'
import { type MartConfig, martConfigSchema } from './config.js'

export interface ConfigFile {
  readonly config: MartConfig
  readonly placeOf: PlaceOf
}

const FORM: YamlForm<MartConfig> = {
  schema: martConfigSchema,
  notYaml: 'TIE-5001',
  notTheFormat: 'TIE-5002',
  keys: keysOf(z.toJSONSchema(martConfigSchema, { io: 'input', unrepresentable: 'any' }) as Shape),
  union:
    'expected a term (result, operand, operator, constant) or two parameters (formula_group, logic, param_ref, param2_ref).',
}

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
}

/** The keys of each object of the schema, by the path the reader names it by. */
function keysOf(shape: Shape, path = ''): Record<string, readonly string[]> {
  const inner = shape.items ?? shape.anyOf?.find(({ properties }) => properties !== undefined)
  if (inner !== undefined) return keysOf(inner, path)
  if (shape.properties === undefined) return {}
  const below = Object.entries(shape.properties).map(([key, part]) =>
    keysOf(part, path === '' ? key : `${path}.${key}`),
  )
  return Object.assign({ [path]: Object.keys(shape.properties) }, ...below)
}

export function readConfigFile(text: string, file: string): ConfigFile {
  const { value, placeOf } = readYamlFile(text, file, FORM)
  return { config: value, placeOf }
}

export const printConfigFile = (config: MartConfig): string => stringify(config, { lineWidth: 0 })
