/** Every operation of the product, in the order in which the reference lists them. */

import type { Operation } from '../books/operation.js'
import { adjustmentOperations } from '../rollup/operations/adjustments.js'
import { factOperations } from '../rollup/operations/facts.js'
import { runOperations } from '../rollup/operations/runs.js'
import { structureOperations } from '../rollup/operations/structures.js'
import { useCaseOperations } from '../rollup/operations/use-cases.js'
import { verifyOperations } from '../rollup/operations/verify.js'

export const CATALOGUE: readonly Operation[] = [
  ...structureOperations,
  ...factOperations,
  ...useCaseOperations,
  ...adjustmentOperations,
  ...runOperations,
  ...verifyOperations,
]
