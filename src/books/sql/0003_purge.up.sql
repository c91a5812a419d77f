-- The one sanctioned removal: a use case with its runs and facts, by a role that nothing else takes, logged.
-- tieout_purger is created with the other roles (migrate.ts); it sees what row security lets its tenant see.

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_user = 'tieout_purger' THEN
    RETURN OLD;
  END IF;
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
    IF current_user = 'tieout_purger' THEN
      RETURN OLD;
    END IF;
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

-- For a table whose rows go when their use case is purged.
CREATE FUNCTION tieout_purgeable(target regclass) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  EXECUTE format('GRANT SELECT, DELETE ON %s TO tieout_purger', target);
END
$$;
SELECT tieout_purgeable(t) FROM unnest(ARRAY[
  'run_findings', 'fact_calculated_results', 'calculation_runs', 'fact_pnl_entries', 'fact_imports',
  'metadata_rules', 'use_case_versions', 'use_cases']::regclass[]) AS t;

CREATE TABLE purge_log (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  purge_id uuid NOT NULL,
  purged_at timestamptz NOT NULL DEFAULT now(),
  purged_by text NOT NULL,
  use_case_id uuid NOT NULL,
  use_case text NOT NULL,
  summary jsonb NOT NULL,
  PRIMARY KEY (tenant_id, purge_id)
);
SELECT tieout_protect_tenant('purge_log');
SELECT tieout_append_only('purge_log');
