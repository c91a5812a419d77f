-- The roles stay: they belong to the server, where other databases may use them.
-- The facts of lots, which their own migration keeps, go with the tenants whose they are.
DO $$
DECLARE kept record;
BEGIN
  FOR kept IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND obj_description(c.oid, 'pg_class') = 'tieout historical P&L snapshot'
  LOOP
    EXECUTE format('DROP TABLE %s', kept.name);
  END LOOP;
END $$;
DROP TABLE IF EXISTS balance_anchors, lot_transfers, lot_splits, trade_records, trade_imports;
DROP TABLE run_findings;
DROP TABLE calculation_runs;
DROP TABLE tenants;
DROP FUNCTION tieout_results_of_runs(regclass);
DROP FUNCTION refuse_unless_run_in_progress();
DROP FUNCTION guard_calculation_run();
DROP FUNCTION tieout_append_only(regclass);
DROP FUNCTION tieout_protect_tenant(regclass);
DROP FUNCTION refuse_truncate();
DROP FUNCTION refuse_change();
DROP FUNCTION tieout_current_tenant();
