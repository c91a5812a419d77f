/**
 * The adjustments file: YAML (and so JSON too) with a list of adjustments in their text form, each value with
 * its line. Raises TIE-2701 (no YAML), TIE-2702 (not the format), all problems at once.
 */

import { type PlaceOf, readYamlFile, type YamlForm } from '../../base/yaml-file.js'
import { type AdjustmentDraft, type AdjustmentsDraft, adjustmentsDraftSchema } from './adjustment-draft.js'

export interface AdjustmentsFile {
  readonly drafts: readonly AdjustmentDraft[]
  readonly placeOf: PlaceOf
}

const FORM: YamlForm<AdjustmentsDraft> = {
  schema: adjustmentsDraftSchema,
  notYaml: 'TIE-2701',
  notTheFormat: 'TIE-2702',
  keys: {
    '': ['adjustments'],
    adjustments: [
      'name',
      'where',
      'compare',
      'scenario',
      'measures',
      'scale',
      'add',
      'cap',
      'reverses',
      'round',
      'reason',
      'owner',
      'valid_from',
      'valid_to',
    ],
    'adjustments.compare': ['key', 'measure', 'difference', 'absolute_difference', 'prior'],
    'adjustments.cap': ['at_most', 'at_least'],
  },
}

export function readAdjustmentsFile(text: string, file: string): AdjustmentsFile {
  const { value, placeOf } = readYamlFile(text, file, FORM)
  return { drafts: value.adjustments, placeOf }
}
