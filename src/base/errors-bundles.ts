/** The rows of the table of refusals that are about sealed bundles of runs. Raises nothing. */

import { conflict, type ErrorRow, usage } from './error-row.js'

/** 28xx */
export const BUNDLE_ERRORS = {
  'TIE-2801': {
    ...conflict,
    message: 'There is a file {file} already.',
    remedy: 'Choose another name, or pass --overwrite.',
  },
  'TIE-2802': {
    ...usage,
    message: 'The file {file} cannot be written: {detail}.',
    remedy: 'Check the path, its permissions and the room on the disk. Nothing was left behind.',
  },
  'TIE-2803': {
    ...conflict,
    message: 'The facts of {source} are not those of run {run} any more: {detail}.',
    remedy:
      'A bundle of them would not verify, so none was written. Restore the facts, or export a run that was made of them as they are.',
  },
  'TIE-2804': {
    ...conflict,
    message: 'The figures of run {run} are not what its inputs give: {detail}.',
    remedy:
      'A bundle of them would not verify, so none was written. tieout runs verify {run} shows the digests.',
  },
  'TIE-2805': {
    ...conflict,
    message: 'Run {run} was also calculated from {inputs}, for which this format of bundle has no place.',
    remedy: 'Export it with the version of tieout that made it, or a newer one.',
  },
} as const satisfies Record<string, ErrorRow>
