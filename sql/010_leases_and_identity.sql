-- Who this content is, for what belongs to it elsewhere, such as Dagster's database.
CREATE TABLE project (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    identity  uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO project DEFAULT VALUES;

-- Rights that one process holds for a while, such as the claims of a stream. A row that is there is in force; who finds
-- it expired, by this server's clock, deletes it, and its holder then knows. Nothing hangs on a session of the server:
-- a pooler keeps those open behind a process that was killed, and ends them behind one that lives.
CREATE TABLE leases (
    id          integer PRIMARY KEY DEFAULT nextval('embedding_sessions'),
    name        text UNIQUE,
    -- For who runs on the same machine and can see that the process is gone.
    machine     text,
    process     text NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- A process of the version before renews nothing: it has an hour to end its run, which it holds by an advisory lock.
INSERT INTO leases (id, process, expires_at)
SELECT DISTINCT objid::bigint::integer, 'before 010', clock_timestamp() + interval '1 hour'
FROM pg_locks
WHERE locktype = 'advisory' AND classid = 1297044050 AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

CREATE OR REPLACE FUNCTION embedding_session_alive(session integer) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM leases WHERE id = session);
END
$$;
DELETE FROM embedding_claims WHERE NOT embedding_session_alive(session_id);

-- A server that crashes ends no process that holds a claim, and a claim is gone with its lease.
ALTER TABLE embedding_claims SET LOGGED;
ALTER TABLE embedding_claims ADD CONSTRAINT embedding_claims_lease
    FOREIGN KEY (session_id) REFERENCES leases ON DELETE CASCADE;
