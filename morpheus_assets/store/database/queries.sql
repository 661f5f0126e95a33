-- The server ----------------------------------------------------------------------------------------------------------

-- name: ping
SELECT 1

-- name: server_time
SELECT now()

-- name: begin
-- A user or a database may have another default.
BEGIN ISOLATION LEVEL READ COMMITTED

-- name: commit
COMMIT

-- name: commit_before_it_is_on_disk
SET LOCAL synchronous_commit TO off

-- name: what_the_driver_speaks
SET datestyle TO 'ISO'; SET standard_conforming_strings TO on

-- name: backend_process
SELECT pg_backend_pid()

-- name: server_state
SELECT current_setting('server_version_num')::integer AS postgres, a.default_version AS offered,
       e.extversion AS installed, n.nspname::text AS vector_schema, to_regtype('halfvec') IS NOT NULL AS halfvec_visible,
       current_schema()::text AS schema, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       has_database_privilege(current_database(), 'CREATE') AS may_extend,
       current_setting('transaction_read_only')::boolean AS read_only, pg_is_in_recovery() AS standby,
       current_user::text AS username,
       least(current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
             - coalesce(current_setting('reserved_connections', true)::integer, 0)
             - (SELECT sum(numbackends) FROM pg_stat_database),
             CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit
                  - (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) END,
             CASE WHEN r.rolconnlimit >= 0 THEN r.rolconnlimit
                  - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) END)::integer
           AS connections_left,
       current_setting('max_connections')::integer AS max_connections,
       ARRAY(SELECT name::text FROM pg_settings
             WHERE CASE WHEN name = ANY(%(timeouts)s) THEN setting::bigint BETWEEN 1 AND %(least)s END
             ORDER BY name) AS short_timeouts
FROM pg_database d
CROSS JOIN pg_roles r
LEFT JOIN pg_available_extensions a ON a.name = 'vector'
LEFT JOIN pg_extension e ON e.extname = 'vector'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE d.datname = current_database() AND r.rolname = current_user

-- name: extend_search_path
SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(%(schema)s)),
                  true)

-- name: keep_search_path
ALTER ROLE {role} IN DATABASE {database} SET search_path FROM CURRENT

-- name: name_of_database
SELECT current_database()::text

-- name: identity
SELECT identity::text, current_database()::text FROM project

-- name: create_owner
CREATE TABLE IF NOT EXISTS morpheus_owner
    (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), identity uuid NOT NULL, content_database text NOT NULL)

-- name: is_owned
SELECT to_regclass('morpheus_owner') IS NOT NULL

-- name: owner
SELECT identity::text, content_database FROM morpheus_owner

-- name: own
INSERT INTO morpheus_owner (identity, content_database) VALUES (%(identity)s, %(content_database)s)
ON CONFLICT DO NOTHING

-- name: has_partitions
SELECT to_regclass('dynamic_partitions') IS NOT NULL

-- name: some_partitions
SELECT partition FROM dynamic_partitions WHERE partitions_def_name = 'novels' ORDER BY id DESC LIMIT 1000

-- name: any_of_these_novels
SELECT EXISTS (SELECT FROM novels WHERE novel = ANY(%(novels)s))

-- name: data_folder
SHOW data_directory

-- name: find_database
SELECT FROM pg_database WHERE datname = %(name)s

-- name: create_database
CREATE DATABASE {name}

-- name: commit_without_waiting
-- Of Dagster's database: an event costs a commit, and losing the last moments of the event log loses no content.
ALTER DATABASE {name} SET synchronous_commit = off


-- Migrations ----------------------------------------------------------------------------------------------------------

-- name: no_time_limits
SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)

-- name: lock_migrations
SELECT pg_advisory_xact_lock(hashtext('morpheus migrations'))

-- name: create_applied_migrations
CREATE TABLE IF NOT EXISTS applied_migrations
    (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())

-- name: applied_migrations
SELECT name, sha256 FROM applied_migrations

-- name: record_migration
INSERT INTO applied_migrations (name, sha256) VALUES (%(name)s, %(sha256)s)


-- Statistics ----------------------------------------------------------------------------------------------------------

-- name: rows_of_table
-- An estimate where that is large, else counted so far as it says nothing: all of a table that was never analyzed.
SELECT estimate, CASE WHEN estimate IS NULL OR estimate <= 2 * %(most)s THEN (
    SELECT count(*)
    FROM (SELECT FROM {table} LIMIT CASE WHEN known.estimate IS NULL THEN NULL ELSE %(most)s + 1 END) counted) END
FROM (SELECT CASE WHEN reltuples >= 0 AND relpages > 0 THEN
                 (reltuples / relpages * (pg_relation_size(oid) / current_setting('block_size')::integer))::bigint END
             AS estimate
      FROM pg_class WHERE oid = {table_name}::regclass OFFSET 0) known

-- name: size_for_a_person
SELECT CASE WHEN reltuples > %(counted)s THEN reltuples::bigint
            ELSE (SELECT count(*) FROM (SELECT FROM {table} LIMIT 2 * %(counted)s) AS counted) END
FROM pg_class WHERE oid = to_regclass(%(table)s)

-- name: stale_tables
SELECT relname FROM pg_class
WHERE oid = ANY(%(tables)s::text[]::regclass[])
  AND (reltuples < 0 OR pg_relation_size(oid) > %(growth)s * relpages * current_setting('block_size')::bigint)

-- name: analyze
ANALYZE (SKIP_LOCKED) {table}


-- Leases --------------------------------------------------------------------------------------------------------------

-- name: take_lease
INSERT INTO leases (name, machine, process, expires_at)
VALUES (%(name)s, %(machine)s, %(process)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (name) DO NOTHING
RETURNING id

-- name: renew_lease
UPDATE leases SET expires_at = clock_timestamp() + %(seconds)s * interval '1 second' WHERE id = %(lease)s

-- name: end_lease
DELETE FROM leases WHERE id = %(lease)s

-- name: leases_of_machine
SELECT id, process FROM leases WHERE machine = %(machine)s

-- name: end_expired_leases
-- One that is locked is being renewed, used or ended. What a process sent before it was gone, the server may still be
-- storing: its leases get a moment for that.
WITH hurried AS (
    UPDATE leases SET expires_at = clock_timestamp() + %(seconds)s * interval '1 second' WHERE id IN (
        SELECT id FROM leases
        WHERE id = ANY(%(dead)s) AND expires_at > clock_timestamp() + %(seconds)s * interval '1 second'
        FOR UPDATE SKIP LOCKED)
)
DELETE FROM leases WHERE id IN (
    SELECT id FROM leases WHERE expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED)


-- Dumps ---------------------------------------------------------------------------------------------------------------

-- name: tables_of_schema
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname

-- name: place_of_tables
SELECT current_setting('server_version_num')::integer, current_schema()::text,
       (SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector')

-- name: drop_table
DROP TABLE IF EXISTS {name} CASCADE

-- name: drop_view
DROP VIEW IF EXISTS {name} CASCADE

-- name: drop_sequence
DROP SEQUENCE IF EXISTS {name} CASCADE

-- name: drop_function
DROP FUNCTION IF EXISTS {name} CASCADE

-- name: create_vector
CREATE EXTENSION IF NOT EXISTS vector

-- name: has_table
SELECT to_regclass(quote_ident(%(table)s)) IS NOT NULL

-- name: has_rows
SELECT EXISTS (SELECT FROM {table})

-- name: analyze_everything
ANALYZE

-- name: owner_is_gone
DROP TABLE IF EXISTS morpheus_owner
