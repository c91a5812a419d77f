ALTER TABLE fifo_inventory_snapshot DROP COLUMN bracket;
