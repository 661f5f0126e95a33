-- New words wait in a list that every search reads through until a vacuum sorts them in: after an ingest a search cost two
-- to three times its CPU, and in a small library for good, for it takes 1,000 and a fifth of all rows to have one vacuumed.
ALTER TABLE passages SET (autovacuum_vacuum_insert_threshold = 200, autovacuum_vacuum_insert_scale_factor = 0);
