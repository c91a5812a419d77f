DROP INDEX ix_attribution_events_session;
DROP TRIGGER checked_sums_are_noted ON attribution_sum_checks;
DROP FUNCTION note_checked_sums();

CREATE OR REPLACE FUNCTION guard_allocation_set() RETURNS trigger
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

CREATE OR REPLACE FUNCTION require_allocation_sums() RETURNS trigger
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

CREATE OR REPLACE FUNCTION count_superseded() RETURNS trigger
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
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION count_revenue() RETURNS trigger
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

DROP TABLE attribution_checked_sums;
DROP FUNCTION tieout_refuse_unseen(uuid);
