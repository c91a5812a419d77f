-- What migrate down kept aside. Row by row it was right when it was written, so nothing is checked again but the keys.
DO $$
DECLARE
  held text;
  columns text;
BEGIN
  FOREACH held IN ARRAY ARRAY[
    'channel_taxonomy', 'attribution_imports', 'attribution_events', 'attribution_touchpoints', 'dead_events',
    'attribution_weight_tables', 'attribution_allocation_sets', 'attribution_allocations', 'attribution_channel_totals',
    'revenue_ledger', 'attribution_revenue_totals', 'platform_claims', 'settled_amounts', 'reconciliation_runs',
    'reconciliation_findings', 'verified_events']
  LOOP
    CONTINUE WHEN to_regclass('public.kept_' || held) IS NULL;
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
      WHERE attrelid = ('public.kept_' || held)::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', held);
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', 'kept_' || held);
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', held);
    EXECUTE format('INSERT INTO %1$I (%3$s) SELECT %3$s FROM %2$I', held, 'kept_' || held, columns);
    SET CONSTRAINTS ALL IMMEDIATE;
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', held);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', held);
    EXECUTE format('DROP TABLE %I', 'kept_' || held);
  END LOOP;
END
$$;
