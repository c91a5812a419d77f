-- Roll-up: structures, use cases, rules, facts and results. Names are those of the source documents.

CREATE TABLE structure_versions (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  atlas_source text NOT NULL,
  structure_version integer NOT NULL,
  digest text NOT NULL,
  node_count integer NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT now(),
  imported_by text NOT NULL,
  PRIMARY KEY (tenant_id, atlas_source, structure_version),
  CONSTRAINT structure_versions_count_from_one CHECK (structure_version >= 1)
);

CREATE TABLE dim_hierarchy (
  tenant_id uuid NOT NULL,
  atlas_source text NOT NULL,
  structure_version integer NOT NULL,
  ordinal integer NOT NULL,
  node_id text NOT NULL,
  parent_node_id text,
  node_name text NOT NULL,
  depth integer,
  is_leaf boolean NOT NULL,
  rollup_driver text,
  rollup_value_source varchar(20) DEFAULT 'node_id',
  PRIMARY KEY (tenant_id, atlas_source, structure_version, node_id),
  CONSTRAINT nodes_belong_to_a_structure_version
    FOREIGN KEY (tenant_id, atlas_source, structure_version)
    REFERENCES structure_versions (tenant_id, atlas_source, structure_version),
  CONSTRAINT drivers_match_by_node_id_or_node_name CHECK (rollup_value_source IN ('node_id', 'node_name'))
);
CREATE INDEX idx_dim_hierarchy_rollup_driver ON dim_hierarchy (tenant_id, rollup_driver);
CREATE INDEX idx_dim_hierarchy_rollup_value_source ON dim_hierarchy (tenant_id, rollup_value_source);

CREATE TABLE use_cases (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  use_case_id uuid NOT NULL,
  name text NOT NULL,
  description text,
  status varchar(20) NOT NULL DEFAULT 'ACTIVE',
  version integer NOT NULL,
  atlas_structure_id text NOT NULL,
  input_table_name text NOT NULL,
  measure_mapping jsonb,
  policy text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, use_case_id),
  CONSTRAINT use_cases_are_named_once UNIQUE (tenant_id, name),
  CONSTRAINT use_cases_have_a_known_status CHECK (status IN ('DRAFT', 'ACTIVE', 'ARCHIVED')),
  CONSTRAINT use_cases_have_a_known_policy CHECK (policy IN ('most_specific', 'top_down'))
);

CREATE TABLE use_case_versions (
  tenant_id uuid NOT NULL,
  use_case_id uuid NOT NULL,
  version integer NOT NULL,
  definition jsonb NOT NULL,
  digest text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  applied_by text NOT NULL,
  PRIMARY KEY (tenant_id, use_case_id, version),
  CONSTRAINT versions_belong_to_a_use_case
    FOREIGN KEY (tenant_id, use_case_id) REFERENCES use_cases (tenant_id, use_case_id)
);

CREATE TABLE metadata_rules (
  tenant_id uuid NOT NULL,
  use_case_id uuid NOT NULL,
  use_case_version integer NOT NULL,
  rule_no integer NOT NULL,
  node_id text NOT NULL,
  flavour text NOT NULL,
  scope text,
  measure_name text,
  switch_column text,
  into_measure text,
  predicate jsonb,
  formula text,
  rule_text text NOT NULL,
  note text,
  PRIMARY KEY (tenant_id, use_case_id, use_case_version, rule_no),
  CONSTRAINT rules_belong_to_a_use_case_version
    FOREIGN KEY (tenant_id, use_case_id, use_case_version)
    REFERENCES use_case_versions (tenant_id, use_case_id, version),
  CONSTRAINT rules_have_a_known_flavour CHECK (flavour IN ('filter', 'measure_switch', 'arithmetic')),
  CONSTRAINT rules_have_a_known_scope CHECK (scope IN ('node', 'table')),
  CONSTRAINT arithmetic_has_a_formula CHECK ((flavour = 'arithmetic') = (formula IS NOT NULL))
);

CREATE TABLE fact_tables (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  table_name text NOT NULL,
  physical_name text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, table_name)
);

CREATE TABLE fact_imports (
  tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
  import_id uuid NOT NULL,
  table_name text NOT NULL,
  use_case_id uuid,
  file_name text NOT NULL,
  file_digest text NOT NULL,
  row_count bigint NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT now(),
  imported_by text NOT NULL,
  PRIMARY KEY (tenant_id, import_id),
  CONSTRAINT imports_belong_to_a_use_case
    FOREIGN KEY (tenant_id, use_case_id) REFERENCES use_cases (tenant_id, use_case_id)
);
CREATE INDEX ix_fact_imports_table_digest ON fact_imports (tenant_id, table_name, file_digest);

CREATE TABLE fact_pnl_entries (
  tenant_id uuid NOT NULL,
  fact_seq bigint GENERATED ALWAYS AS IDENTITY,
  import_id uuid,
  import_line bigint,
  use_case_id uuid NOT NULL,
  pnl_date date NOT NULL,
  scenario varchar(20) NOT NULL,
  trade_id text,
  category_code text,
  legal_entity text,
  region text,
  strategy text,
  daily_amount numeric(18,2),
  wtd_amount numeric(18,2),
  ytd_amount numeric(18,2),
  amount numeric(18,2),
  PRIMARY KEY (tenant_id, fact_seq),
  CONSTRAINT facts_belong_to_a_use_case
    FOREIGN KEY (tenant_id, use_case_id) REFERENCES use_cases (tenant_id, use_case_id),
  CONSTRAINT facts_come_from_an_import
    FOREIGN KEY (tenant_id, import_id) REFERENCES fact_imports (tenant_id, import_id)
);
CREATE INDEX ix_fact_pnl_entries_use_case_date ON fact_pnl_entries (tenant_id, use_case_id, pnl_date, scenario);

ALTER TABLE calculation_runs
  ADD CONSTRAINT runs_belong_to_a_use_case
  FOREIGN KEY (tenant_id, use_case_id) REFERENCES use_cases (tenant_id, use_case_id) ON DELETE CASCADE;

CREATE TABLE fact_calculated_results (
  tenant_id uuid NOT NULL,
  calculation_run_id uuid NOT NULL,
  ordinal integer NOT NULL,
  node_id text NOT NULL,
  measure text NOT NULL,
  scenario text NOT NULL,
  "natural" numeric NOT NULL,
  direct numeric NOT NULL,
  adjusted numeric,
  plug numeric,
  fact_count bigint NOT NULL,
  rule_no integer,
  rule text,
  PRIMARY KEY (tenant_id, calculation_run_id, ordinal),
  CONSTRAINT results_belong_to_a_run
    FOREIGN KEY (tenant_id, calculation_run_id) REFERENCES calculation_runs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_fact_calculated_results_calc_run_id ON fact_calculated_results (calculation_run_id);

SELECT tieout_protect_tenant(t) FROM unnest(ARRAY[
  'structure_versions', 'dim_hierarchy', 'use_cases', 'use_case_versions', 'metadata_rules',
  'fact_tables', 'fact_imports', 'fact_pnl_entries']::regclass[]) AS t;
SELECT tieout_append_only(t) FROM unnest(ARRAY[
  'structure_versions', 'dim_hierarchy', 'use_case_versions', 'metadata_rules',
  'fact_tables', 'fact_imports', 'fact_pnl_entries']::regclass[]) AS t;
SELECT tieout_results_of_runs('fact_calculated_results');
GRANT SELECT, INSERT, UPDATE ON use_cases TO tieout_app;
