-- The server ----------------------------------------------------------------------------------------------------------

-- name: ping
SELECT 1

-- name: server_version
SHOW server_version_num

-- name: pgvector_version
SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'vector'

-- name: data_folder
SHOW data_directory

-- name: find_database
SELECT FROM pg_database WHERE datname = %(name)s

-- name: create_database
CREATE DATABASE {name}

-- name: lock_databases
SELECT pg_advisory_lock(hashtext('morpheus databases'))

-- name: commit_without_waiting
ALTER DATABASE {name} SET synchronous_commit = off


-- Migrations ----------------------------------------------------------------------------------------------------------

-- name: lock_migrations
SELECT pg_advisory_lock(hashtext('morpheus migrations'))

-- name: unlock_migrations
SELECT pg_advisory_unlock(hashtext('morpheus migrations'))

-- name: create_applied_migrations
CREATE TABLE IF NOT EXISTS applied_migrations
    (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())

-- name: applied_migrations
SELECT name, sha256 FROM applied_migrations

-- name: record_migration
INSERT INTO applied_migrations (name, sha256) VALUES (%(name)s, %(sha256)s)


-- Statistics ----------------------------------------------------------------------------------------------------------

-- name: size_of_table
SELECT reltuples, relpages, pg_relation_size(oid) / current_setting('block_size')::integer FROM pg_class
WHERE oid = to_regclass(%(table)s)

-- name: count_rows
SELECT count(*) FROM (SELECT FROM {table} LIMIT %(most)s) AS counted

-- name: stale_tables
SELECT relname FROM pg_class
WHERE oid = ANY(%(tables)s::text[]::regclass[])
  AND (reltuples < 0 OR pg_relation_size(oid) > %(growth)s * relpages * current_setting('block_size')::bigint)

-- name: analyze
ANALYZE (SKIP_LOCKED) {table}
