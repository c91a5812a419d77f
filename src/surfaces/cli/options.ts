/**
 * An operation's input as command-line options: `dry_run: boolean` becomes --dry-run, `date: string` becomes
 * --date DATE, required ones are asked for. Lists and objects are written as JSON, or come from a file of YAML
 * or JSON: --rules @rules.yaml. Raises TIE-1002 for values that are not of the input's form, TIE-1005.
 */

import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { problem, Refusal, refuse } from '../../base/errors.js'
import type { Operation } from '../../books/operation.js'

interface Field {
  readonly name: string
  readonly flag: string
  readonly description: string
  readonly isBoolean: boolean
  /** A list or an object. */
  readonly isStructured: boolean
  /** A list of words. */
  readonly isWords: boolean
  readonly choices: readonly string[] | undefined
  readonly fallback: unknown
  readonly required: boolean
}

interface Property {
  readonly type?: string
  readonly anyOf?: readonly Property[]
  readonly description?: string
  readonly enum?: string[]
  readonly default?: unknown
}

const isStructured = ({ type, anyOf = [] }: Property): boolean =>
  type === 'array' || type === 'object' || anyOf.some(isStructured)

/** The JSON schema of the input says all that a flag needs. */
export function fieldsOf({ input, flags = {}, words = [] }: Operation): Field[] {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Property>
    required?: string[]
  }
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    flag: flags[name] ?? name.replaceAll('_', '-'),
    description: property.description ?? '',
    isBoolean: property.type === 'boolean',
    isStructured: isStructured(property) && !words.includes(name),
    isWords: words.includes(name),
    choices: property.enum,
    fallback: property.default,
    required: schema.required?.includes(name) ?? false,
  }))
}

export function addOptions(command: Command, operation: Operation): void {
  for (const field of fieldsOf(operation)) {
    if (operation.positional.includes(field.name)) {
      command.argument(field.required ? `<${field.flag}>` : `[${field.flag}]`, field.description)
      continue
    }
    const value = field.isBoolean ? '' : ` <${field.flag}${field.isWords ? '...' : ''}>`
    const option = new Option(`--${field.flag}${value}`, field.description)
    if (field.choices !== undefined) option.choices([...field.choices])
    if (field.fallback !== undefined && !field.isBoolean)
      option.defaultValueDescription = String(field.fallback)
    if (field.required) option.makeOptionMandatory()
    command.addOption(option)
  }
}

/** The operation's input from positional arguments and options. */
export async function inputOf(
  operation: Operation,
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const given: [string, unknown][] = []
  for (const field of fieldsOf(operation)) {
    const place = operation.positional.indexOf(field.name)
    const value = place >= 0 ? positional[place] : options[camel(field.flag)]
    if (value === undefined) continue
    given.push([field.name, field.isStructured ? await structured(operation, field, String(value)) : value])
  }
  const parsed = operation.input.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  throw new Refusal(
    parsed.error.issues.map((issue) =>
      problem('TIE-1002', {
        command: operation.name,
        detail: `--${issue.path.join('.').replaceAll('_', '-')}: ${issue.message}.`,
      }),
    ),
  )
}

async function structured(operation: Operation, { flag }: Field, text: string): Promise<unknown> {
  const { readYamlText } = await import('../../base/yaml-file.js')
  const content = text.startsWith('@') ? await contentOf(text.slice(1)) : text
  try {
    return readYamlText(content)
  } catch (error) {
    const detail = `--${flag}: ${(error as Error).message.split('\n')[0]}`
    throw new Refusal([problem('TIE-1002', { command: operation.name, detail })])
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    refuse('TIE-1005', { file, detail: (error as Error).message })
  }
}

const camel = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
