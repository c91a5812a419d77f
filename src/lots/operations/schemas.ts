/** Shapes that several operations of lots share. Raises TIE-3174, TIE-3175. */

import { z } from 'zod'
import { refuse } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import { type NanoInstant, parseInstantOrDate } from '../../base/instant.js'
import type { Tx } from '../../books/books.js'
import { loadVersion, published } from '../store/versions.js'

export const MAX_PAGE = 10_000

export const versionInput = z.coerce
  .number()
  .int()
  .min(1)
  .max(2_147_483_647)
  .describe('Number of the version.')

export const publishedVersionInput = versionInput
  .optional()
  .describe('Number of the version; the published one when not said.')

export const limitInput = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAX_PAGE)
  .default(100)
  .describe('Rows of a page.')

/** The version asked for, or the published one. Raises TIE-3154, TIE-3175. */
export async function versionOf(tx: Tx, version: number | undefined): Promise<number> {
  const number = version ?? (await published(tx))?.allocation_version ?? refuse('TIE-3175', {})
  return (await loadVersion(tx, number)).allocation_version
}

/** An instant with its zone, or a date, which begins at midnight UTC. Raises TIE-3174. */
export const instantOf = (text: string): NanoInstant =>
  parseInstantOrDate(text) ?? refuse('TIE-3174', { value: text })

export const lotFinding = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  message: z.string(),
  suggestion: z.string(),
  rows: z.number().optional(),
  detail: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
}) as unknown as z.ZodType<Finding>
