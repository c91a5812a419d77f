DROP INDEX ix_attribution_events_session;
DROP TRIGGER totals_follow_new_allocations ON attribution_allocations;
DROP TRIGGER totals_follow_changed_allocations ON attribution_allocations;
DROP TRIGGER totals_follow_deleted_allocations ON attribution_allocations;
DROP FUNCTION count_allocations();

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

CREATE OR REPLACE FUNCTION check_allocation_sums() RETURNS trigger
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

DROP FUNCTION tieout_refuse_unseen(uuid);
