/**
 * What reads runs, lots and attribution, as tools: a fold over the catalogue. An operation that names a file of this
 * machine is none, for a client may be anyone's. Raises nothing.
 */

import { z } from 'zod'
import type { Operation } from '../../books/operation.js'
import { carriedOut } from './host.js'
import { type Tool, tool } from './tool.js'

const GROUPS: readonly string[] = [
  'runs',
  'structures',
  'use-cases',
  'rules',
  'adjustments',
  'trades',
  'lots',
  'review',
  'attribution',
]
const FILES: readonly string[] = ['file', 'out', 'paths', 'source']

const names = ({ input }: Operation): readonly string[] => Object.keys(input.shape)

export const readTools = (operations: readonly Operation[]): readonly Tool[] =>
  operations
    .filter(
      (operation) =>
        operation.effect === 'read' &&
        GROUPS.includes(operation.name.split(' ')[0]!) &&
        !names(operation).some((name) => FILES.includes(name)),
    )
    .map((operation) =>
      tool({
        name: operation.name.replaceAll(/[ -]/g, '_'),
        description: operation.summary,
        input: z.strictObject(operation.input.shape),
        output: operation.output,
        operations: [operation.name],
        writes: false,
        run: (host, input, signal) => carriedOut(host, operation, input, signal),
      }),
    )
