-- Events, channels, allocations, the ledger, claims, settled amounts and reconciliations are kept aside in tables named
-- kept_…, which nobody may read or change; migrate up brings them back.
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
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
      WHERE attrelid = held::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    -- The rows of every tenant, in a transaction that takes the table away.
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', held);
    EXECUTE format('CREATE TABLE %I AS SELECT %s FROM %I', 'kept_' || held, columns, held);
    EXECUTE format('COMMENT ON TABLE %I IS ''tieout: kept aside by migrate down''', 'kept_' || held);
    PERFORM tieout_protect_tenant(('kept_' || held)::regclass), tieout_append_only(('kept_' || held)::regclass);
    EXECUTE format('REVOKE ALL ON %I FROM tieout_app', 'kept_' || held);
  END LOOP;
END
$$;
