-- Listings of an object store come in the order of the names' bytes, whatever the database sorts by.
CREATE INDEX source_files_by_bytes ON source_files (kind, path COLLATE "C");
