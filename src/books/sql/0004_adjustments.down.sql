ALTER TABLE fact_calculated_results DROP COLUMN adjustment;
DROP TABLE run_adjustments;
DROP TABLE fact_adjustments;
