/**
 * Settings and where each came from: flags, then environment, then `tieout.yaml`, then defaults. Raises
 * TIE-1003 for a file that is no configuration, TIE-1005 for one that was named and cannot be read.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { refuse } from '../base/errors.js'
import { didYouMean } from '../base/text.js'

export interface Setting {
  readonly value: string
  readonly origin: string
}

export const SETTING_NAMES = [
  'db',
  'tenant',
  'user',
  'host',
  'port',
  'auth',
  'hosts',
  'jwks',
  'issuer',
  'audience',
  'files',
  'max_upload',
  'idempotency_hours',
] as const
export type SettingName = (typeof SETTING_NAMES)[number]
export type Settings = Readonly<Record<SettingName, Setting>>

/** Other variables than TIEOUT_NAME that a setting comes from. */
const OTHER_VARIABLES: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
  db: ['DATABASE_URL'],
  user: ['USER'],
}

const FILE = 'tieout.yaml'

export interface SettingSources {
  readonly flags: Readonly<Partial<Record<SettingName | 'config', string>>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
}

export async function resolveSettings({ flags, environment, directory }: SettingSources): Promise<Settings> {
  const file = await readSettingsFile(directory, flags.config)
  const defaults: Record<SettingName, string> = {
    db: join(directory, '.tieout', 'db'),
    tenant: 'default',
    user: 'unknown',
    host: '127.0.0.1',
    port: '4173',
    auth: 'none',
    hosts: '',
    jwks: '',
    issuer: '',
    audience: '',
    files: '',
    max_upload: '2048',
    idempotency_hours: '24',
  }
  const setting = (name: SettingName): Setting => {
    const flag = flags[name]
    if (flag !== undefined) return { value: flag, origin: `--${name.replaceAll('_', '-')}` }
    const variables = [`TIEOUT_${name.toUpperCase()}`, ...(OTHER_VARIABLES[name] ?? [])]
    const variable = variables.find((key) => (environment[key] ?? '') !== '')
    if (variable !== undefined) return { value: environment[variable]!, origin: variable }
    const value = file.values[name]
    return value === undefined ? { value: defaults[name], origin: 'default' } : { value, origin: file.name }
  }
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, setting(name)])) as Settings
}

async function readSettingsFile(
  directory: string,
  named: string | undefined,
): Promise<{ readonly name: string; readonly values: Readonly<Record<string, string>> }> {
  const name = named ?? FILE
  const path = resolve(directory, name)
  if (named === undefined && !existsSync(path)) return { name, values: {} }
  // Most runs have no such file and need no YAML.
  const { parse } = await import('yaml')
  let content: unknown
  try {
    content = parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT')
      refuse('TIE-1005', { file: path, detail: 'there is no such file' })
    refuse('TIE-1003', { file: path, detail: (error as Error).message.split('\n')[0]! })
  }
  if (content === null) return { name, values: {} }
  if (typeof content !== 'object' || Array.isArray(content))
    refuse('TIE-1003', { file: path, detail: 'it is no list of settings.' })
  const unknown = Object.keys(content).find((key) => !SETTING_NAMES.includes(key as SettingName))
  if (unknown !== undefined)
    refuse('TIE-1003', {
      file: path,
      detail: `unknown setting "${unknown}". ${didYouMean(unknown, SETTING_NAMES)}`,
    })
  return {
    name,
    values: Object.fromEntries(Object.entries(content).map(([key, value]) => [key, String(value)])),
  }
}
