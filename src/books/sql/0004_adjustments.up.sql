-- Fact adjustments: corrections of amounts by use case, what each did in a run, and their column in the results.

CREATE TABLE fact_adjustments (
  tenant_id uuid NOT NULL,
  use_case_id uuid NOT NULL,
  adjustment_no integer NOT NULL,
  name varchar(200) NOT NULL,
  definition jsonb NOT NULL,
  reason text NOT NULL,
  owner varchar(200) NOT NULL,
  valid_from date,
  valid_to date,
  entered_by text NOT NULL,
  entered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, use_case_id, adjustment_no),
  CONSTRAINT adjustments_are_named_once UNIQUE (tenant_id, use_case_id, name),
  CONSTRAINT adjustments_belong_to_a_use_case
    FOREIGN KEY (tenant_id, use_case_id) REFERENCES use_cases (tenant_id, use_case_id),
  CONSTRAINT adjustments_count_from_one CHECK (adjustment_no >= 1),
  CONSTRAINT adjustments_say_why CHECK (reason <> ''),
  CONSTRAINT adjustments_have_an_owner CHECK (owner <> ''),
  CONSTRAINT adjustments_end_after_they_begin CHECK (valid_from <= valid_to)
);
SELECT tieout_protect_tenant('fact_adjustments');
SELECT tieout_append_only('fact_adjustments');
SELECT tieout_purgeable('fact_adjustments');

CREATE TABLE run_adjustments (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  ordinal integer NOT NULL,
  adjustment_no integer NOT NULL,
  column_name text NOT NULL,
  scenario text NOT NULL,
  hits bigint NOT NULL,
  amount_before numeric NOT NULL,
  effect numeric NOT NULL,
  amount_after numeric NOT NULL,
  PRIMARY KEY (tenant_id, run_id, ordinal),
  CONSTRAINT steps_belong_to_a_run
    FOREIGN KEY (tenant_id, run_id) REFERENCES calculation_runs (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT steps_add_up CHECK (amount_before + effect = amount_after),
  CONSTRAINT steps_touch_no_negative_number_of_facts CHECK (hits >= 0)
);
SELECT tieout_results_of_runs('run_adjustments');
SELECT tieout_purgeable('run_adjustments');

ALTER TABLE fact_calculated_results ADD COLUMN adjustment numeric NOT NULL DEFAULT 0;
