-- Removes the roll-up. Fact tables made by imports go with it.
DO $$
DECLARE made record;
BEGIN
  FOR made IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND obj_description(c.oid, 'pg_class') = 'tieout fact table'
  LOOP
    EXECUTE format('DROP TABLE %s', made.name);
  END LOOP;
END $$;
DROP TABLE fact_calculated_results;
ALTER TABLE calculation_runs DROP CONSTRAINT runs_belong_to_a_use_case;
DROP TABLE fact_pnl_entries;
DROP TABLE fact_imports;
DROP TABLE fact_tables;
DROP TABLE metadata_rules;
DROP TABLE use_case_versions;
DROP TABLE use_cases;
DROP TABLE dim_hierarchy;
DROP TABLE structure_versions;
