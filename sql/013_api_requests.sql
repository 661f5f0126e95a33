-- What the HTTP API keeps for a while: which request with which key launched which job, and the texts of jobs.

-- A request with the same key gets the same job. Without a job it is under way, or its process ended in the middle: then
-- the tag of the run in Dagster, the digest, tells whether it was launched.
CREATE TABLE request_keys (
    digest       bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    body_digest  bytea NOT NULL CHECK (octet_length(body_digest) = 32),
    job_id       text,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX request_keys_expires_at ON request_keys (expires_at);

-- Dagster keeps the configuration of a run for ever and shows it to everybody: it names this row instead.
CREATE TABLE job_inputs (
    reference   text PRIMARY KEY,
    inputs      text[] NOT NULL CHECK (cardinality(inputs) > 0),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX job_inputs_expires_at ON job_inputs (expires_at);

-- Texts whose vectors were asked for over HTTP to be stored, and that are no passages: they are not orphans.
CREATE TABLE kept_texts (
    content_hash  bytea PRIMARY KEY CHECK (octet_length(content_hash) = 32),
    created_at    timestamptz NOT NULL DEFAULT now()
);
