-- What the HTTP API and its jobs keep: results of generate_embedding, launched jobs, provider keys, uploaded pictures.

-- One row per run: `embeddings` holds float32 little-endian, row after row, `inputs` × `dimensions` numbers.
CREATE TABLE embedding_results (
    run_id        text PRIMARY KEY,
    space_key     text NOT NULL,
    model         text NOT NULL,
    input_type    text NOT NULL,
    inputs        integer NOT NULL CHECK (inputs > 0),
    dimensions    integer NOT NULL CHECK (dimensions > 0),
    total_tokens  bigint NOT NULL,
    embeddings    bytea NOT NULL CHECK (octet_length(embeddings) = 4 * inputs * dimensions),
    created_at    timestamptz NOT NULL DEFAULT now()
);
-- Compressing floats costs time and gains nothing.
ALTER TABLE embedding_results ALTER COLUMN embeddings SET STORAGE EXTERNAL;
CREATE INDEX embedding_results_created_at ON embedding_results (created_at);

-- What a job had to do when it was launched, so that its progress can be told.
CREATE TABLE api_jobs (
    job_id          text PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('embed_novels', 'generate_embedding')),
    novels          text[] NOT NULL DEFAULT '{}',
    space_key       text,
    done_before     bigint NOT NULL DEFAULT 0,
    tokens_before   bigint NOT NULL DEFAULT 0,
    spending_before bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- AES-256-GCM under a master key that is never stored here; `master` tells which one (the head of its sha256).
CREATE TABLE provider_keys (
    provider    text PRIMARY KEY,
    master      text NOT NULL,
    nonce       bytea NOT NULL CHECK (octet_length(nonce) = 12),
    ciphertext  bytea NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Pictures that were embedded over HTTP and are no panels: their vectors are not orphans.
CREATE TABLE kept_pictures (
    content_hash  bytea PRIMARY KEY CHECK (octet_length(content_hash) = 32),
    file_name     text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
