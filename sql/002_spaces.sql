-- Embedding spaces, which of them answers, and what embedding cost. The vectors of a space lie in embeddings_<id>.

CREATE TABLE embedding_spaces (
    id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key               text NOT NULL UNIQUE,
    fingerprint       text NOT NULL,
    purpose           text NOT NULL CHECK (purpose IN ('text', 'image')),
    provider          text NOT NULL,
    model             text NOT NULL,
    revision          text NOT NULL,
    dimensions        integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    preparation       text NOT NULL,
    max_input_tokens  integer,
    state             text NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'ready', 'active', 'retired')),
    index_kind        text,
    index_rows        bigint,
    index_recall      double precision,
    index_built_at    timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    ready_at          timestamptz,
    activated_at      timestamptz,
    retired_at        timestamptz,
    UNIQUE (id, purpose)
);

-- One row per purpose: the pointer that a search reads.
CREATE TABLE active_spaces (
    purpose       text PRIMARY KEY,
    space_id      integer NOT NULL,
    activated_at  timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (space_id, purpose) REFERENCES embedding_spaces (id, purpose)
);

-- What a provider will not embed; counted apart, so that it is neither asked for nor missing for ever.
CREATE TABLE refused_inputs (
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    reason        text NOT NULL,
    ignored       boolean NOT NULL DEFAULT false,
    first_seen    timestamptz NOT NULL DEFAULT now(),
    last_seen     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, content_hash)
);

-- Who is embedding what at this moment. A claim counts only while its session's advisory lock is held, so the
-- claims of a killed process are free at once. Unlogged: a crash of the server ends every session anyway.
CREATE SEQUENCE embedding_sessions AS integer CYCLE;
CREATE UNLOGGED TABLE embedding_claims (
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    content_hash  bytea NOT NULL,
    session_id    integer NOT NULL,
    PRIMARY KEY (space_id, content_hash)
);
CREATE INDEX embedding_claims_session ON embedding_claims (session_id);

-- The space is named, not referenced: what was paid stays known after the space is dropped.
CREATE TABLE spending (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space_key     text NOT NULL,
    novel         text,
    tokens        bigint NOT NULL,
    inputs        integer NOT NULL,
    requests      integer NOT NULL,
    cost          numeric(14, 8),
    run_id        text,
    at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX spending_space_at ON spending (space_key, at);

-- One row per provider account; `recent` holds the last minute's admissions as [second, requests, tokens].
CREATE TABLE rate_limits (
    provider          text PRIMARY KEY,
    recent            jsonb NOT NULL DEFAULT '[]',
    observed_requests integer,
    observed_tokens   bigint,
    observed_at       timestamptz,
    paused_until      timestamptz
);

-- plpgsql so that it is asked anew for each claim: an inlined EXISTS may be answered from a list made once.
CREATE FUNCTION embedding_session_alive(session integer) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 1297044050 AND objid = session::oid AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    );
END
$$;
