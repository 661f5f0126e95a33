-- What the schedules launched and announced: the budget of a night, and the first look before anything is deleted.

CREATE TABLE reembeddings (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space_key     text NOT NULL,
    reason        text NOT NULL,
    backfill_id   text NOT NULL,
    novels        integer NOT NULL,
    inputs        bigint NOT NULL,
    tokens        bigint NOT NULL,
    cost          numeric(14, 8),
    launched_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reembeddings_launched_at ON reembeddings (launched_at);

-- A deletion is announced once before it is done; the row is the announcement.
CREATE TABLE announcements (
    action        text NOT NULL,
    space_key     text NOT NULL,
    announced_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (action, space_key)
);

-- Each measurement of whether a provider still gives the vectors it gave before.
CREATE TABLE drift_measurements (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space_id       integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    inputs         integer NOT NULL,
    lowest_cosine  double precision NOT NULL,
    measured_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX drift_measurements_latest ON drift_measurements (space_id, measured_at);
