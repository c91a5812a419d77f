DO $$
DECLARE
  fk record;
BEGIN
  FOR fk IN
    SELECT conrelid::regclass AS facts, conname FROM pg_constraint
    WHERE confrelid = 'trade_imports'::regclass AND contype = 'f'
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', fk.facts, fk.conname);
  END LOOP;
END
$$;
