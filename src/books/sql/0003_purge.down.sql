DROP TABLE purge_log;
DROP FUNCTION tieout_purgeable(regclass);
REVOKE ALL ON run_findings, fact_calculated_results, calculation_runs, fact_pnl_entries, fact_imports,
  metadata_rules, use_case_versions, use_cases FROM tieout_purger;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = '55000',
    MESSAGE = format('%I is append-only and refuses %s', TG_TABLE_NAME, TG_OP),
    HINT = 'Add a row that corrects the other.',
    TABLE = TG_TABLE_NAME;
END
$$;

CREATE OR REPLACE FUNCTION guard_calculation_run() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'IN_PROGRESS' THEN
      RAISE EXCEPTION 'a run begins as IN_PROGRESS, not as %', NEW.status USING ERRCODE = '55000';
    END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'calculation_runs refuses DELETE: runs are kept for good' USING ERRCODE = '55000';
  END IF;
  IF OLD.status <> 'IN_PROGRESS' THEN
    RAISE EXCEPTION 'calculation_runs refuses UPDATE: run % is % and never changes again', OLD.id, OLD.status
      USING ERRCODE = '55000';
  END IF;
  IF (NEW.tenant_id, NEW.id, NEW.kind, NEW.use_case_id, NEW.pnl_date, NEW.run_name, NEW.executed_at,
      NEW.triggered_by, NEW.trial)
    IS DISTINCT FROM
     (OLD.tenant_id, OLD.id, OLD.kind, OLD.use_case_id, OLD.pnl_date, OLD.run_name, OLD.executed_at,
      OLD.triggered_by, OLD.trial)
  THEN
    RAISE EXCEPTION 'calculation_runs refuses UPDATE: what run % is may not change', OLD.id USING ERRCODE = '55000';
  END IF;
  RETURN NEW;
END
$$;
