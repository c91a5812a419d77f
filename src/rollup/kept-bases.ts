/**
 * Bases of roll-ups kept as long as the frame they were made of is, so that edit after edit over one kept frame
 * costs only what the edit asks of the facts. Raises nothing.
 */

import type { Frame } from '../engines/frame.js'
import { rollUpBase } from './calculate.js'
import type { Tree } from './hierarchy.js'
import type { Inputs } from './inputs.js'
import type { RollUpBase } from './roll-up-base.js'

interface KeptBase {
  /** Of the structure, which is read anew for every request. */
  readonly hierarchyDigest: string
  readonly tree: Tree
  readonly base: RollUpBase
}

/** Few: one for each structure and bindings that are tried on the frame. */
const MAX_BASES = 4
const bases = new WeakMap<Frame, KeptBase[]>()

/** A base that fits the inputs over the frame, and the tree it was made with, which equals theirs. */
export function keptBase(frame: Frame, inputs: Inputs): KeptBase {
  const { tree, useCase, hierarchyDigest } = inputs
  const kept = bases.get(frame) ?? []
  const found = kept.find(
    (one) => one.hierarchyDigest === hierarchyDigest && one.base.fits(frame, one.tree, useCase),
  )
  if (found !== undefined) return found
  const made = { hierarchyDigest, tree, base: rollUpBase(frame, tree, useCase, 'edits') }
  bases.set(frame, [made, ...kept].slice(0, MAX_BASES))
  return made
}
