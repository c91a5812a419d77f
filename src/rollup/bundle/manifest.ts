/**
 * The manifest of a bundle: what is in it, and the seal, which is the digest of the manifest without it. Who has
 * noted the seal somewhere else can tell this bundle from any other. Raises nothing.
 */

import { type Digest, digestOf } from '../../base/digest.js'

export const FORMAT = 'tieout-bundle/1'

export interface BundledFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

export interface Manifest {
  readonly format: typeof FORMAT
  readonly run_id: string
  /** Of the product when it made the run, not of the one that exports it: a run has one seal. */
  readonly engine_version: string
  readonly files: readonly BundledFile[]
  readonly seal: Digest
}

export function manifestOf(
  run: { readonly id: string; readonly engine_version: string },
  files: readonly BundledFile[],
): Manifest {
  const { id: run_id, engine_version } = run
  const unsealed = {
    format: FORMAT,
    run_id,
    engine_version,
    files: files.map((file) => ({ ...file })),
  } as const
  return { ...unsealed, seal: digestOf(unsealed) }
}
