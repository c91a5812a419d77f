DROP TABLE attribution_allocation_points;
ALTER TABLE attribution_touchpoints DROP CONSTRAINT touchpoints_have_one_position;
ALTER TABLE attribution_touchpoints DROP COLUMN milestone;
ALTER TABLE attribution_touchpoints ADD CONSTRAINT touchpoints_have_one_position
  PRIMARY KEY (tenant_id, event_id, position) INCLUDE (channel, touched_at);

-- The check of before, in three passes.
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
