/** The rows 317x of the table of refusals, which errors.ts puts together: computing, proving and exporting lots. Raises nothing. */

import { conflict, type ErrorRow, missing, usage } from './error-row.js'

export const LOT_VERSION_ERRORS = {
  'TIE-3170': {
    ...conflict,
    message:
      'Version {version} does not verify: computed from their first fact on, {count} come out otherwise: {symbols}.',
    remedy: 'Nothing was stored. Compute it anew: tieout lots compute --version {version} --all-symbols.',
  },
  'TIE-3171': {
    ...missing,
    message: 'There are no facts of the symbol "{symbol}".',
    remedy: 'List them: tieout trades list. {suggestion}',
  },
  'TIE-3172': {
    ...usage,
    message: 'Another configuration for {symbol} alone would leave two in version {version}.',
    remedy: 'Compute all symbols: tieout lots compute --version {version} --all-symbols --force.',
  },
  'TIE-3173': {
    ...usage,
    message: 'What to compute is not said: {detail}.',
    remedy: 'Say --all-symbols or --symbol NAME.',
  },
  'TIE-3174': {
    ...usage,
    message: '"{value}" is no instant.',
    remedy:
      'Write an ISO time with its zone, such as 2025-12-24T09:00:00Z, or a date, which begins at midnight UTC.',
  },
  'TIE-3175': {
    ...conflict,
    message: 'No version is published.',
    remedy: 'Publish one: tieout lots publish --version N; or say which version is meant.',
  },
  'TIE-3176': {
    ...usage,
    message: 'Version {version} has not been computed: {why}.',
    remedy: 'Compute it: tieout lots compute --version {version} --all-symbols.',
  },
  'TIE-3177': {
    ...missing,
    message: 'Version {version} has no allocations of "{sell}": {why}.',
    remedy: 'List them: tieout lots allocations --version {version}.',
  },
  'TIE-3178': {
    ...missing,
    message: 'There is no historical snapshot{of}.',
    remedy: 'Make one: tieout historical-pnl import FILE.csv, or tieout historical-pnl snapshot.',
  },
} as const satisfies Record<string, ErrorRow>
