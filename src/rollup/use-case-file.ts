/**
 * The use case file: one reviewable YAML document with mapping, drivers and rules in their text form.
 * `readUseCaseFile` keeps the line of every value, so that a problem found later still names its line;
 * `printUseCaseFile` writes a stored use case so that reading it gives the same use case.
 *
 * Raises TIE-2301 (no YAML), TIE-2302 (not the format), all problems at once.
 */

import { stringify } from 'yaml'
import { type PlaceOf, readYamlFile, type YamlForm } from '../base/yaml-file.js'
import { DEFAULT_SCENARIOS, type UseCase } from './use-case.js'
import { ruleDraftOf, type UseCaseDraft, useCaseDraftSchema } from './use-case-draft.js'

export type { Path, PlaceOf } from '../base/yaml-file.js'

export interface UseCaseFile {
  readonly draft: UseCaseDraft
  readonly placeOf: PlaceOf
}

const FORM: YamlForm<UseCaseDraft> = {
  schema: useCaseDraftSchema,
  notYaml: 'TIE-2301',
  notTheFormat: 'TIE-2302',
  keys: {
    '': [
      'use_case',
      'description',
      'structure',
      'source',
      'measures',
      'policy',
      'scenarios',
      'drivers',
      'rules',
    ],
    source: ['engine', 'table', 'path', 'date', 'scenario'],
    drivers: ['nodes', 'column', 'value'],
    rules: ['node', 'where', 'scope', 'measure_name', 'formula', 'into', 'note'],
  },
  // The measures become a list, which keeps their order whatever their names are.
  lists: { measures: (name, column) => ({ name, column }) },
  union: 'expected leaves, all or a list of node ids.',
}

export function readUseCaseFile(text: string, file: string): UseCaseFile {
  const { value, placeOf } = readYamlFile(text, file, FORM)
  return { draft: value, placeOf }
}

export function printUseCaseFile(useCase: UseCase): string {
  const { source, scenarios, drivers } = useCase
  const isDefault = JSON.stringify(scenarios) === JSON.stringify(DEFAULT_SCENARIOS)
  return stringify(
    {
      use_case: useCase.name,
      ...(useCase.description === null ? {} : { description: useCase.description }),
      structure: useCase.structure,
      source: {
        ...(source.engine === 'duckdb' ? { engine: 'duckdb', path: source.path } : {}),
        ...(source.engine === 'snowflake' ? { engine: 'snowflake', connection: source.connection } : {}),
        ...(source.table === null ? {} : { table: source.table }),
        date: source.date,
        scenario: source.scenario,
      },
      measures: new Map(useCase.measures.map(({ name, column }) => [name, column])),
      policy: useCase.policy,
      ...(isDefault ? {} : { scenarios }),
      ...(drivers === null ? {} : { drivers }),
      rules: useCase.rules.map(ruleDraftOf),
    },
    { lineWidth: 0, collectionStyle: 'any' },
  )
}
