-- Jobs of the providers' batch APIs: cheaper, and answered within hours. The row is there before anything is sent, so
-- that whoever finds it after a crash knows what may be on its way.
CREATE TABLE batch_jobs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    -- Our own name for it, given to the provider with the job: it finds one whose id could not be stored.
    token         text NOT NULL UNIQUE,
    state         text NOT NULL DEFAULT 'preparing'
                  CHECK (state IN ('preparing', 'submitting', 'submitted', 'collected', 'ended')),
    reason        text NOT NULL,
    novels        text[] NOT NULL DEFAULT '{}',
    inputs        integer NOT NULL DEFAULT 0,
    tokens        bigint NOT NULL DEFAULT 0,
    cost          numeric(14, 8),
    input_file    text,
    -- The provider's id.
    job           text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    submitted_at  timestamptz,
    -- When the provider promises to have answered.
    deadline      timestamptz,
    cancelled_at  timestamptz,
    stored        integer NOT NULL DEFAULT 0,
    outcome       text NOT NULL DEFAULT '',
    ended_at      timestamptz
);
CREATE INDEX batch_jobs_open ON batch_jobs (id) WHERE state <> 'ended';

-- What belongs to a job that has not ended. Nobody else asks for it meanwhile; unlike a claim it outlives every process.
CREATE TABLE batched_inputs (
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    batch_id      bigint NOT NULL REFERENCES batch_jobs ON DELETE CASCADE,
    PRIMARY KEY (space_id, content_hash)
);
CREATE INDEX batched_inputs_batch ON batched_inputs (batch_id);
