/**
 * An operation's input as command-line options: `dry_run: boolean` becomes --dry-run, `date: string` becomes
 * --date DATE, required ones are asked for. Raises TIE-1002 for values that are not of the input's form.
 */

import { type Command, Option } from 'commander'
import { z } from 'zod'
import { problem, Refusal } from '../../base/errors.js'
import type { Operation } from '../../books/operation.js'

interface Field {
  readonly name: string
  readonly flag: string
  readonly description: string
  readonly isBoolean: boolean
  readonly choices: readonly string[] | undefined
  readonly fallback: unknown
  readonly required: boolean
}

/** The JSON schema of the input says all that a flag needs. */
export function fieldsOf({ input, flags = {} }: Operation): Field[] {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, { type?: string; description?: string; enum?: string[]; default?: unknown }>
    required?: string[]
  }
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    flag: flags[name] ?? name.replaceAll('_', '-'),
    description: property.description ?? '',
    isBoolean: property.type === 'boolean',
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
    const value = field.isBoolean ? '' : ` <${field.flag}>`
    const option = new Option(`--${field.flag}${value}`, field.description)
    if (field.choices !== undefined) option.choices([...field.choices])
    if (field.fallback !== undefined && !field.isBoolean)
      option.defaultValueDescription = String(field.fallback)
    if (field.required) option.makeOptionMandatory()
    command.addOption(option)
  }
}

/** The operation's input from positional arguments and options. */
export function inputOf(
  operation: Operation,
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): unknown {
  const given = fieldsOf(operation).flatMap((field): [string, unknown][] => {
    const place = operation.positional.indexOf(field.name)
    const value = place >= 0 ? positional[place] : options[camel(field.flag)]
    return value === undefined ? [] : [[field.name, value]]
  })
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

const camel = (flag: string): string => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
