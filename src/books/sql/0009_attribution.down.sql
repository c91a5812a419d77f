DROP TRIGGER reconciliations_begin_with_their_run ON calculation_runs;
DROP TRIGGER reconciliations_end_with_their_run ON calculation_runs;
DROP FUNCTION follow_run();
DROP VIEW v_posted_revenue, mv_reconciliation_status, mv_realtime_revenue, mv_allocation_summary;
DROP TABLE verified_events, reconciliation_findings, reconciliation_runs, settled_amounts, platform_claims, attribution_revenue_totals, revenue_ledger,
  attribution_channel_totals, attribution_sum_checks, attribution_allocations, attribution_allocation_sets,
  attribution_weight_tables, dead_events,
  attribution_touchpoints, attribution_events, attribution_imports, channel_taxonomy;
DROP FUNCTION check_verified_events();
DROP FUNCTION guard_reconciliation();
DROP FUNCTION count_revenue();
DROP FUNCTION check_ledger_entries();
DROP FUNCTION count_superseded();
DROP FUNCTION check_allocation_sums();
DROP FUNCTION require_allocation_sums();
DROP FUNCTION guard_allocation_set();
DROP FUNCTION guard_dead_event();
DROP FUNCTION check_touchpoints();
DROP FUNCTION check_adjustment();
DROP FUNCTION tieout_refuse_stale_reads(text);
DROP FUNCTION guard_event();
DROP FUNCTION tieout_written_at_once(regclass);
DROP FUNCTION guard_channel();
