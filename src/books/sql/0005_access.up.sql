-- Who may ask over HTTP, what was asked under which idempotency key, and who stands behind a run.

CREATE TABLE api_keys (
  tenant_id uuid NOT NULL,
  -- The part of the key that is no secret.
  key_id text NOT NULL,
  name varchar(100) NOT NULL,
  role text NOT NULL,
  -- SHA-256 of the secret, which has 256 random bits: nothing to guess, so nothing to slow down.
  secret_hash text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by varchar(100) NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  revoked_by varchar(100),
  CONSTRAINT api_keys_have_one_id PRIMARY KEY (tenant_id, key_id),
  -- A key is found before its tenant is known. The ids are random, so that a taken one tells nobody anything.
  CONSTRAINT api_keys_are_found_by_their_id UNIQUE (key_id),
  CONSTRAINT api_keys_belong_to_a_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
  CONSTRAINT api_keys_have_a_name CHECK (name <> ''),
  CONSTRAINT api_keys_have_a_known_role CHECK (role IN ('reader', 'preparer', 'approver', 'admin')),
  CONSTRAINT revoked_keys_say_by_whom CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
SELECT tieout_protect_tenant('api_keys');
GRANT SELECT, INSERT, UPDATE (revoked_at, revoked_by) ON api_keys TO tieout_app;

CREATE FUNCTION guard_api_key() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
    OR (NEW.tenant_id, NEW.key_id, NEW.name, NEW.role, NEW.secret_hash, NEW.created_at, NEW.created_by, NEW.expires_at)
      IS DISTINCT FROM
       (OLD.tenant_id, OLD.key_id, OLD.name, OLD.role, OLD.secret_hash, OLD.created_at, OLD.created_by, OLD.expires_at)
  THEN
    RAISE EXCEPTION 'api_keys refuses %: a key is revoked, once, and stays as it was', TG_OP USING ERRCODE = '55000';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER keys_are_only_revoked BEFORE UPDATE OR DELETE ON api_keys
  FOR EACH ROW EXECUTE FUNCTION guard_api_key();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON api_keys
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- A credential names its key, and the key its tenant: the one look past row security. The owner sees the one key
-- that is asked for, and only inside this function.
CREATE POLICY owner_finds_the_key_asked_for ON api_keys FOR SELECT TO tieout_owner
  USING (key_id = (SELECT current_setting('app.wanted_api_key', true)));

CREATE FUNCTION tieout_find_api_key(wanted text)
  RETURNS TABLE (tenant_id uuid, name text, role text, secret_hash text, expires_at timestamptz, revoked_at timestamptz)
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  PERFORM set_config('app.wanted_api_key', wanted, true);
  RETURN QUERY
    SELECT k.tenant_id, k.name::text, k.role, k.secret_hash, k.expires_at, k.revoked_at
    FROM public.api_keys k WHERE k.key_id = wanted;
  PERFORM set_config('app.wanted_api_key', '', true);
END
$$;
REVOKE EXECUTE ON FUNCTION tieout_find_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tieout_find_api_key(text) TO tieout_app;

-- Not append-only: a key is in flight, then has its answer, then is forgotten.
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  key varchar(255) NOT NULL,
  operation text NOT NULL,
  request_digest text NOT NULL,
  -- EFFECTED: something was committed, the answer was not. Only a process that died leaves it so.
  state text NOT NULL DEFAULT 'IN_FLIGHT',
  -- The first id that the operation takes, so that what it made can be found again.
  effect_id uuid NOT NULL,
  status integer,
  headers jsonb,
  body text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_are_used_once PRIMARY KEY (tenant_id, key),
  CONSTRAINT idempotency_keys_belong_to_a_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
  CONSTRAINT idempotency_keys_have_a_known_state CHECK (state IN ('IN_FLIGHT', 'EFFECTED', 'DONE')),
  CONSTRAINT done_requests_have_an_answer
    CHECK ((state = 'DONE') = (status IS NOT NULL AND headers IS NOT NULL AND body IS NOT NULL))
);
SELECT tieout_protect_tenant('idempotency_keys');
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO tieout_app;

CREATE TABLE run_sign_offs (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  signed_by varchar(100) NOT NULL,
  signed_at timestamptz NOT NULL,
  note varchar(1000),
  CONSTRAINT runs_are_signed_off_once_by_each PRIMARY KEY (tenant_id, run_id, signed_by),
  CONSTRAINT sign_offs_belong_to_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id)
);
SELECT tieout_protect_tenant('run_sign_offs');
SELECT tieout_append_only('run_sign_offs');
SELECT tieout_purgeable('run_sign_offs');

-- Four eyes, whatever the program above it does.
CREATE FUNCTION guard_sign_off() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  signed record;
BEGIN
  SELECT status, triggered_by, trial INTO signed FROM public.calculation_runs r
    WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.run_id;
  IF signed.status IS DISTINCT FROM 'COMPLETED' OR signed.trial THEN
    RAISE EXCEPTION 'run_sign_offs refuses INSERT: run % is no completed run', NEW.run_id USING ERRCODE = '55000';
  END IF;
  IF signed.triggered_by = NEW.signed_by THEN
    RAISE EXCEPTION 'run_sign_offs refuses INSERT: % prepared run %', NEW.signed_by, NEW.run_id USING ERRCODE = '55000';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER preparers_do_not_sign_off BEFORE INSERT ON run_sign_offs
  FOR EACH ROW EXECUTE FUNCTION guard_sign_off();
