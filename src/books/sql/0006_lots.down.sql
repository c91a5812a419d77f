-- Takes away what is computed and keeps the facts: trade_imports, trade_records, lot_splits, lot_transfers,
-- balance_anchors and every historical_pnl_snapshot. Those go with their tenants, in 0001.
DROP VIEW v_fifo_realized_pnl, v_allocation_health, v_allocation_discrepancies, v_pnl_by_symbol, v_unmatched_sells,
  v_allocation_progress, v_published_allocation_version;
DROP TABLE manual_review_events;
DROP TABLE manual_review_queue;
DROP TABLE lot_publications;
DROP TABLE fifo_inventory_snapshot;
DROP TABLE fifo_inventory_points;
DROP TABLE fifo_allocations_superseded;
DROP TABLE fifo_allocations;
DROP TRIGGER failed_lots_are_logged ON calculation_runs;
DROP TABLE fifo_computation_log;
DROP TABLE lot_versions;
DROP FUNCTION guard_review();
DROP FUNCTION refuse_unless_superseding();
DROP FUNCTION refuse_unless_batch_in_progress();
DROP FUNCTION log_failed_computation();
DROP FUNCTION guard_computation_log();
DROP FUNCTION guard_lot_version();
REVOKE ALL ON calculation_runs FROM tieout_superseder;
REVOKE ALL (status) ON calculation_runs FROM tieout_superseder;
