-- Totals that are right whatever a client does with the timing of constraints, entries that say what is verified, erasure
-- by session.

-- A client may change its tenant in the middle of a statement: rows that cannot be seen must not count as none.
CREATE FUNCTION tieout_refuse_unseen(tenant uuid) RETURNS void
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF tenant <> public.tieout_current_tenant() OR (tenant IS NOT NULL AND public.tieout_current_tenant() IS NULL) THEN
    RAISE EXCEPTION 'rows of another tenant cannot be counted' USING ERRCODE = '55000';
  END IF;
END
$$;

CREATE OR REPLACE FUNCTION guard_allocation_set() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  kept attribution_allocation_sets%ROWTYPE := OLD;
BEGIN
  -- A set that is still being written is changed, not superseded: so what was counted of a set is what is taken back.
  IF TG_OP = 'UPDATE' AND OLD.superseded_by IS NULL AND NEW.superseded_by IS NOT NULL
    AND OLD.written_in <> txid_current()
  THEN
    kept.superseded_by := NEW.superseded_by;
    kept.superseded_at := NEW.superseded_at;
    -- Worked out after this trigger; it follows from what may not change.
    kept.model := NEW.model;
    IF kept IS NOT DISTINCT FROM NEW THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'attribution_allocation_sets refuses %: a set is superseded once, later than it was written, and never changes otherwise', TG_OP
    USING ERRCODE = '55000', HINT = 'Allocate by another model version.';
END
$$;

-- The sums of a transaction are checked, and its allocations counted, once. A client may ask for that early (SET
-- CONSTRAINTS); what it wrote afterwards would be counted twice with the rest, so it may write no more.
CREATE TABLE attribution_checked_sums (
  tenant_id uuid NOT NULL,
  written_in bigint NOT NULL,
  CONSTRAINT sums_are_checked_once PRIMARY KEY (tenant_id, written_in)
);
SELECT tieout_protect_tenant('attribution_checked_sums');

CREATE FUNCTION note_checked_sums() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO public.attribution_checked_sums (tenant_id, written_in) VALUES (OLD.tenant_id, OLD.written_in);
  -- Those of transactions that are over say nothing any more; nobody waits for another who takes them away.
  DELETE FROM public.attribution_checked_sums c USING (
      SELECT tenant_id, written_in FROM public.attribution_checked_sums
      WHERE tenant_id = OLD.tenant_id AND written_in <> OLD.written_in FOR UPDATE SKIP LOCKED
    ) over
    WHERE (c.tenant_id, c.written_in) = (over.tenant_id, over.written_in);
  RETURN NULL;
END
$$;
CREATE TRIGGER checked_sums_are_noted AFTER DELETE ON attribution_sum_checks
  FOR EACH ROW EXECUTE FUNCTION note_checked_sums();

CREATE OR REPLACE FUNCTION require_allocation_sums() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  changed text;
  wrong record;
BEGIN
  IF EXISTS (
    SELECT FROM public.attribution_checked_sums
    WHERE tenant_id = public.tieout_current_tenant() AND written_in = txid_current())
  THEN
    RAISE EXCEPTION '% refuses %: the sums of this transaction were checked already', TG_TABLE_NAME, TG_OP
      USING ERRCODE = '55000', HINT = 'Write in another transaction, or leave constraints deferred to the end of this one.';
  END IF;
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

CREATE OR REPLACE FUNCTION count_superseded() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  PERFORM public.tieout_refuse_unseen((SELECT tenant_id FROM inserted LIMIT 1));
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

CREATE OR REPLACE FUNCTION count_revenue() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  PERFORM public.tieout_refuse_unseen((SELECT tenant_id FROM inserted LIMIT 1));
  IF TG_TABLE_NAME = 'revenue_ledger' THEN
    INSERT INTO public.attribution_revenue_totals AS t
      SELECT tenant_id, currency, 0, 0, 0, 0, count(*), sum(amount_cents), max(posted_at)
      FROM inserted GROUP BY tenant_id, currency ORDER BY currency
    ON CONFLICT (tenant_id, currency) DO UPDATE
      SET entries = t.entries + EXCLUDED.entries, posted_cents = t.posted_cents + EXCLUDED.posted_cents,
        last_recorded_at = greatest(t.last_recorded_at, EXCLUDED.last_recorded_at);
    RETURN NULL;
  ELSIF TG_TABLE_NAME = 'verified_events' THEN
    -- The event may be counted after this, when one statement writes both.
    INSERT INTO public.attribution_revenue_totals AS t
      SELECT e.tenant_id, e.currency, 0, 0, count(*), sum(e.revenue_cents), 0, 0, max(e.recorded_at)
      FROM inserted i CROSS JOIN LATERAL (
        SELECT x.tenant_id, x.currency, x.revenue_cents, x.recorded_at FROM public.attribution_events x
        WHERE x.tenant_id = i.tenant_id AND x.event_id = i.event_id OFFSET 0
      ) e
      GROUP BY e.tenant_id, e.currency ORDER BY e.currency
    ON CONFLICT (tenant_id, currency) DO UPDATE
      SET verified_events = t.verified_events + EXCLUDED.verified_events,
        verified_cents = t.verified_cents + EXCLUDED.verified_cents;
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

CREATE OR REPLACE FUNCTION check_ledger_entries() RETURNS trigger
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
  -- An entry says whether its event was verified when it was posted; a reversal, whether the event of what it reverses was.
  EXECUTE
    'SELECT i.entry_no
       FROM (
         -- Which allocation is worked out first, as the number before is above.
         SELECT i.tenant_id, i.entry_no, i.verification, coalesce(i.allocation_id, b.allocation_id) AS posted
         FROM inserted i
         LEFT JOIN LATERAL (
           SELECT x.allocation_id FROM public.revenue_ledger x
           WHERE x.tenant_id = i.tenant_id AND x.entry_no = i.reverses OFFSET 0
         ) b ON true
         OFFSET 0
       ) i
       CROSS JOIN LATERAL (
         SELECT x.event_id FROM public.attribution_allocations x
         WHERE x.tenant_id = i.tenant_id AND x.allocation_id = i.posted OFFSET 0
       ) a
       LEFT JOIN LATERAL (
         SELECT x.event_id FROM public.verified_events x
         WHERE x.tenant_id = i.tenant_id AND x.event_id = a.event_id OFFSET 0
       ) v ON true
      WHERE i.verification <> CASE WHEN v.event_id IS NULL THEN ''unverified'' ELSE ''verified'' END
      ORDER BY i.entry_no LIMIT 1'
    INTO wrong;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'entry % does not say whether its event is verified', wrong
      USING ERRCODE = '23514', CONSTRAINT = 'entries_say_what_is_verified';
  END IF;
  RETURN NULL;
END
$$;

CREATE INDEX ix_attribution_events_session ON attribution_events (tenant_id, session_id) WHERE session_id IS NOT NULL;
