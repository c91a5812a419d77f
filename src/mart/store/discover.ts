/**
 * Discovery over a source: surveys its tables, proposes a configuration, and proves the proposal by running it. Raises
 * TIE-5003, TIE-5023, TIE-5025, TIE-5060, TIE-5061, and of a model TIE-5062, TIE-5063; what the proof refuses is told, not raised.
 */

import { type Problem, Refusal } from '../../base/errors.js'
import type { Finding } from '../../base/finding.js'
import { tableParts } from '../../base/table-name.js'
import { plural } from '../../base/text.js'
import type { Books, TenantId } from '../../books/books.js'
import type { MartConfig } from '../config.js'
import { issuesOf } from '../discovery/issues.js'
import { asked as askModel, type LanguageModel } from '../discovery/language-model.js'
import { answerJsonSchema, configFrom, type Prompt, promptOf } from '../discovery/model-prompt.js'
import { type FoundPattern, patternsOf } from '../discovery/patterns.js'
import { type Given, type Proposal, proposalOf } from '../discovery/propose.js'
import { proseOf } from '../discovery/prose.js'
import { type Survey, surveyOf } from '../discovery/survey.js'
import { withMart } from './load.js'
import { profileOf, signaturesOf } from './profiles.js'
import { openMartSource } from './source.js'
import { type SourceTable, sourceTables } from './source-tables.js'
import { type Validation, validateMart } from './validate.js'

export interface Asked extends Given {
  readonly hierarchy_table: string
  readonly mapping_table: string
}

export interface Proof {
  readonly valid: boolean
  readonly validation: Validation | null
  /** What the product refuses about the proposal; empty when it ran. */
  readonly problems: readonly Problem[]
}

export interface Discovery {
  readonly survey: Survey
  readonly patterns: readonly FoundPattern[]
  readonly issues: readonly Finding[]
  readonly proposal: Proposal
  readonly proof: Proof
  /** What a model made of it; null when none was asked. */
  readonly advice: Advice | null
  readonly prose: readonly string[]
}

export interface Advice {
  readonly model: string
  /** Whether its configuration is now the proposal. */
  readonly accepted: boolean
  readonly reason: string
  /** The model's own words: data, not facts. */
  readonly explanation: string
}

export async function discover(
  location: string,
  asked: Asked,
  books: Books,
  tenant: TenantId,
  model: LanguageModel | null,
): Promise<Discovery> {
  const { survey, patterns } = await surveyed(location, asked)
  const issues = issuesOf(survey)
  const own = proposalOf(survey, patterns, asked)
  const ownProof = await proofOf(own.config, location, books, tenant)
  const advised =
    model === null
      ? null
      : await adviceOf(model, promptOf(survey, patterns, own.config), own, ownProof, (config) =>
          proofOf(config, location, books, tenant),
        )
  const { proposal, proof } = advised ?? { proposal: own, proof: ownProof }
  const prose = [...proseOf(survey, patterns, issues, proposal), verdictOf(proof)]
  return { survey, patterns, issues, proposal, proof, advice: advised?.advice ?? null, prose }
}

/** What the model would be sent, and nothing sent. */
export async function shownPrompt(location: string, asked: Asked, model: LanguageModel): Promise<string> {
  const { survey, patterns } = await surveyed(location, asked)
  const { config } = proposalOf(survey, patterns, asked)
  return model.shown(promptOf(survey, patterns, config), answerJsonSchema())
}

/** A model's configuration is taken when running it proves it, and no more facts are left over than without it. */
async function adviceOf(
  model: LanguageModel,
  prompt: Prompt,
  own: Proposal,
  ownProof: Proof,
  prove: (config: MartConfig) => Promise<Proof>,
) {
  const answer = await askModel(model, prompt)
  const config = configFrom(answer, own.config)
  const proof = await prove(config)
  const left = (one: Proof): number =>
    one.validation?.findings.find(({ code }) => code === 'FACTS_IN_NO_NODE')?.rows ?? 0
  const reason = !proof.valid
    ? `running it does not prove it: ${proof.problems[0]?.message ?? 'its checks do not hold'}`
    : ownProof.valid && left(proof) > left(ownProof)
      ? `it leaves ${left(proof)} facts without a node instead of ${left(ownProof)}`
      : 'running it proves it'
  const accepted = reason === 'running it proves it'
  const advice: Advice = { model: model.name, accepted, reason, explanation: answer.explanation }
  return accepted
    ? { advice, proposal: { ...own, config }, proof }
    : { advice, proposal: own, proof: ownProof }
}

async function surveyed(location: string, asked: Asked) {
  const parts = [asked.hierarchy_table, asked.mapping_table].map((name) => tableParts(name) ?? [name])
  const named = tablesBeside(await sourceTables(location), parts)
  const source = await openMartSource(location, [...parts, ...named])
  try {
    const profiles = []
    for (const table of [...parts, ...named]) profiles.push(await profileOf(source, table, nameOf(table)))
    const [hierarchyProfile, mappingProfile, ...others] = profiles
    const survey = surveyOf({
      hierarchy: await source.read(parts[0]!),
      mapping: await source.read(parts[1]!),
      hierarchyProfile: hierarchyProfile!,
      mappingProfile: mappingProfile!,
      others,
    })
    const signatures = await signaturesOf(source, survey.fact)
    return { survey, patterns: patternsOf(survey.groups, survey.fact, signatures) }
  } finally {
    source.close()
  }
}

/** The other tables of the schema that the two are in, named as those two are. */
function tablesBeside(known: readonly SourceTable[], [hierarchy, mapping]: readonly (readonly string[])[]) {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
  const schemas = new Set(
    [hierarchy!, mapping!].flatMap((parts) => {
      const own = known.filter(({ table }) => same(table, parts.at(-1)!))
      const exact = own.filter(({ schema }) => schema !== null && schema === parts.at(-2))
      return (exact.length > 0 ? exact : own).map(({ schema }) => schema)
    }),
  )
  return known
    .filter(({ schema }) => schemas.has(schema))
    .filter(({ table }) => ![hierarchy!, mapping!].some((parts) => same(table, parts.at(-1)!)))
    .map(({ schema, table }) =>
      schema === null
        ? [...hierarchy!.slice(0, -1), table]
        : [...(hierarchy!.length > 2 ? hierarchy!.slice(0, -2) : []), schema, table],
    )
}

/** As a configuration writes it. */
const nameOf = (parts: readonly string[]): string =>
  parts.map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.')

/** A proposal is worth what running it shows. */
export async function proofOf(
  config: MartConfig,
  location: string,
  books: Books,
  tenant: TenantId,
): Promise<Proof> {
  try {
    const validation = await withMart(
      config,
      () => ({}),
      location,
      (mart) => validateMart(mart, books, tenant),
    )
    return { valid: validation.valid, validation, problems: [] }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { valid: false, validation: null, problems: error.problems }
  }
}

function verdictOf({ valid, validation, problems }: Proof): string {
  if (valid) {
    const [first] = validation!.comparisons
    return `The proposed configuration was run: DuckDB, PostgreSQL and the evaluator agree in all ${first!.cells.toLocaleString('en-US')} cells of ${first!.rows.toLocaleString('en-US')} rows.`
  }
  if (validation !== null)
    return `The proposed configuration was run and does not hold: ${[
      ...validation.checks.filter(({ holds }) => !holds).map(({ statement }) => statement),
      ...validation.comparisons
        .filter(({ differences }) => differences > 0)
        .map(
          ({ first, second, differences }) =>
            `${first} and ${second} differ in ${plural(differences, 'cell')}`,
        ),
    ].join('; ')}.`
  return `The proposed configuration does not run: ${problems.map(({ message }) => message).join(' ')}`
}
