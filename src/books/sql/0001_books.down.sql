-- The roles stay: they belong to the server, where other databases may use them.
DROP TABLE run_findings;
DROP TABLE calculation_runs;
DROP TABLE tenants;
DROP FUNCTION tieout_results_of_runs(regclass);
DROP FUNCTION refuse_unless_run_in_progress();
DROP FUNCTION guard_calculation_run();
DROP FUNCTION tieout_append_only(regclass);
DROP FUNCTION tieout_protect_tenant(regclass);
DROP FUNCTION refuse_truncate();
DROP FUNCTION refuse_change();
DROP FUNCTION tieout_current_tenant();
