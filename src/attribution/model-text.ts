/**
 * Reads `time-decay@1?half-life=7&lookback=30`. The version may be left out or be a beginning of the one there is.
 * All problems are told at once. Raises TIE-4101 to TIE-4105 and TIE-4107.
 */

import { type Problem, problem, Refusal, refuse, refuseAll } from '../base/errors.js'
import { didYouMean } from '../base/text.js'
import type { Model } from './model.js'
import { MODELS, type ModelDefinition } from './models.js'
import { canonicalValue, expectedOf, type Parameter } from './parameter.js'

const FORM = /^([^@?]+)(?:@([^?]*))?(?:\?(.*))?$/s

/** The model of a text; `more` are parameters said elsewhere, such as by flags. */
export function parseModel(text: string, more: Readonly<Record<string, string>> = {}): Model {
  const match = FORM.exec(text.trim())
  if (match === null) refuse('TIE-4105', { text })
  const [, name, version, query = ''] = match
  const definition = definitionNamed(name!)
  const problems: Problem[] = []
  if (version !== undefined && !isBeginning(version, definition.version)) {
    const { name: model, version: known } = definition
    problems.push(problem('TIE-4102', { model, version, known }))
  }
  const said = saidIn(definition, query, text)
  for (const pair of Object.entries(more)) said.push(pair)
  const parameters = readParameters(definition, said, problems)
  refuseAll(problems)
  return { name: definition.name, version: definition.version, parameters }
}

function definitionNamed(name: string): ModelDefinition {
  const wanted = name.toLowerCase()
  const found = MODELS.find((model) => model.name === wanted || model.aliases.includes(wanted))
  if (found !== undefined) return found
  const known = MODELS.flatMap((model) => [model.name, ...model.aliases])
  refuse('TIE-4101', { model: name, suggestion: didYouMean(name, known) })
}

const isBeginning = (said: string, version: string): boolean =>
  said !== '' && (version === said || version.startsWith(`${said}.`))

function saidIn({ name }: ModelDefinition, query: string, text: string): [string, string][] {
  if (query === '') return []
  return query.split('&').map((pair) => {
    const equals = pair.indexOf('=')
    if (equals <= 0)
      throw new Refusal([problem('TIE-4105', { text: `${name}?${pair}` === text ? text : pair })])
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
}

function readParameters(
  { name: model, parameters }: ModelDefinition,
  said: readonly (readonly [string, string])[],
  problems: Problem[],
): Record<string, string> {
  const values = new Map<string, string>()
  for (const [name, text] of said) {
    const parameter = parameters.find((one) => one.name === name)
    if (parameter === undefined) {
      const known = parameters.map((one) => one.name)
      const suggestion = didYouMean(name, known)
      problems.push(problem('TIE-4103', { model, parameter: name, known: known.join(', '), suggestion }))
      continue
    }
    if (values.has(name)) problems.push(problem('TIE-4107', { model, parameter: name }))
    values.set(name, readValue(model, parameter, text, problems))
  }
  for (const { name, fallback } of parameters)
    if (fallback !== null && !values.has(name)) values.set(name, fallback)
  checkNeeded(model, parameters, values, problems)
  return Object.fromEntries(values)
}

function readValue(model: string, { name, kind }: Parameter, text: string, problems: Problem[]): string {
  const value = canonicalValue(kind, text)
  if (value === undefined) {
    const suggestion = kind.is === 'choice' ? didYouMean(text, kind.choices) : ''
    problems.push(
      problem('TIE-4104', { value: text, parameter: name, model, expected: expectedOf(kind), suggestion }),
    )
  }
  return value ?? text
}

/** A parameter without a default is needed, but for shares, which belong to the custom shape alone. */
function checkNeeded(
  model: string,
  parameters: readonly Parameter[],
  values: ReadonlyMap<string, string>,
  problems: Problem[],
): void {
  for (const { name, kind, fallback } of parameters) {
    if (fallback !== null) continue
    const isCustom = values.get('shape') === 'custom'
    const needed = name !== 'shares' || isCustom
    const value = values.get(name)
    if (needed && value === undefined)
      problems.push(problem('TIE-4104', { value: '', parameter: name, model, expected: expectedOf(kind) }))
    if (!needed && value !== undefined)
      problems.push(
        problem('TIE-4104', { value, parameter: name, model, expected: 'shape=custom beside it' }),
      )
  }
}
