/**
 * Every operation of the product, in the order in which the reference lists them. What one part needs of another, which
 * they do not import, is handed over here.
 */

import { allocateOperations } from '../attribution/operations/allocate.js'
import { revenueAllocationOperations } from '../attribution/operations/allocations.js'
import { channelOperations } from '../attribution/operations/channels.js'
import { claimOperations } from '../attribution/operations/claims.js'
import { deadEventOperations } from '../attribution/operations/dead-events.js'
import { eventOperations } from '../attribution/operations/events.js'
import { explainAllocationOperations } from '../attribution/operations/explain.js'
import { ledgerOperations } from '../attribution/operations/ledger.js'
import { modelOperations } from '../attribution/operations/models.js'
import { reconciliationOperations } from '../attribution/operations/reconciliation.js'
import { revenueOperations } from '../attribution/operations/revenue.js'
import { revenueExportOperations } from '../attribution/operations/revenue-export.js'
import type { Operation } from '../books/operation.js'
import { allocationOperations } from '../lots/operations/allocations.js'
import { compareOperations as lotCompareOperations } from '../lots/operations/compare.js'
import { computeOperations } from '../lots/operations/compute.js'
import { evidenceOperations } from '../lots/operations/evidence.js'
import { lotExportOperations } from '../lots/operations/export.js'
import { lotImportOperations } from '../lots/operations/imports.js'
import { reportOperations } from '../lots/operations/report.js'
import { reviewOperations } from '../lots/operations/reviews.js'
import { tradeOperations } from '../lots/operations/trades.js'
import { validateOperations } from '../lots/operations/validate.js'
import { versionOperations } from '../lots/operations/versions.js'
import { martConfigureOperations } from '../mart/operations/configure.js'
import { martToolOperations } from '../mart/operations/dbt.js'
import { martDiscoverOperations } from '../mart/operations/discover.js'
import { martGenerateOperations } from '../mart/operations/generate.js'
import { martLineageOperations } from '../mart/operations/lineage.js'
import { martPlanOperations } from '../mart/operations/plan.js'
import { martRunOperations } from '../mart/operations/run.js'
import { martValidateOperations } from '../mart/operations/validate.js'
import { adjustmentOperations } from '../rollup/operations/adjustments.js'
import { compareOperations } from '../rollup/operations/compare.js'
import { useCaseEditOperations } from '../rollup/operations/edit-use-cases.js'
import { explainOperations } from '../rollup/operations/explain.js'
import { exportOperations } from '../rollup/operations/export.js'
import { factOperations } from '../rollup/operations/facts.js'
import { purgeOperations } from '../rollup/operations/purge.js'
import { ruleOperations } from '../rollup/operations/rules.js'
import { runResultOperations } from '../rollup/operations/run-results.js'
import { runOperations } from '../rollup/operations/runs.js'
import { signOffOperations } from '../rollup/operations/sign-off.js'
import { structureOperations } from '../rollup/operations/structures.js'
import { useCaseFieldOperations } from '../rollup/operations/use-case-fields.js'
import { useCaseOperations } from '../rollup/operations/use-cases.js'
import { verifyOperations } from '../rollup/operations/verify.js'
import { whatIfOperations } from '../rollup/operations/what-if.js'

export const CATALOGUE: readonly Operation[] = [
  ...structureOperations,
  ...factOperations,
  ...useCaseOperations,
  ...useCaseEditOperations,
  ...useCaseFieldOperations,
  ...ruleOperations,
  ...purgeOperations,
  ...adjustmentOperations,
  ...runOperations,
  ...runResultOperations,
  ...explainOperations,
  ...compareOperations,
  ...whatIfOperations,
  ...signOffOperations,
  ...verifyOperations,
  ...exportOperations,
  ...lotImportOperations,
  ...tradeOperations,
  ...computeOperations,
  ...versionOperations,
  ...allocationOperations,
  ...validateOperations,
  ...reportOperations,
  ...evidenceOperations,
  ...lotCompareOperations,
  ...lotExportOperations,
  ...reviewOperations,
  ...modelOperations,
  ...martDiscoverOperations,
  ...martConfigureOperations(async (context, useCase, work) =>
    (await import('../rollup/store/use-case-report.js')).withUseCaseReport(context, useCase, work),
  ),
  ...martRunOperations,
  ...martGenerateOperations,
  ...martToolOperations,
  ...martValidateOperations,
  ...eventOperations,
  ...channelOperations,
  ...deadEventOperations,
  ...allocateOperations,
  ...revenueAllocationOperations,
  ...explainAllocationOperations,
  ...ledgerOperations,
  ...revenueOperations,
  ...claimOperations,
  ...reconciliationOperations,
  ...revenueExportOperations,
  ...martLineageOperations,
  ...martPlanOperations,
]
