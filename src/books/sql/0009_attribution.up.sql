-- Revenue events, their allocation to channels, the ledger, reconciliation, and what reads need of them.
--
-- Whole things are written at once: touchpoints in the transaction of their event, allocations in that of their set. Each
-- row says its transaction (written_in), so that "is this mine?" needs neither a lock nor a state, and a set is sealed by
-- the end of the transaction that made it. A foreign key would look up every touchpoint and allocation by itself, which
-- costs more than storing it; one check a statement does the same here.

CREATE TABLE channel_taxonomy (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  code text COLLATE "C" NOT NULL,
  family text NOT NULL,
  -- Null: nobody has said.
  is_paid boolean,
  state text NOT NULL,
  -- Touches that say this code are of that channel.
  maps_to text COLLATE "C",
  changed_at timestamptz NOT NULL,
  changed_by text NOT NULL,
  CONSTRAINT channels_have_one_code PRIMARY KEY (tenant_id, code),
  CONSTRAINT channels_map_to_a_channel
    FOREIGN KEY (tenant_id, maps_to) REFERENCES channel_taxonomy (tenant_id, code),
  CONSTRAINT channels_have_a_code CHECK (code <> ''),
  CONSTRAINT channels_have_a_known_state CHECK (state IN ('discovered', 'active', 'deprecated', 'mapped')),
  CONSTRAINT mapped_channels_say_to_what CHECK ((state = 'mapped') = (maps_to IS NOT NULL)),
  CONSTRAINT channels_map_to_another CHECK (maps_to <> code),
  CONSTRAINT unknown_stays_the_bucket CHECK (code <> 'unknown' OR (state = 'active' AND family = 'unknown'))
);
SELECT tieout_protect_tenant('channel_taxonomy');
GRANT SELECT, INSERT, UPDATE ON channel_taxonomy TO tieout_app;

CREATE FUNCTION guard_channel() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.tenant_id, NEW.code) IS NOT DISTINCT FROM (OLD.tenant_id, OLD.code) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'channel_taxonomy refuses %: touches and allocations name the code', TG_OP
    USING ERRCODE = '55000', HINT = 'Deprecate the channel, or map it to another.';
END
$$;
CREATE TRIGGER channels_keep_their_code BEFORE UPDATE OR DELETE ON channel_taxonomy
  FOR EACH ROW EXECUTE FUNCTION guard_channel();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON channel_taxonomy
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

CREATE TABLE attribution_imports (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  import_id uuid NOT NULL,
  kind text NOT NULL,
  file_name text NOT NULL,
  file_digest text NOT NULL,
  row_count bigint NOT NULL,
  imported_at timestamptz NOT NULL,
  imported_by text NOT NULL,
  CONSTRAINT attribution_imports_have_one_id PRIMARY KEY (tenant_id, import_id),
  CONSTRAINT attribution_imports_have_a_known_kind CHECK (kind IN ('events', 'claims', 'settlements'))
);
SELECT tieout_protect_tenant('attribution_imports'), tieout_append_only('attribution_imports');

-- Marks rows with their transaction, for tables whose parts come in the same one.
CREATE FUNCTION tieout_written_at_once(target regclass) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ADD COLUMN written_in bigint NOT NULL DEFAULT txid_current()', target);
  EXECUTE format(
    'CREATE POLICY rows_say_their_transaction ON %s AS RESTRICTIVE FOR INSERT '
    'WITH CHECK (written_in = txid_current())', target);
END
$$;
REVOKE EXECUTE ON FUNCTION tieout_written_at_once(regclass) FROM PUBLIC;

CREATE TABLE attribution_events (
  tenant_id uuid NOT NULL,
  -- Ascending from 1 in the order of arrival, per tenant: no id of one tenant says anything of another's.
  event_id bigint NOT NULL,
  import_id uuid NOT NULL,
  import_line bigint NOT NULL,
  external_event_id text COLLATE "C",
  correlation_id text COLLATE "C",
  event_type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  -- What it adds to revenue, in the currency's minor unit: refunds and chargebacks are negative.
  revenue_cents bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  original_event_id bigint,
  recorded_at timestamptz NOT NULL,
  -- SHA-256 of what the event says: the same key with another digest is another content.
  request_digest text NOT NULL,
  -- What is personal; detached by tieout_purger alone.
  customer_id text,
  session_id text,
  raw_payload text,
  erased_at timestamptz,
  erased_by text,
  CONSTRAINT events_have_one_id PRIMARY KEY (tenant_id, event_id),
  CONSTRAINT events_have_one_revenue UNIQUE (tenant_id, event_id, revenue_cents, currency),
  CONSTRAINT events_come_from_an_import
    FOREIGN KEY (tenant_id, import_id) REFERENCES attribution_imports (tenant_id, import_id),
  CONSTRAINT events_adjust_an_event
    FOREIGN KEY (tenant_id, original_event_id) REFERENCES attribution_events (tenant_id, event_id),
  CONSTRAINT events_have_a_key CHECK (external_event_id IS NOT NULL OR correlation_id IS NOT NULL),
  CONSTRAINT events_have_a_known_type CHECK (event_type IN ('purchase', 'refund', 'chargeback', 'correction')),
  CONSTRAINT events_have_revenue_of_their_type CHECK (
    CASE event_type WHEN 'purchase' THEN revenue_cents >= 0 WHEN 'correction' THEN revenue_cents <> 0
      ELSE revenue_cents < 0 END),
  CONSTRAINT adjustments_name_an_original CHECK ((event_type = 'purchase') = (original_event_id IS NULL)),
  CONSTRAINT events_have_a_currency CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT erased_events_say_by_whom CHECK (
    num_nonnulls(erased_at, erased_by) IN (0, 2)
    AND (erased_at IS NULL OR num_nonnulls(customer_id, session_id, raw_payload) = 0))
);
CREATE UNIQUE INDEX events_have_one_external_id ON attribution_events (tenant_id, external_event_id)
  WHERE external_event_id IS NOT NULL;
CREATE UNIQUE INDEX events_have_one_correlation_id ON attribution_events (tenant_id, correlation_id)
  WHERE external_event_id IS NULL;
CREATE INDEX ix_attribution_events_original ON attribution_events (tenant_id, original_event_id)
  INCLUDE (revenue_cents) WHERE original_event_id IS NOT NULL;
CREATE INDEX ix_attribution_events_customer ON attribution_events (tenant_id, customer_id)
  WHERE customer_id IS NOT NULL;
SELECT tieout_written_at_once('attribution_events'), tieout_protect_tenant('attribution_events');
GRANT SELECT, INSERT ON attribution_events TO tieout_app;
GRANT SELECT, UPDATE (customer_id, session_id, raw_payload, erased_at, erased_by) ON attribution_events
  TO tieout_purger;

CREATE FUNCTION guard_event() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  kept attribution_events%ROWTYPE := OLD;
BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'tieout_purger' AND NEW.erased_at IS NOT NULL THEN
    kept.customer_id := NULL;
    kept.session_id := NULL;
    kept.raw_payload := NULL;
    kept.erased_at := NEW.erased_at;
    kept.erased_by := NEW.erased_by;
    IF kept IS NOT DISTINCT FROM NEW THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'attribution_events is append-only and refuses %', TG_OP
    USING ERRCODE = '55000', HINT = 'Add an event that corrects the other; erase only what is personal.';
END
$$;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON attribution_events
  FOR EACH ROW EXECUTE FUNCTION guard_event();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON attribution_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- What sums over rows of other sessions must see what those have committed, after waiting for them.
CREATE FUNCTION tieout_refuse_stale_reads(what text) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION '% cannot be checked in a % transaction', what, current_setting('transaction_isolation')
      USING ERRCODE = '55000', HINT = 'Write in a read committed transaction.';
  END IF;
END
$$;

-- A refund takes no more than is left of its purchase, in the purchase's currency. One such check of a tenant at a time.
CREATE FUNCTION check_adjustment() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  original record;
  adjusted numeric;
BEGIN
  PERFORM public.tieout_refuse_stale_reads('what is left of an event');
  PERFORM pg_advisory_xact_lock(hashtextextended('attribution adjustments ' || NEW.tenant_id::text, 0));
  SELECT event_type, revenue_cents, currency INTO original FROM public.attribution_events
    WHERE tenant_id = NEW.tenant_id AND event_id = NEW.original_event_id;
  IF original IS NULL OR original.event_type <> 'purchase' OR original.currency <> NEW.currency THEN
    RAISE EXCEPTION 'event % adjusts no purchase in %', NEW.event_id, NEW.currency
      USING ERRCODE = '23514', CONSTRAINT = 'adjustments_are_of_a_purchase_in_its_currency';
  END IF;
  SELECT sum(revenue_cents) INTO adjusted FROM public.attribution_events
    WHERE tenant_id = NEW.tenant_id AND original_event_id = NEW.original_event_id;
  IF original.revenue_cents + adjusted < 0 THEN
    RAISE EXCEPTION 'the adjustments of event % take more than its revenue', NEW.original_event_id
      USING ERRCODE = '23514', CONSTRAINT = 'adjustments_leave_no_negative_revenue';
  END IF;
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER adjustments_leave_no_negative_revenue AFTER INSERT ON attribution_events
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.original_event_id IS NOT NULL) EXECUTE FUNCTION check_adjustment();

CREATE TABLE attribution_touchpoints (
  tenant_id uuid NOT NULL,
  event_id bigint NOT NULL,
  -- From 1, in the order of time.
  position integer NOT NULL,
  -- As the event said it; which channel that is, the taxonomy says when revenue is allocated.
  channel text COLLATE "C" NOT NULL,
  touched_at timestamptz NOT NULL,
  CONSTRAINT touchpoints_have_one_position PRIMARY KEY (tenant_id, event_id, position)
    INCLUDE (channel, touched_at),
  CONSTRAINT touchpoints_count_from_one CHECK (position >= 1)
);
SELECT tieout_protect_tenant('attribution_touchpoints'), tieout_append_only('attribution_touchpoints');

CREATE FUNCTION check_touchpoints() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wrong record;
BEGIN
  -- Planned each time and over all rows at once: of a table that was just filled the planner knows nothing.
  EXECUTE
    'SELECT t.event_id, t.position, e.written_in IS NOT DISTINCT FROM txid_current() AS known
       FROM inserted t
       LEFT JOIN public.attribution_events e ON e.tenant_id = t.tenant_id AND e.event_id = t.event_id
      WHERE (e.written_in = txid_current() AND e.event_type = ''purchase'' AND t.touched_at <= e.occurred_at) IS NOT TRUE
      ORDER BY t.event_id, t.position LIMIT 1'
    INTO wrong;
  IF wrong.event_id IS NULL THEN
    RETURN NULL;
  END IF;
  IF wrong.known THEN
    RAISE EXCEPTION 'touch % of event % is after it, or the event is no purchase', wrong.position, wrong.event_id
      USING ERRCODE = '23514', CONSTRAINT = 'touchpoints_come_before_a_purchase';
  END IF;
  RAISE EXCEPTION 'attribution_touchpoints refuses INSERT: event % was not written in this transaction', wrong.event_id
    USING ERRCODE = '55000';
END
$$;
CREATE TRIGGER touchpoints_come_with_their_event AFTER INSERT ON attribution_touchpoints
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION check_touchpoints();

-- A feed that must not stop leaves here what was refused; somebody corrects, retries or discards it.
CREATE TABLE dead_events (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  dead_event_id bigint NOT NULL,
  file_name text NOT NULL,
  import_line bigint NOT NULL,
  -- Taken away when the event is discarded: it may be personal.
  raw_payload text,
  -- Of what was said last: the same line refused again is the same dead event.
  payload_digest text NOT NULL,
  -- [{"code", "message", "remedy"}]
  problems jsonb NOT NULL,
  state text NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 1,
  refused_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by text NOT NULL,
  note text,
  resolved_event_id bigint,
  CONSTRAINT dead_events_have_one_id PRIMARY KEY (tenant_id, dead_event_id),
  CONSTRAINT dead_events_become_an_event
    FOREIGN KEY (tenant_id, resolved_event_id) REFERENCES attribution_events (tenant_id, event_id),
  CONSTRAINT dead_events_have_a_known_state CHECK (state IN ('pending', 'resolved', 'discarded')),
  CONSTRAINT resolved_events_say_which CHECK ((state = 'resolved') = (resolved_event_id IS NOT NULL)),
  CONSTRAINT pending_events_can_be_retried CHECK ((state = 'pending') = (raw_payload IS NOT NULL)),
  CONSTRAINT discarded_events_say_why CHECK (state <> 'discarded' OR note IS NOT NULL),
  CONSTRAINT dead_events_were_tried CHECK (attempts >= 1)
);
CREATE UNIQUE INDEX dead_events_are_pending_once ON dead_events (tenant_id, payload_digest) WHERE state = 'pending';
CREATE INDEX ix_dead_events_state ON dead_events (tenant_id, state, dead_event_id);
SELECT tieout_protect_tenant('dead_events');
GRANT SELECT, INSERT, UPDATE ON dead_events TO tieout_app;

CREATE FUNCTION guard_dead_event() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'pending'
    AND (NEW.tenant_id, NEW.dead_event_id, NEW.file_name, NEW.import_line, NEW.payload_digest, NEW.refused_at)
      IS NOT DISTINCT FROM
        (OLD.tenant_id, OLD.dead_event_id, OLD.file_name, OLD.import_line, OLD.payload_digest, OLD.refused_at)
    AND NEW.attempts >= OLD.attempts
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'dead_events refuses %: what is resolved or discarded stays so', TG_OP USING ERRCODE = '55000';
END
$$;
CREATE TRIGGER dead_events_end_once BEFORE UPDATE OR DELETE ON dead_events
  FOR EACH ROW EXECUTE FUNCTION guard_dead_event();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON dead_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- The weights that a learned model version goes by, as they were learned; docs/attribution.md says from what.
CREATE TABLE attribution_weight_tables (
  tenant_id uuid NOT NULL,
  model_version text COLLATE "C" NOT NULL,
  table_digest text NOT NULL,
  run_id uuid NOT NULL,
  learned_at timestamptz NOT NULL,
  -- [{"channel", "weight"}]: whole numbers as text that sum to 10^18.
  weights jsonb NOT NULL,
  CONSTRAINT weight_tables_are_one_of_a_version PRIMARY KEY (tenant_id, model_version),
  CONSTRAINT weight_tables_come_from_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id)
);
SELECT tieout_protect_tenant('attribution_weight_tables'), tieout_append_only('attribution_weight_tables');

-- The header of what one model version gives the channels of one event. Made again it must come out the same; what comes
-- out otherwise is another model version, and the set it replaces names it.
CREATE TABLE attribution_allocation_sets (
  tenant_id uuid NOT NULL,
  event_id bigint NOT NULL,
  model_version text COLLATE "C" NOT NULL,
  run_id uuid NOT NULL,
  -- The event's, held by the key below: they cannot differ from it, nor the event's change under a set.
  revenue_cents bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  input_digest text NOT NULL,
  content_digest text NOT NULL,
  computed_at timestamptz NOT NULL,
  superseded_by text COLLATE "C",
  superseded_at timestamptz,
  -- The version without what follows the digest of the parameters: the weights learned, the revision of the set.
  model text COLLATE "C" NOT NULL GENERATED ALWAYS AS (substring(model_version FROM '^[^+]*(?:[+][^.]*)?')) STORED,
  CONSTRAINT sets_are_one_of_event_and_model PRIMARY KEY (tenant_id, event_id, model_version),
  CONSTRAINT sets_have_the_revenue_of_their_event
    FOREIGN KEY (tenant_id, event_id, revenue_cents, currency)
    REFERENCES attribution_events (tenant_id, event_id, revenue_cents, currency),
  CONSTRAINT sets_are_superseded_by_a_set
    FOREIGN KEY (tenant_id, event_id, superseded_by)
    REFERENCES attribution_allocation_sets (tenant_id, event_id, model_version)
    -- The old set ends before the new one begins, for one of them holds at a time.
    DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT sets_name_a_model CHECK (model_version <> ''),
  CONSTRAINT sets_are_superseded_by_another_model CHECK (superseded_by <> model_version),
  CONSTRAINT superseded_sets_say_when CHECK ((superseded_by IS NULL) = (superseded_at IS NULL))
);
SELECT tieout_written_at_once('attribution_allocation_sets'), tieout_protect_tenant('attribution_allocation_sets');
CREATE UNIQUE INDEX sets_hold_one_at_a_time ON attribution_allocation_sets (tenant_id, model, event_id)
  WHERE superseded_by IS NULL;
CREATE INDEX ix_attribution_allocation_sets_written ON attribution_allocation_sets (written_in);
GRANT SELECT, INSERT, UPDATE (superseded_by, superseded_at) ON attribution_allocation_sets TO tieout_app;
CREATE TRIGGER rows_come_while_the_run_is_in_progress AFTER INSERT ON attribution_allocation_sets
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_run_in_progress();

CREATE FUNCTION guard_allocation_set() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  kept attribution_allocation_sets%ROWTYPE := OLD;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.superseded_by IS NULL AND NEW.superseded_by IS NOT NULL THEN
    kept.superseded_by := NEW.superseded_by;
    kept.superseded_at := NEW.superseded_at;
    -- Worked out after this trigger; it follows from what may not change.
    kept.model := NEW.model;
    IF kept IS NOT DISTINCT FROM NEW THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'attribution_allocation_sets refuses %: a set is superseded once and never changes otherwise', TG_OP
    USING ERRCODE = '55000', HINT = 'Allocate by another model version.';
END
$$;
CREATE TRIGGER sets_are_only_superseded BEFORE UPDATE OR DELETE ON attribution_allocation_sets
  FOR EACH ROW EXECUTE FUNCTION guard_allocation_set();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON attribution_allocation_sets
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

CREATE TABLE attribution_allocations (
  tenant_id uuid NOT NULL,
  event_id bigint NOT NULL,
  model_version text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  -- Ascending per tenant; what the ledger posts.
  allocation_id bigint NOT NULL,
  -- The weight shown at five places; the cents are the truth.
  allocation_ratio numeric(6,5) NOT NULL,
  allocated_revenue_cents bigint NOT NULL,
  CONSTRAINT allocations_are_one_of_set_and_channel PRIMARY KEY (tenant_id, event_id, model_version, channel)
    INCLUDE (allocation_id, allocation_ratio, allocated_revenue_cents),
  CONSTRAINT revenue_allocations_have_one_id UNIQUE (tenant_id, allocation_id),
  CONSTRAINT ratios_are_shares CHECK (allocation_ratio BETWEEN 0 AND 1)
);
SELECT tieout_protect_tenant('attribution_allocations');
GRANT SELECT, INSERT, UPDATE, DELETE ON attribution_allocations TO tieout_app;

-- One row for a transaction whose sums are still to be checked. Nobody but the functions below reaches it.
CREATE TABLE attribution_sum_checks (
  tenant_id uuid NOT NULL,
  written_in bigint NOT NULL,
  CONSTRAINT transactions_are_checked_once PRIMARY KEY (tenant_id, written_in)
);
SELECT tieout_protect_tenant('attribution_sum_checks');

-- What the channels of a tenant have of the sets that hold, by model, currency and the UTC day of the event: written by the
-- check of the sums, and taken back when a set is superseded.
CREATE TABLE attribution_channel_totals (
  tenant_id uuid NOT NULL,
  model text COLLATE "C" NOT NULL,
  currency text COLLATE "C" NOT NULL,
  occurred_on date NOT NULL,
  channel text COLLATE "C" NOT NULL,
  allocated_revenue_cents numeric NOT NULL,
  allocations bigint NOT NULL,
  CONSTRAINT channel_totals_are_one_of_a_kind PRIMARY KEY (tenant_id, model, currency, occurred_on, channel)
    INCLUDE (allocated_revenue_cents, allocations),
  -- Every channel that has an allocation stands here, so this holds for them all.
  CONSTRAINT allocations_name_a_channel FOREIGN KEY (tenant_id, channel) REFERENCES channel_taxonomy (tenant_id, code)
);
SELECT tieout_protect_tenant('attribution_channel_totals');
GRANT SELECT ON attribution_channel_totals TO tieout_app;

-- Once a statement: rows of sealed sets stay, and whatever else changes is checked at the end of the transaction.
-- With the rights of the owner, whom row security binds too, because nobody else may write what is to be checked.
CREATE FUNCTION require_allocation_sums() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  changed text;
  wrong record;
BEGIN
  IF TG_TABLE_NAME = 'attribution_allocations' THEN
    -- Planned each time and over all rows at once, as for touchpoints.
    FOREACH changed IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY['inserted'] WHEN 'DELETE' THEN ARRAY['deleted']
      ELSE ARRAY['deleted', 'inserted'] END
    LOOP
      EXECUTE format(
        'SELECT c.event_id, c.model_version FROM %I c
           LEFT JOIN public.attribution_allocation_sets s USING (tenant_id, event_id, model_version)
          WHERE s.written_in IS DISTINCT FROM txid_current() ORDER BY c.event_id, c.model_version LIMIT 1', changed)
        INTO wrong;
      EXIT WHEN wrong.event_id IS NOT NULL;
    END LOOP;
    IF wrong.event_id IS NOT NULL THEN
      RAISE EXCEPTION 'attribution_allocations refuses %: the set of event % by % is sealed or not there',
        TG_OP, wrong.event_id, wrong.model_version
        USING ERRCODE = '55000', HINT = 'Allocate by another model version.';
    END IF;
  END IF;
  INSERT INTO public.attribution_sum_checks (tenant_id, written_in)
    SELECT public.tieout_current_tenant(), txid_current() WHERE public.tieout_current_tenant() IS NOT NULL
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
CREATE TRIGGER sets_are_to_be_checked AFTER INSERT ON attribution_allocation_sets
  FOR EACH STATEMENT EXECUTE FUNCTION require_allocation_sums();
CREATE TRIGGER new_allocations_are_to_be_checked AFTER INSERT ON attribution_allocations
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION require_allocation_sums();
CREATE TRIGGER changed_allocations_are_to_be_checked AFTER UPDATE ON attribution_allocations
  REFERENCING OLD TABLE AS deleted NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION require_allocation_sums();
CREATE TRIGGER deleted_allocations_are_to_be_checked AFTER DELETE ON attribution_allocations
  REFERENCING OLD TABLE AS deleted
  FOR EACH STATEMENT EXECUTE FUNCTION require_allocation_sums();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON attribution_allocations
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- At the end of the transaction, once: every set it wrote sums to the revenue of its event, in parts of the revenue's sign,
-- over channels of the taxonomy; and what adjusts an event leaves none of its channels below zero.
CREATE FUNCTION check_allocation_sums() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wrong record;
BEGIN
  -- Rows that cannot be seen must not count as right.
  IF NEW.tenant_id IS DISTINCT FROM public.tieout_current_tenant() THEN
    RAISE EXCEPTION 'allocations of another tenant cannot be checked' USING ERRCODE = '55000';
  END IF;
  PERFORM public.tieout_refuse_stale_reads('the sum of allocations');
  DELETE FROM public.attribution_sum_checks WHERE tenant_id = NEW.tenant_id AND written_in = NEW.written_in;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;

  EXECUTE
    'SELECT s.event_id, s.model_version, s.revenue_cents, sum(a.allocated_revenue_cents) AS total,
        min(a.allocated_revenue_cents) AS least, max(a.allocated_revenue_cents) AS most
      FROM public.attribution_allocation_sets s
      LEFT JOIN public.attribution_allocations a USING (tenant_id, event_id, model_version)
      WHERE s.tenant_id = $1 AND s.written_in = $2
      GROUP BY s.event_id, s.model_version, s.revenue_cents
      HAVING sum(a.allocated_revenue_cents) IS DISTINCT FROM s.revenue_cents
        OR (s.revenue_cents >= 0 AND min(a.allocated_revenue_cents) < 0)
        OR (s.revenue_cents <= 0 AND max(a.allocated_revenue_cents) > 0)
      ORDER BY s.event_id, s.model_version LIMIT 1'
    INTO wrong USING NEW.tenant_id, NEW.written_in;
  IF wrong.event_id IS NOT NULL THEN
    RAISE EXCEPTION 'the allocations of event % by % sum to % in parts from % to %, its revenue is %', wrong.event_id,
      wrong.model_version, coalesce(wrong.total, 0), coalesce(wrong.least, 0), coalesce(wrong.most, 0), wrong.revenue_cents
      USING ERRCODE = '23514', CONSTRAINT = 'allocations_sum_to_event';
  END IF;

  -- Only what is below zero takes something away.
  IF EXISTS (
    SELECT FROM public.attribution_allocation_sets s
    WHERE s.tenant_id = NEW.tenant_id AND s.written_in = NEW.written_in AND s.revenue_cents < 0)
  THEN
    -- Two refunds of one purchase may be allocated at once: each must see the other.
    PERFORM pg_advisory_xact_lock(hashtextextended('attribution closure ' || NEW.tenant_id::text, 0));
    SELECT f.original, f.model_version, f.channel INTO wrong FROM (
      SELECT DISTINCT e.original_event_id AS original, s.model_version
      FROM public.attribution_allocation_sets s
      JOIN public.attribution_events e USING (tenant_id, event_id)
      WHERE s.tenant_id = NEW.tenant_id AND s.written_in = NEW.written_in AND s.revenue_cents < 0
    ) adjusted, LATERAL (
      SELECT adjusted.original, a.model_version, a.channel FROM (
        SELECT adjusted.original AS event_id
        UNION ALL
        SELECT x.event_id FROM public.attribution_events x
        WHERE x.tenant_id = NEW.tenant_id AND x.original_event_id = adjusted.original
      ) family
      JOIN public.attribution_allocations a ON a.tenant_id = NEW.tenant_id AND a.event_id = family.event_id
        AND a.model_version = adjusted.model_version
      GROUP BY a.model_version, a.channel HAVING sum(a.allocated_revenue_cents) < 0
    ) f LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'adjustments of event % by % take more from % than it has', wrong.original, wrong.model_version,
        wrong.channel USING ERRCODE = '23514', CONSTRAINT = 'adjustments_leave_no_negative_channel';
    END IF;
  END IF;

  INSERT INTO public.attribution_channel_totals AS t
      (tenant_id, model, currency, occurred_on, channel, allocated_revenue_cents, allocations)
    SELECT s.tenant_id, s.model, s.currency, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, a.channel,
      -- What was superseded as it was written names its channels and counts for nothing.
      coalesce(sum(a.allocated_revenue_cents) FILTER (WHERE s.superseded_by IS NULL), 0),
      count(*) FILTER (WHERE s.superseded_by IS NULL)
    FROM public.attribution_allocation_sets s
    -- Fenced, so that each set finds its rows by their key, whatever the planner thinks of tables just filled.
    CROSS JOIN LATERAL (
      SELECT x.occurred_at FROM public.attribution_events x
      WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id OFFSET 0
    ) e
    CROSS JOIN LATERAL (
      SELECT x.channel, x.allocated_revenue_cents FROM public.attribution_allocations x
      WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id AND x.model_version = s.model_version OFFSET 0
    ) a
    WHERE s.tenant_id = NEW.tenant_id AND s.written_in = NEW.written_in
    GROUP BY s.tenant_id, s.model, s.currency, day, a.channel
    -- In one order, so that two sessions wait for one another and never in a circle.
    ORDER BY s.model, s.currency, day, a.channel
    ON CONFLICT (tenant_id, model, currency, occurred_on, channel) DO UPDATE
      SET allocated_revenue_cents = t.allocated_revenue_cents + EXCLUDED.allocated_revenue_cents,
        allocations = t.allocations + EXCLUDED.allocations;
  RETURN NULL;
END
$$;

-- Sets of earlier transactions were counted when they were written.
CREATE FUNCTION count_superseded() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  UPDATE public.attribution_channel_totals t
    SET allocated_revenue_cents = t.allocated_revenue_cents - gone.cents, allocations = t.allocations - gone.allocations
    FROM (
      SELECT i.tenant_id, i.model, i.currency, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, a.channel,
        sum(a.allocated_revenue_cents) AS cents, count(*) AS allocations
      FROM inserted i
      CROSS JOIN LATERAL (
        SELECT x.occurred_at FROM public.attribution_events x
        WHERE x.tenant_id = i.tenant_id AND x.event_id = i.event_id OFFSET 0
      ) e
      CROSS JOIN LATERAL (
        SELECT x.channel, x.allocated_revenue_cents FROM public.attribution_allocations x
        WHERE x.tenant_id = i.tenant_id AND x.event_id = i.event_id AND x.model_version = i.model_version OFFSET 0
      ) a
      WHERE i.written_in <> txid_current()
      GROUP BY i.tenant_id, i.model, i.currency, day, a.channel
    ) gone
    WHERE (t.tenant_id, t.model, t.currency, t.occurred_on, t.channel)
      = (gone.tenant_id, gone.model, gone.currency, gone.day, gone.channel);
  RETURN NULL;
END
$$;
CREATE TRIGGER superseded_sets_are_not_counted AFTER UPDATE ON attribution_allocation_sets
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION count_superseded();
CREATE CONSTRAINT TRIGGER allocations_sum_to_event AFTER INSERT ON attribution_sum_checks
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_allocation_sums();

-- Postings. Each entry carries the hash of the one before it, per tenant; docs/attribution.md has the bytes.
CREATE TABLE revenue_ledger (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  -- From 1 without a gap.
  entry_no bigint NOT NULL,
  -- Null of an entry that reverses another.
  allocation_id bigint,
  reverses bigint,
  amount_cents bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  posted_at timestamptz NOT NULL,
  posted_by text NOT NULL,
  effective_date date NOT NULL,
  -- What was known when it was posted.
  verification text NOT NULL,
  previous_hash text NOT NULL,
  entry_hash text NOT NULL,
  CONSTRAINT entries_have_one_number PRIMARY KEY (tenant_id, entry_no),
  CONSTRAINT entries_post_an_allocation
    FOREIGN KEY (tenant_id, allocation_id) REFERENCES attribution_allocations (tenant_id, allocation_id),
  CONSTRAINT entries_reverse_an_entry
    FOREIGN KEY (tenant_id, reverses) REFERENCES revenue_ledger (tenant_id, entry_no),
  CONSTRAINT entries_post_or_reverse CHECK (num_nonnulls(allocation_id, reverses) = 1),
  CONSTRAINT entries_count_from_one CHECK (entry_no >= 1),
  CONSTRAINT entries_have_a_known_verification CHECK (verification IN ('unverified', 'verified')),
  CONSTRAINT entries_have_hashes CHECK (entry_hash ~ '^[0-9a-f]{64}$' AND previous_hash ~ '^[0-9a-f]{64}$')
);
CREATE UNIQUE INDEX allocations_are_posted_once ON revenue_ledger (tenant_id, allocation_id)
  WHERE allocation_id IS NOT NULL;
CREATE UNIQUE INDEX entries_are_reversed_once ON revenue_ledger (tenant_id, reverses) WHERE reverses IS NOT NULL;
SELECT tieout_protect_tenant('revenue_ledger'), tieout_append_only('revenue_ledger');

-- The chain has no gap and no fork, and an entry has the amount of what it posts or reverses.
CREATE FUNCTION check_ledger_entries() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wrong bigint;
BEGIN
  -- The number before is worked out first: row security lets no arithmetic into the search of an index, and each entry
  -- would look through all entries of the tenant.
  EXECUTE
    'SELECT i.entry_no
       FROM (SELECT tenant_id, entry_no, previous_hash, entry_no - 1 AS before FROM inserted OFFSET 0) i
       LEFT JOIN public.revenue_ledger b ON b.tenant_id = i.tenant_id AND b.entry_no = i.before
      WHERE i.previous_hash IS DISTINCT FROM CASE i.entry_no WHEN 1 THEN repeat(''0'', 64) ELSE b.entry_hash END
      ORDER BY i.entry_no LIMIT 1'
    INTO wrong;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'entry % does not follow the one before it', wrong
      USING ERRCODE = '23514', CONSTRAINT = 'entries_follow_one_another';
  END IF;
  SELECT i.entry_no INTO wrong FROM inserted i
    WHERE NOT coalesce(CASE WHEN i.reverses IS NULL THEN (
        SELECT a.allocated_revenue_cents = i.amount_cents AND s.currency = i.currency
        FROM public.attribution_allocations a
        JOIN public.attribution_allocation_sets s USING (tenant_id, event_id, model_version)
        WHERE a.tenant_id = i.tenant_id AND a.allocation_id = i.allocation_id
      ) ELSE (
        SELECT b.amount_cents = -i.amount_cents AND b.currency = i.currency AND b.entry_no < i.entry_no
          AND b.reverses IS NULL
        FROM public.revenue_ledger b
        WHERE b.tenant_id = i.tenant_id AND b.entry_no = i.reverses) END, false)
    ORDER BY i.entry_no LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % has not the amount of what it posts or reverses', wrong
      USING ERRCODE = '23514', CONSTRAINT = 'entries_have_the_amount_they_post';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER entries_follow_one_another AFTER INSERT ON revenue_ledger
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION check_ledger_entries();

-- What was earned, verified and posted, by currency, kept with the rows it counts.
CREATE TABLE attribution_revenue_totals (
  tenant_id uuid NOT NULL,
  currency text COLLATE "C" NOT NULL,
  events bigint NOT NULL,
  revenue_cents numeric NOT NULL,
  verified_events bigint NOT NULL,
  verified_cents numeric NOT NULL,
  entries bigint NOT NULL,
  posted_cents numeric NOT NULL,
  last_recorded_at timestamptz NOT NULL,
  CONSTRAINT revenue_totals_are_one_of_a_currency PRIMARY KEY (tenant_id, currency)
);
SELECT tieout_protect_tenant('attribution_revenue_totals');
GRANT SELECT ON attribution_revenue_totals TO tieout_app;

CREATE FUNCTION count_revenue() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF TG_TABLE_NAME = 'revenue_ledger' THEN
    INSERT INTO public.attribution_revenue_totals AS t
      SELECT tenant_id, currency, 0, 0, 0, 0, count(*), sum(amount_cents), max(posted_at)
      FROM inserted GROUP BY tenant_id, currency ORDER BY currency
    ON CONFLICT (tenant_id, currency) DO UPDATE
      SET entries = t.entries + EXCLUDED.entries, posted_cents = t.posted_cents + EXCLUDED.posted_cents,
        last_recorded_at = greatest(t.last_recorded_at, EXCLUDED.last_recorded_at);
    RETURN NULL;
  ELSIF TG_TABLE_NAME = 'verified_events' THEN
    UPDATE public.attribution_revenue_totals t
      SET verified_events = t.verified_events + v.events, verified_cents = t.verified_cents + v.cents
      FROM (
        SELECT e.tenant_id, e.currency, count(*) AS events, sum(e.revenue_cents) AS cents
        FROM inserted i CROSS JOIN LATERAL (
          SELECT x.tenant_id, x.currency, x.revenue_cents FROM public.attribution_events x
          WHERE x.tenant_id = i.tenant_id AND x.event_id = i.event_id OFFSET 0
        ) e
        GROUP BY e.tenant_id, e.currency
      ) v
      WHERE (t.tenant_id, t.currency) = (v.tenant_id, v.currency);
    RETURN NULL;
  END IF;
  INSERT INTO public.attribution_revenue_totals AS t
    SELECT tenant_id, currency, count(*), sum(revenue_cents), 0, 0, 0, 0, max(recorded_at)
    FROM inserted GROUP BY tenant_id, currency ORDER BY currency
  ON CONFLICT (tenant_id, currency) DO UPDATE
    SET events = t.events + EXCLUDED.events, revenue_cents = t.revenue_cents + EXCLUDED.revenue_cents,
      last_recorded_at = greatest(t.last_recorded_at, EXCLUDED.last_recorded_at);
  RETURN NULL;
END
$$;
CREATE TRIGGER events_are_counted AFTER INSERT ON attribution_events
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION count_revenue();
CREATE TRIGGER entries_are_counted AFTER INSERT ON revenue_ledger
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION count_revenue();

-- What platforms claim to have brought, and what was really settled.
CREATE TABLE platform_claims (
  tenant_id uuid NOT NULL,
  import_id uuid NOT NULL,
  import_line bigint NOT NULL,
  platform text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  amount_cents bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  occurred_on date NOT NULL,
  row_digest text NOT NULL,
  CONSTRAINT claims_have_one_reference PRIMARY KEY (tenant_id, platform, reference),
  CONSTRAINT claims_come_from_an_import
    FOREIGN KEY (tenant_id, import_id) REFERENCES attribution_imports (tenant_id, import_id),
  CONSTRAINT claims_have_a_currency CHECK (currency ~ '^[A-Z]{3}$')
);
CREATE TABLE settled_amounts (
  tenant_id uuid NOT NULL,
  import_id uuid NOT NULL,
  import_line bigint NOT NULL,
  platform text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  amount_cents bigint NOT NULL,
  currency text COLLATE "C" NOT NULL,
  occurred_on date NOT NULL,
  row_digest text NOT NULL,
  CONSTRAINT settled_amounts_have_one_reference PRIMARY KEY (tenant_id, platform, reference),
  CONSTRAINT settled_amounts_come_from_an_import
    FOREIGN KEY (tenant_id, import_id) REFERENCES attribution_imports (tenant_id, import_id),
  CONSTRAINT settled_amounts_have_a_currency CHECK (currency ~ '^[A-Z]{3}$')
);
SELECT tieout_protect_tenant(t), tieout_append_only(t)
  FROM unnest(ARRAY['platform_claims', 'settled_amounts']::regclass[]) AS t;

-- A reconciliation is a run like others, and follows it. No row: nobody has reconciled yet.
CREATE TABLE reconciliation_runs (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  state text NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  CONSTRAINT reconciliations_have_a_run_each PRIMARY KEY (tenant_id, run_id),
  CONSTRAINT reconciliations_belong_to_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id),
  CONSTRAINT reconciliations_have_a_known_state CHECK (state IN ('idle', 'running', 'failed', 'completed')),
  CONSTRAINT ended_reconciliations_have_an_end CHECK ((state IN ('failed', 'completed')) = (finished_at IS NOT NULL))
);
CREATE INDEX ix_reconciliation_runs_started ON reconciliation_runs (tenant_id, started_at DESC)
  INCLUDE (state, finished_at);
SELECT tieout_protect_tenant('reconciliation_runs');
GRANT SELECT, INSERT, UPDATE (state, finished_at) ON reconciliation_runs TO tieout_app;

CREATE FUNCTION guard_reconciliation() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state IN ('idle', 'running')
    AND (NEW.tenant_id, NEW.run_id, NEW.started_at) IS NOT DISTINCT FROM (OLD.tenant_id, OLD.run_id, OLD.started_at)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'reconciliation_runs refuses %: a reconciliation ends once and stays as it was', TG_OP
    USING ERRCODE = '55000';
END
$$;
CREATE TRIGGER reconciliations_only_end BEFORE UPDATE OR DELETE ON reconciliation_runs
  FOR EACH ROW EXECUTE FUNCTION guard_reconciliation();
CREATE TRIGGER table_is_never_truncated BEFORE TRUNCATE ON reconciliation_runs
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- It begins and ends with its run, whoever ends that: a process that died leaves its run to the next start.
CREATE FUNCTION follow_run() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO public.reconciliation_runs (tenant_id, run_id, state, started_at)
      VALUES (NEW.tenant_id, NEW.id, 'running', NEW.executed_at);
  ELSE
    UPDATE public.reconciliation_runs SET state = lower(NEW.status), finished_at = NEW.finished_at
      WHERE tenant_id = NEW.tenant_id AND run_id = NEW.id AND state = 'running';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER reconciliations_begin_with_their_run AFTER INSERT ON calculation_runs
  FOR EACH ROW WHEN (NEW.kind = 'reconciliation') EXECUTE FUNCTION follow_run();
CREATE TRIGGER reconciliations_end_with_their_run AFTER UPDATE OF status ON calculation_runs
  FOR EACH ROW WHEN (NEW.kind = 'reconciliation' AND NEW.status <> 'IN_PROGRESS') EXECUTE FUNCTION follow_run();

-- What a claim and the settled amount of its reference say of one another.
CREATE TABLE reconciliation_findings (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  platform text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  finding text NOT NULL,
  claimed_cents bigint,
  claimed_currency text COLLATE "C",
  claimed_on date,
  settled_cents bigint,
  settled_currency text COLLATE "C",
  settled_on date,
  CONSTRAINT reconciliation_findings_are_one_of_a_reference PRIMARY KEY (tenant_id, run_id, platform, reference),
  CONSTRAINT reconciliation_findings_belong_to_a_reconciliation
    FOREIGN KEY (tenant_id, run_id) REFERENCES reconciliation_runs (tenant_id, run_id),
  CONSTRAINT reconciliation_findings_follow_from_amounts CHECK (
    finding = CASE
      WHEN num_nonnulls(settled_cents, settled_currency) = 0 AND num_nonnulls(claimed_cents, claimed_currency) = 2
        THEN 'missing'
      WHEN num_nonnulls(claimed_cents, claimed_currency) = 0 AND num_nonnulls(settled_cents, settled_currency) = 2
        THEN 'excess'
      WHEN (claimed_cents, claimed_currency) = (settled_cents, settled_currency) THEN 'matched'
      WHEN (claimed_cents, claimed_currency) <> (settled_cents, settled_currency) THEN 'amount_difference'
      ELSE 'unknown' END)
);
SELECT tieout_results_of_runs('reconciliation_findings');

-- Events whose revenue was settled as it is. Settled amounts and events never change, so this is so for good.
CREATE TABLE verified_events (
  tenant_id uuid NOT NULL,
  event_id bigint NOT NULL,
  run_id uuid NOT NULL,
  platform text COLLATE "C" NOT NULL,
  reference text COLLATE "C" NOT NULL,
  CONSTRAINT events_are_verified_once PRIMARY KEY (tenant_id, event_id),
  CONSTRAINT verified_events_are_events
    FOREIGN KEY (tenant_id, event_id) REFERENCES attribution_events (tenant_id, event_id),
  CONSTRAINT events_are_verified_by_a_finding
    FOREIGN KEY (tenant_id, run_id, platform, reference)
    REFERENCES reconciliation_findings (tenant_id, run_id, platform, reference)
);
SELECT tieout_results_of_runs('verified_events');

-- The finding says so of this event's reference, revenue and currency.
CREATE FUNCTION check_verified_events() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wrong bigint;
BEGIN
  SELECT i.event_id INTO wrong FROM inserted i
    LEFT JOIN LATERAL (
      SELECT x.external_event_id, x.revenue_cents, x.currency FROM public.attribution_events x
      WHERE x.tenant_id = i.tenant_id AND x.event_id = i.event_id OFFSET 0
    ) e ON true
    LEFT JOIN LATERAL (
      SELECT x.settled_cents, x.settled_currency FROM public.reconciliation_findings x
      WHERE (x.tenant_id, x.run_id, x.platform, x.reference) = (i.tenant_id, i.run_id, i.platform, i.reference) OFFSET 0
    ) f ON true
    WHERE NOT coalesce(e.external_event_id = i.reference
      AND (e.revenue_cents, e.currency) = (f.settled_cents, f.settled_currency), false)
    LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event % was not settled as it is', wrong
      USING ERRCODE = '23514', CONSTRAINT = 'verified_events_were_settled';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER verified_events_were_settled AFTER INSERT ON verified_events
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION check_verified_events();
CREATE TRIGGER verified_events_are_counted AFTER INSERT ON verified_events
  REFERENCING NEW TABLE AS inserted
  FOR EACH STATEMENT EXECUTE FUNCTION count_revenue();

-- Read models. They are views with the rights of the reader, because row security does not reach a materialized view.
CREATE VIEW mv_allocation_summary WITH (security_invoker = on) AS
SELECT s.tenant_id, s.event_id, s.model_version, s.currency, s.revenue_cents AS event_revenue_cents,
  a.total_allocated_cents, a.channels, s.superseded_by,
  a.total_allocated_cents = s.revenue_cents AS is_balanced
FROM attribution_allocation_sets s
LEFT JOIN LATERAL (
  SELECT sum(x.allocated_revenue_cents) AS total_allocated_cents, count(*) AS channels
  FROM attribution_allocations x
  WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id AND x.model_version = s.model_version
) a ON true;

CREATE VIEW mv_realtime_revenue WITH (security_invoker = on) AS
SELECT tenant_id, currency, events, revenue_cents, verified_events, verified_cents,
  revenue_cents - verified_cents AS unverified_cents, entries, posted_cents, last_recorded_at
FROM attribution_revenue_totals;

CREATE VIEW mv_reconciliation_status WITH (security_invoker = on) AS
SELECT t.tenant_id, coalesce(r.state, 'idle') AS state, coalesce(r.finished_at, r.started_at) AS last_run_at
FROM tenants t
LEFT JOIN LATERAL (
  SELECT state, started_at, finished_at FROM reconciliation_runs x
  WHERE x.tenant_id = t.tenant_id ORDER BY x.started_at DESC LIMIT 1
) r ON true;

-- A fact source for roll-ups: every entry of the ledger on its day, a reversal under the channel of what it reverses.
CREATE VIEW v_posted_revenue WITH (security_invoker = on) AS
SELECT l.tenant_id, l.entry_no AS fact_seq, NULL::uuid AS import_id, NULL::bigint AS import_line,
  l.effective_date, l.currency, c.family, a.channel,
  -- For a structure of families and their channels: a driver is one column.
  concat(c.family, '/', a.channel) AS path,
  a.model_version, e.event_type, coalesce(e.external_event_id, e.correlation_id) AS event,
  CASE WHEN l.reverses IS NULL THEN 'posting' ELSE 'reversal' END AS entry_type,
  -- As it is known now; the entry has what was known when it was posted.
  CASE WHEN v.event_id IS NULL THEN 'unverified' ELSE 'verified' END AS verification,
  l.amount_cents
FROM revenue_ledger l
LEFT JOIN revenue_ledger r ON r.tenant_id = l.tenant_id AND r.entry_no = l.reverses
JOIN attribution_allocations a
  ON a.tenant_id = l.tenant_id AND a.allocation_id = coalesce(l.allocation_id, r.allocation_id)
JOIN attribution_events e ON e.tenant_id = a.tenant_id AND e.event_id = a.event_id
JOIN channel_taxonomy c ON c.tenant_id = a.tenant_id AND c.code = a.channel
LEFT JOIN verified_events v ON v.tenant_id = e.tenant_id AND v.event_id = e.event_id;

GRANT SELECT ON mv_allocation_summary, mv_realtime_revenue, mv_reconciliation_status, v_posted_revenue TO tieout_app;
