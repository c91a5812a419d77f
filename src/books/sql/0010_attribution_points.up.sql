-- What a touch was besides a touch, and from where an allocation goes on.

ALTER TABLE attribution_touchpoints ADD COLUMN milestone text
  CONSTRAINT touchpoints_have_a_known_milestone CHECK (milestone IN ('lead', 'opportunity', 'lead+opportunity'));
-- Paths are read from the index alone, milestones with them.
ALTER TABLE attribution_touchpoints DROP CONSTRAINT touchpoints_have_one_position;
ALTER TABLE attribution_touchpoints ADD CONSTRAINT touchpoints_have_one_position
  PRIMARY KEY (tenant_id, event_id, position) INCLUDE (channel, touched_at, milestone);

-- Where the allocation of a model stood at the end of a run. The newest point of a model counts: while version and taxonomy
-- are those of it, the sets of all events up to its number follow from nothing that changed.
CREATE TABLE attribution_allocation_points (
  tenant_id uuid NOT NULL,
  -- Name, version and digest of the parameters.
  model text COLLATE "C" NOT NULL,
  point_no bigint NOT NULL,
  run_id uuid NOT NULL,
  -- With the weights that were learned, without a revision.
  model_version text COLLATE "C" NOT NULL,
  -- Of what the taxonomy takes codes for.
  taxonomy_digest text NOT NULL,
  -- Number of arrival; 0: the next allocation begins anew.
  events_through bigint NOT NULL,
  -- Of the sets of those events: counts, sums of cents as text, sums of digests.
  sums jsonb NOT NULL,
  CONSTRAINT allocation_points_have_one_number PRIMARY KEY (tenant_id, model, point_no),
  CONSTRAINT allocation_points_belong_to_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id),
  CONSTRAINT allocation_points_count_from_one CHECK (point_no >= 1),
  CONSTRAINT allocation_points_are_behind_events CHECK (events_through >= 0)
);
SELECT tieout_results_of_runs('attribution_allocation_points');

-- The check at the end of a transaction, in one pass over what it wrote instead of three: it sums each set, looks at every
-- part and counts the totals of channels at once, and says which set is wrong only where one is. Totals are grouped by
-- hashing: of a table just filled the planner expects two rows and would sort millions.
CREATE OR REPLACE FUNCTION check_allocation_sums() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp
  SET enable_sort = off
  -- A sort that is needed all the same has a cost that would have the statement compiled, for a second and a half.
  SET jit = off
AS $$
DECLARE
  seen record;
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
    'WITH counted AS MATERIALIZED (
       SELECT s.tenant_id, s.model, s.currency, (e.occurred_at AT TIME ZONE ''UTC'')::date AS day, a.channel,
         -- What was superseded as it was written names its channels and counts for nothing.
         coalesce(sum(a.cents) FILTER (WHERE s.superseded_by IS NULL), 0) AS cents,
         count(*) FILTER (WHERE s.superseded_by IS NULL) AS allocations,
         -- A set without a row is wrong too.
         bool_or(coalesce(a.total <> s.revenue_cents, true) OR (s.revenue_cents >= 0 AND a.cents < 0)
           OR (s.revenue_cents <= 0 AND a.cents > 0)) AS is_wrong,
         bool_or(s.revenue_cents < 0) AS takes_back
       FROM public.attribution_allocation_sets s
       -- Fenced, so that each set finds its rows by their key, whatever the planner thinks of tables just filled.
       LEFT JOIN LATERAL (
         SELECT x.occurred_at FROM public.attribution_events x
         WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id OFFSET 0
       ) e ON true
       LEFT JOIN LATERAL (
         SELECT x.channel, x.allocated_revenue_cents AS cents, sum(x.allocated_revenue_cents) OVER () AS total
         FROM public.attribution_allocations x
         WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id AND x.model_version = s.model_version OFFSET 0
       ) a ON true
       WHERE s.tenant_id = $1 AND s.written_in = $2
       GROUP BY s.tenant_id, s.model, s.currency, day, a.channel
     ), stored AS (
       INSERT INTO public.attribution_channel_totals AS t
           (tenant_id, model, currency, occurred_on, channel, allocated_revenue_cents, allocations)
         SELECT tenant_id, model, currency, day, channel, cents, allocations FROM counted WHERE NOT is_wrong
         -- In one order, so that two sessions wait for one another and never in a circle.
         ORDER BY model, currency, day, channel
         ON CONFLICT (tenant_id, model, currency, occurred_on, channel) DO UPDATE
           SET allocated_revenue_cents = t.allocated_revenue_cents + EXCLUDED.allocated_revenue_cents,
             allocations = t.allocations + EXCLUDED.allocations
     )
     SELECT bool_or(is_wrong) AS is_wrong, bool_or(takes_back) AS takes_back FROM counted'
    INTO seen USING NEW.tenant_id, NEW.written_in;

  IF seen.is_wrong THEN
    SELECT s.event_id, s.model_version, s.revenue_cents, sum(a.allocated_revenue_cents) AS total,
        min(a.allocated_revenue_cents) AS least, max(a.allocated_revenue_cents) AS most
      INTO wrong
      FROM public.attribution_allocation_sets s
      LEFT JOIN public.attribution_allocations a USING (tenant_id, event_id, model_version)
      WHERE s.tenant_id = NEW.tenant_id AND s.written_in = NEW.written_in
      GROUP BY s.event_id, s.model_version, s.revenue_cents
      HAVING sum(a.allocated_revenue_cents) IS DISTINCT FROM s.revenue_cents
        OR (s.revenue_cents >= 0 AND min(a.allocated_revenue_cents) < 0)
        OR (s.revenue_cents <= 0 AND max(a.allocated_revenue_cents) > 0)
      ORDER BY s.event_id, s.model_version LIMIT 1;
    RAISE EXCEPTION 'the allocations of event % by % sum to % in parts from % to %, its revenue is %', wrong.event_id,
      wrong.model_version, coalesce(wrong.total, 0), coalesce(wrong.least, 0), coalesce(wrong.most, 0), wrong.revenue_cents
      USING ERRCODE = '23514', CONSTRAINT = 'allocations_sum_to_event';
  END IF;

  -- Only what is below zero takes something away.
  IF seen.takes_back THEN
    -- Two refunds of one purchase may be allocated at once: each must see the other.
    PERFORM pg_advisory_xact_lock(hashtextextended('attribution closure ' || NEW.tenant_id::text, 0));
    SELECT f.original, f.model_version, f.channel INTO wrong FROM (
      SELECT DISTINCT e.original_event_id AS original, s.model_version
      FROM public.attribution_allocation_sets s
      CROSS JOIN LATERAL (
        SELECT x.original_event_id FROM public.attribution_events x
        WHERE x.tenant_id = s.tenant_id AND x.event_id = s.event_id OFFSET 0
      ) e
      WHERE s.tenant_id = NEW.tenant_id AND s.written_in = NEW.written_in AND s.revenue_cents < 0
    ) adjusted, LATERAL (
      SELECT adjusted.original, adjusted.model_version, a.channel FROM (
        SELECT adjusted.original AS event_id
        UNION ALL
        (SELECT x.event_id FROM public.attribution_events x
          WHERE x.tenant_id = NEW.tenant_id AND x.original_event_id = adjusted.original OFFSET 0)
      ) family CROSS JOIN LATERAL (
        SELECT x.channel, x.allocated_revenue_cents FROM public.attribution_allocations x
        WHERE x.tenant_id = NEW.tenant_id AND x.event_id = family.event_id
          AND x.model_version = adjusted.model_version OFFSET 0
      ) a
      GROUP BY a.channel HAVING sum(a.allocated_revenue_cents) < 0
    ) f LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'adjustments of event % by % take more from % than it has', wrong.original, wrong.model_version,
        wrong.channel USING ERRCODE = '23514', CONSTRAINT = 'adjustments_leave_no_negative_channel';
    END IF;
  END IF;

  RETURN NULL;
END
$$;
