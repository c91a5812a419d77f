/**
 * A model behind an OpenAI-compatible endpoint for chat completions. The key goes into a header and nowhere else.
 * Raises TIE-5063.
 */

import { refuse } from '../../../base/errors.js'
import type { ModelEndpoint } from '../../../books/operation.js'
import type { LanguageModel } from '../../discovery/language-model.js'
import type { Prompt } from '../../discovery/model-prompt.js'

/** Milliseconds that an answer may take. */
const PATIENCE = 120_000

interface Completion {
  readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[]
}

export function httpModel({ url, model, key }: ModelEndpoint, signal: AbortSignal): LanguageModel {
  const body = (prompt: Prompt, schema: Readonly<Record<string, unknown>>) => ({
    model,
    temperature: 0,
    messages: [
      { role: 'system', content: prompt.system },
      { role: 'user', content: prompt.user },
    ],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'mart_configuration', strict: true, schema },
    },
  })
  return {
    name: `${model} at ${url}`,
    shown: (prompt, schema) =>
      `POST ${url}/chat/completions\n${JSON.stringify(body(prompt, schema), null, 2)}`,
    async complete(prompt, schema) {
      const answer = await sent(`${url}/chat/completions`, key, body(prompt, schema), signal)
      const content = (answer as Completion).choices?.[0]?.message?.content
      return typeof content === 'string' ? content : refuse('TIE-5063', { detail: 'it has no message' })
    },
  }
}

/** Posts JSON and reads JSON; redirects are refused, for they would take the credential elsewhere. */
async function sent(url: string, token: string | null, body: unknown, signal: AbortSignal): Promise<unknown> {
  let status = 0
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    })
    status = response.status
    const text = await response.text()
    if (response.ok) return JSON.parse(text)
  } catch (error) {
    if (signal.aborted) throw error
    refuse('TIE-5063', { detail: `${new URL(url).host} did not answer (${(error as Error).name})` })
  }
  refuse('TIE-5063', { detail: `${new URL(url).host} answered with status ${status}` })
}
