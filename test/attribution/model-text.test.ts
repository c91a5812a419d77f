/** Texts of models: what they mean, their versions, and every refusal. */

import { describe, expect, test } from 'vitest'
import { tableOf } from '#tieout/attribution/learn'
import { modelText, modelVersion } from '#tieout/attribution/model'
import { parseModel } from '#tieout/attribution/model-text'
import { MODELS } from '#tieout/attribution/models'
import { Refusal } from '#tieout/base/errors'

const NEEDED: Readonly<Record<string, string>> = { custom: '?weights=a:1' }

test.each([
  ['linear', 'linear@1.0.0'],
  ['Linear@1', 'linear@1.0.0'],
  ['linear@1.0.0', 'linear@1.0.0'],
  ['last-click', 'last@1.0.0'],
  ['time-decay@1?half-life=7.0', 'time-decay@1.0.0'],
  ['time-decay?lookback=30&half-life=3.50', 'time-decay@1.0.0?half-life=3.5&lookback=30'],
  ['markov@1.0?order=02', 'markov@1.0.0?order=2'],
  ['position?shape=j', 'position@1.0.0?shape=J'],
  ['position?shape=custom&shares=50/10/40.0', 'position@1.0.0?shape=custom&shares=50/10/40'],
  ['last-non-direct?direct=none,direct,none', 'last-non-direct@1.0.0?direct=direct,none'],
  ['custom?weights=b:1.50,a%2Cb:2', 'custom@1.0.0?weights=a%2Cb:2,b:1.5'],
])('%s is %s', (text, canonical) => {
  expect(modelText(parseModel(text))).toBe(canonical)
  expect(modelText(parseModel(canonical))).toBe(canonical)
  expect(modelVersion(parseModel(text))).toBe(modelVersion(parseModel(canonical)))
})

describe('a version', () => {
  test('says name, version and a digest, which other parameters change', () => {
    const versions = ['linear', 'linear?lookback=30', 'linear?lookback=31', 'linear?transform=first', 'first']
    const found = versions.map((text) => modelVersion(parseModel(text)))
    expect(new Set(found).size).toBe(versions.length)
    for (const version of found) expect(version).toMatch(/^[a-z-]+@1\.0\.0\+[0-9a-f]{16}$/)
  })

  test('stays what it is', () => {
    expect(modelVersion(parseModel('linear@1'))).toBe('linear@1.0.0+1ce4943f54342bc8')
  })

  test('of a learned model goes with its weights', () => {
    const model = parseModel('markov')
    const [one, other] = [tableOf(['a', 'b'], [1n, 1n]), tableOf(['a', 'b'], [1n, 2n])]
    expect(modelVersion(model, one)).toBe(modelVersion(model, tableOf(['a', 'b'], [2n, 2n])))
    expect(modelVersion(model, one)).not.toBe(modelVersion(model, other))
  })
})

test.each(MODELS.map(({ name }) => name))(
  'every parameter of %s has a meaning and takes its default',
  (name) => {
    const text = `${name}${NEEDED[name] ?? ''}`
    expect(modelText(parseModel(text))).toBe(`${name}@1.0.0${NEEDED[name] ?? ''}`)
    for (const { meaning } of MODELS.find((model) => model.name === name)!.parameters)
      expect(meaning.length).toBeGreaterThan(10)
  },
)

/** The codes and messages that a text is refused with. */
function refused(text: string): string[] {
  try {
    parseModel(text)
  } catch (error) {
    if (error instanceof Refusal)
      return error.problems.map(({ code, message, remedy }) => `${code} ${message} ${remedy}`)
    throw error
  }
  return []
}

test.each([
  ['liner', 'TIE-4101', 'Did you mean "linear"'],
  ['', 'TIE-4105', 'NAME@VERSION'],
  ['@1', 'TIE-4105', 'NAME@VERSION'],
  ['linear@2', 'TIE-4102', 'linear@1.0.0'],
  ['linear@', 'TIE-4102', 'linear@1.0.0'],
  ['linear@1.1', 'TIE-4102', '"1.1"'],
  ['time-decay?halflife=7', 'TIE-4103', 'Did you mean "half-life"'],
  ['linear?order=1', 'TIE-4103', 'It takes transform, lookback'],
  ['linear?lookback', 'TIE-4105', 'lookback'],
  ['linear?lookback=1&lookback=2', 'TIE-4107', 'said twice'],
  ['linear?transform=uniqe', 'TIE-4104', 'Did you mean "unique"'],
  ['linear?lookback=0', 'TIE-4104', 'above 0'],
  ['linear?lookback=-1', 'TIE-4104', 'above 0'],
  ['linear?lookback=36526', 'TIE-4104', 'above 0'],
  ['linear?lookback=0.000000000001', 'TIE-4104', 'above 0'],
  ['linear?lookback=NaN', 'TIE-4104', 'above 0'],
  ['time-decay?half-life=none', 'TIE-4104', 'above 0'],
  ['markov?order=0', 'TIE-4104', 'from 1 to 4'],
  ['markov?order=5', 'TIE-4104', 'from 1 to 4'],
  ['markov?order=1.5', 'TIE-4104', 'from 1 to 4'],
  ['custom', 'TIE-4104', 'CODE:WEIGHT'],
  ['custom?weights=a', 'TIE-4104', 'CODE:WEIGHT'],
  ['custom?weights=a:-1', 'TIE-4104', 'CODE:WEIGHT'],
  ['custom?weights=a:1,a:2', 'TIE-4104', 'CODE:WEIGHT'],
  ['custom?weights=%E0%A4%A:1', 'TIE-4104', 'CODE:WEIGHT'],
  ['last-non-direct?direct=', 'TIE-4104', 'commas'],
  ['position?shape=custom', 'TIE-4104', '40/20/40'],
  ['position?shape=custom&shares=1/2', 'TIE-4104', '40/20/40'],
  ['position?shape=custom&shares=1/-2/3', 'TIE-4104', '40/20/40'],
  ['position?shape=custom&shares=0/0/0', 'TIE-4104', '40/20/40'],
  ['position?shares=40/20/40', 'TIE-4104', 'shape=custom'],
])('%s is refused: %s', (text, code, words) => {
  const [first, ...rest] = refused(text)
  expect(first).toContain(code)
  expect(first).toContain(words)
  expect(rest).toEqual([])
})

test('all problems are told at once', () => {
  expect(refused('linear@3?order=1&lookback=x').map((line) => line.slice(0, 8))).toEqual([
    'TIE-4102',
    'TIE-4103',
    'TIE-4104',
  ])
})
