-- Tenants, run headers and findings, and the functions by which every later table is protected.
-- Runs as tieout_owner, which owns all of it and whom FORCE row security binds as well.

CREATE FUNCTION tieout_current_tenant() RETURNS uuid
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  -- After a SET LOCAL the setting is '' and not null, and '' is nobody.
  RETURN nullif(current_setting('app.current_tenant_id', true), '')::uuid;

CREATE FUNCTION refuse_change() RETURNS trigger
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

CREATE FUNCTION refuse_truncate() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = '55000',
    MESSAGE = format('%I is kept for good and refuses TRUNCATE', TG_TABLE_NAME),
    TABLE = TG_TABLE_NAME;
END
$$;

-- For a table with a column tenant_id. Without a tenant the comparison is null and no row is seen or let in.
-- The tenant is a subselect, so that it is found once a statement and not once a row.
CREATE FUNCTION tieout_protect_tenant(target regclass) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format(
    'CREATE POLICY tenant_sees_its_own ON %s '
    'USING (tenant_id = (SELECT public.tieout_current_tenant())) '
    'WITH CHECK (tenant_id = (SELECT public.tieout_current_tenant()))',
    target
  );
END
$$;

CREATE FUNCTION tieout_append_only(target regclass) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  EXECUTE format(
    'CREATE TRIGGER rows_never_change BEFORE UPDATE OR DELETE ON %s '
    'FOR EACH ROW EXECUTE FUNCTION public.refuse_change()',
    target
  );
  EXECUTE format(
    'CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON %s '
    'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_truncate()',
    target
  );
  EXECUTE format('GRANT SELECT, INSERT ON %s TO tieout_app', target);
END
$$;

CREATE TABLE tenants (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT tenants_have_one_id PRIMARY KEY (tenant_id),
  CONSTRAINT tenants_have_different_names UNIQUE (name),
  CONSTRAINT tenants_have_a_name CHECK (name <> '')
);
SELECT tieout_protect_tenant('tenants');
SELECT tieout_append_only('tenants');
-- Somebody must find a tenant by its name; tieout_app never becomes this role by itself.
CREATE POLICY owner_reads_the_directory ON tenants FOR SELECT TO tieout_owner USING (true);

SELECT set_config('app.current_tenant_id', '00000000-0000-0000-0000-000000000001', true);
INSERT INTO tenants (tenant_id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'default');

CREATE TABLE calculation_runs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  use_case_id uuid,
  pnl_date date,
  run_name varchar(200) NOT NULL,
  executed_at timestamptz NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'IN_PROGRESS',
  triggered_by varchar(100) NOT NULL,
  calculation_duration_ms integer,
  policy text,
  -- Scope, versions used and whatever else the calculation can be repeated from.
  parameters jsonb NOT NULL DEFAULT '{}',
  engine_version text NOT NULL,
  input_digest text,
  result_digest text,
  digests jsonb NOT NULL DEFAULT '{}',
  trial boolean NOT NULL DEFAULT false,
  error jsonb,
  finished_at timestamptz,
  CONSTRAINT runs_have_one_id PRIMARY KEY (tenant_id, id),
  CONSTRAINT runs_belong_to_a_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
  CONSTRAINT runs_have_a_known_kind
    CHECK (kind IN ('rollup', 'lots', 'attribution', 'reconciliation', 'mart')),
  CONSTRAINT runs_have_a_known_status CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
  CONSTRAINT completed_runs_have_a_result_digest CHECK (status <> 'COMPLETED' OR result_digest IS NOT NULL),
  CONSTRAINT failed_runs_say_why CHECK ((status = 'FAILED') = (error IS NOT NULL)),
  CONSTRAINT finished_runs_have_an_end CHECK ((status = 'IN_PROGRESS') = (finished_at IS NULL)),
  CONSTRAINT runs_take_no_negative_time CHECK (calculation_duration_ms >= 0)
);
CREATE INDEX ix_calculation_runs_pnl_date ON calculation_runs (tenant_id, pnl_date);
CREATE INDEX ix_calculation_runs_use_case_id ON calculation_runs (tenant_id, use_case_id);
CREATE INDEX ix_calculation_runs_date_use_case ON calculation_runs (tenant_id, pnl_date, use_case_id);
SELECT tieout_protect_tenant('calculation_runs');
GRANT SELECT, INSERT, UPDATE ON calculation_runs TO tieout_app;

CREATE FUNCTION guard_calculation_run() RETURNS trigger
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
CREATE TRIGGER runs_change_only_in_progress BEFORE INSERT OR UPDATE OR DELETE ON calculation_runs
  FOR EACH ROW EXECUTE FUNCTION guard_calculation_run();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON calculation_runs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- For result tables with a column calculation_run_id or run_id. One check a statement, not one a row. The
-- run is locked, so that it cannot be sealed by another session while rows are added to it. A run that
-- cannot be seen counts as none.
CREATE FUNCTION refuse_unless_run_in_progress() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  run_column text := (
    SELECT attname FROM pg_attribute
    WHERE attrelid = TG_RELID AND attname IN ('calculation_run_id', 'run_id') AND NOT attisdropped
    ORDER BY attname
    LIMIT 1
  );
  wanted record;
  found_status text;
BEGIN
  FOR wanted IN EXECUTE format('SELECT DISTINCT tenant_id, %I AS run_id FROM inserted', run_column) LOOP
    SELECT status INTO found_status FROM public.calculation_runs r
      WHERE r.tenant_id = wanted.tenant_id AND r.id = wanted.run_id
      FOR SHARE;
    IF found_status IS DISTINCT FROM 'IN_PROGRESS' THEN
      RAISE EXCEPTION '% refuses INSERT: run % is %', TG_TABLE_NAME, wanted.run_id, coalesce(found_status, 'not there')
        USING ERRCODE = '55000';
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- For a result table: tenant, run and append-only, all at once.
CREATE FUNCTION tieout_results_of_runs(target regclass) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  PERFORM public.tieout_protect_tenant(target);
  PERFORM public.tieout_append_only(target);
  EXECUTE format(
    'CREATE TRIGGER rows_come_while_the_run_is_in_progress AFTER INSERT ON %s '
    'REFERENCING NEW TABLE AS inserted '
    'FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_unless_run_in_progress()',
    target
  );
END
$$;

CREATE TABLE run_findings (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  ordinal integer NOT NULL,
  code text NOT NULL,
  severity text NOT NULL,
  node_id text,
  measure text,
  scenario text,
  amount numeric,
  rows bigint,
  message text NOT NULL,
  suggestion text NOT NULL,
  detail jsonb,
  CONSTRAINT findings_have_one_place PRIMARY KEY (tenant_id, run_id, ordinal),
  CONSTRAINT findings_belong_to_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id),
  CONSTRAINT findings_have_a_known_severity CHECK (severity IN ('info', 'warning', 'error'))
);
SELECT tieout_results_of_runs('run_findings');

REVOKE EXECUTE ON FUNCTION tieout_protect_tenant(regclass), tieout_append_only(regclass),
  tieout_results_of_runs(regclass) FROM PUBLIC;
