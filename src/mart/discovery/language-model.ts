/**
 * A language model, whichever it is: it can show what it would be sent, and answer a prompt with JSON of a schema.
 * The answer is checked here, never believed. Raises TIE-5063 (no answer that can be used).
 */

import { refuse } from '../../base/errors.js'
import { answerJsonSchema, type ModelAnswer, modelAnswerSchema, type Prompt } from './model-prompt.js'

export interface LanguageModel {
  /** Where it is and which it is, without credentials. */
  readonly name: string
  /** The very text of the request, without credentials. */
  shown(prompt: Prompt, schema: Readonly<Record<string, unknown>>): string
  /** The text of the answer. */
  complete(prompt: Prompt, schema: Readonly<Record<string, unknown>>): Promise<string>
}

/** Characters of an answer that are read at most. */
const LONGEST = 200_000

export async function asked(model: LanguageModel, prompt: Prompt): Promise<ModelAnswer> {
  const text = await model.complete(prompt, answerJsonSchema())
  if (text.length > LONGEST) refuse('TIE-5063', { detail: `it has ${text.length} characters` })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse('TIE-5063', { detail: 'it is no JSON' })
  }
  const parsed = modelAnswerSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  refuse('TIE-5063', {
    detail: `it is not of the schema: ${issue!.path.map(String).join('.') || 'the document'}: ${issue!.message}`,
  })
}
