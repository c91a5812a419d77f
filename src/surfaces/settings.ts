/**
 * Settings and where each came from: flags, then environment, then `tieout.yaml`, then defaults. Raises
 * TIE-1003 for a file that is no configuration, TIE-1005 for one that was named and cannot be read.
 */

import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { digestOf } from '../base/digest.js'
import { refuse } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import { isServer, withoutPassword } from '../books/location.js'

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
  'rate_limit',
  'frames',
  'model_url',
  'model_name',
] as const
export type SettingName = (typeof SETTING_NAMES)[number]
export type Settings = Readonly<Record<SettingName, Setting>>

/** Other variables than TIEOUT_NAME that a setting comes from. */
const OTHER_VARIABLES: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
  db: ['DATABASE_URL'],
  user: ['USER'],
}

const FILE = 'tieout.yaml'

/** The setting `frames` of those who keep none on disk. */
export const NO_FRAMES = 'none'

export interface SettingSources {
  readonly flags: Readonly<Partial<Record<SettingName | 'config', string>>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
}

export async function resolveSettings({ flags, environment, directory }: SettingSources): Promise<Settings> {
  const file = await readSettingsFile(directory, flags.config)
  const setting = (name: SettingName, fallback: string): Setting => {
    const flag = flags[name]
    if (flag !== undefined) return { value: flag, origin: `--${name.replaceAll('_', '-')}` }
    const variables = [`TIEOUT_${name.toUpperCase()}`, ...(OTHER_VARIABLES[name] ?? [])]
    const variable = variables.find((key) => (environment[key] ?? '') !== '')
    if (variable !== undefined) return { value: environment[variable]!, origin: variable }
    const value = file.values[name]
    return value === undefined ? { value: fallback, origin: 'default' } : { value, origin: file.name }
  }
  const db = setting('db', join(directory, '.tieout', 'db'))
  const defaults: Record<Exclude<SettingName, 'db'>, string> = {
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
    rate_limit: '6000',
    frames: framesBeside(db.value, environment),
    model_url: '',
    model_name: 'default',
  }
  const others = Object.entries(defaults).map(([name, value]) => [name, setting(name as SettingName, value)])
  return { db, ...(Object.fromEntries(others) as Omit<Settings, 'db'>) }
}

/**
 * Where frames are kept unless a setting says otherwise: beside an embedded database, whose directory is its
 * own; of a server in the user's cache.
 */
function framesBeside(db: string, environment: SettingSources['environment']): string {
  if (db.startsWith('memory://')) return NO_FRAMES
  if (!isServer(db)) return `${db.replace(/[/\\]+$/, '')}.frames`
  const cache = environment.XDG_CACHE_HOME || join(environment.HOME || homedir(), '.cache')
  const name = digestOf(withoutPassword(db)).replace('sha256:', '').slice(0, 16)
  return join(cache, 'tieout', 'frames', name)
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
