DO $$
BEGIN
  IF to_regclass('public.kept_touchpoint_milestones') IS NULL THEN
    RETURN;
  END IF;
  ALTER TABLE attribution_touchpoints NO FORCE ROW LEVEL SECURITY;
  ALTER TABLE attribution_touchpoints DISABLE TRIGGER USER;
  ALTER TABLE kept_touchpoint_milestones NO FORCE ROW LEVEL SECURITY;
  UPDATE attribution_touchpoints t SET milestone = k.milestone FROM kept_touchpoint_milestones k
    WHERE (t.tenant_id, t.event_id, t.position) = (k.tenant_id, k.event_id, k.position);
  ALTER TABLE attribution_touchpoints ENABLE TRIGGER USER;
  ALTER TABLE attribution_touchpoints FORCE ROW LEVEL SECURITY;
  DROP TABLE kept_touchpoint_milestones;
END
$$;
