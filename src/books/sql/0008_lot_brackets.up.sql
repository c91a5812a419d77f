-- A lot is told by its bracket too: specific identification goes on from there. Versions computed before have none
-- here; their next computation is a full one, because the engine is another.
ALTER TABLE fifo_inventory_snapshot ADD COLUMN bracket text;
