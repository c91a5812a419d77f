/**
 * One writer per directory. PGlite has no lock between processes: two of them opened one directory and 226
 * acknowledged commits of one vanished. So a lock file beside the directory names its holder; a holder that
 * is dead is replaced, by its process id and start time, never by age.
 * Raises TIE-1201 (another process holds it), TIE-1202 (this process holds it).
 */

import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { refuse } from '../base/errors.js'

export interface Holder {
  readonly pid: number
  /** Boot and start of the process in it, so that a reused process id is not mistaken; '' where unknown. */
  readonly started: string
  readonly host: string
  readonly command: string
  readonly since: string
  /** Names this one holding. */
  readonly token: string
}

export interface DirectoryLock {
  /** The directory without symbolic links: two names of one directory share a lock. */
  readonly directory: string
  release(): void
}

const heldHere = new Set<string>()

/** `since` is told to whoever is refused. */
export async function lockDirectory(directory: string, command: string, since: Date): Promise<DirectoryLock> {
  const real = realDirectory(directory)
  if (heldHere.has(real)) refuse('TIE-1202', { directory })
  heldHere.add(real)
  const file = `${real}.lock`
  const token = randomUUID()
  const started = startOf(process.pid) ?? ''
  const me: Holder = {
    pid: process.pid,
    started,
    host: hostname(),
    command,
    since: since.toISOString(),
    token,
  }
  try {
    const holder = await take(file, me)
    if (holder !== undefined) {
      const { pid, host, command: its, since: from } = holder
      if (pid === process.pid && host === me.host) refuse('TIE-1202', { directory })
      refuse('TIE-1201', { directory, pid, host, command: its, since: from })
    }
  } catch (error) {
    heldHere.delete(real)
    throw error
  }
  const release = (): void => {
    if (!heldHere.delete(real)) return
    if (readHolder(file)?.token === token) rmSync(file, { force: true })
  }
  return { directory: real, release }
}

function realDirectory(directory: string): string {
  const path = resolve(directory)
  mkdirSync(dirname(path), { recursive: true })
  try {
    return realpathSync(path)
  } catch {
    return join(realpathSync(dirname(path)), basename(path))
  }
}

/**
 * Undefined when `me` has the lock now, else who has it. The file appears complete or not at all: it is
 * written under another name and linked, which fails when there is one.
 *
 * A dead holder's file is removed only under a lock of its own that names the dead holder's token. Without
 * it two reapers could both find the dead one, and the slower would remove the faster one's new lock.
 */
async function take(file: string, me: Holder): Promise<Holder | undefined> {
  for (;;) {
    if (tryLink(file, me)) return undefined
    const holder = readHolder(file)
    if (holder === undefined) continue
    if (!isDead(holder, me.host)) return holder
    const claim = `${file}.${holder.token}`
    if ((await take(claim, me)) !== undefined) {
      // Another process is replacing the dead one this very moment.
      await sleep(5)
      continue
    }
    try {
      if (readHolder(file)?.token === holder.token) rmSync(file, { force: true })
    } finally {
      rmSync(claim, { force: true })
    }
  }
}

function tryLink(file: string, me: Holder): boolean {
  const draft = `${file}.${me.pid}.${randomUUID()}`
  writeFileSync(draft, `${JSON.stringify(me)}\n`, { flag: 'wx', flush: true })
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Undefined when there is no lock file. */
function readHolder(file: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const holder = JSON.parse(text) as Holder
    if (typeof holder.pid === 'number' && /^[\w-]+$/.test(holder.token)) return holder
  } catch {}
  // No process writes a partial lock; one is what a power cut leaves, and nothing survives that.
  return { pid: 0, started: '', host: hostname(), command: '', since: '', token: 'unreadable' }
}

function isDead(holder: Holder, host: string): boolean {
  // The processes of another machine cannot be seen from here.
  if (holder.host !== host) return false
  if (holder.pid <= 0) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM says that the process lives and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const started = startOf(holder.pid)
  return started === 'ended' || (started !== undefined && holder.started !== '' && started !== holder.started)
}

/** Undefined where there is no /proc; `ended` for a process that is dead but not yet waited for. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended'
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}:${fields[19]}`
  } catch {
    return undefined
  }
}

/** Moves a finished file into place at once, so that no reader sees half of it. */
export function writeWhole(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}.${randomUUID()}`
  try {
    writeFileSync(draft, bytes, { flag: 'wx' })
    renameSync(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
}
