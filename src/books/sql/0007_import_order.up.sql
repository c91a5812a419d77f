-- An import is recorded when its rows have been counted, which is after they were taken over, so that whether a fact
-- comes from an import is looked at when the transaction commits.
DO $$
DECLARE
  fk record;
BEGIN
  FOR fk IN
    SELECT conrelid::regclass AS facts, conname FROM pg_constraint
    WHERE confrelid = 'trade_imports'::regclass AND contype = 'f'
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', fk.facts, fk.conname);
  END LOOP;
END
$$;
