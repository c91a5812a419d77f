-- Milestones of touches are kept aside in kept_touchpoint_milestones; migrate up brings them back.
ALTER TABLE attribution_touchpoints NO FORCE ROW LEVEL SECURITY;
CREATE TABLE kept_touchpoint_milestones AS
  SELECT tenant_id, event_id, position, milestone FROM attribution_touchpoints WHERE milestone IS NOT NULL;
ALTER TABLE attribution_touchpoints FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE kept_touchpoint_milestones IS 'tieout: kept aside by migrate down';
SELECT tieout_protect_tenant('kept_touchpoint_milestones'), tieout_append_only('kept_touchpoint_milestones');
REVOKE ALL ON kept_touchpoint_milestones FROM tieout_app;
