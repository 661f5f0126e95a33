-- What was read from the content folder. A row of `novels` stands for one partition: a text, panels, or both.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE novels (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    novel           text NOT NULL UNIQUE CHECK (novel <> ''),
    title           text,
    author          text,
    language        text NOT NULL DEFAULT 'und',
    text_config     text NOT NULL DEFAULT 'simple',
    format          text,
    encoding        text,
    repairs         text[] NOT NULL DEFAULT '{}',
    source_path     text,
    source_digest   text,
    hints           jsonb NOT NULL DEFAULT '[]',
    body            text,
    body_length     integer NOT NULL DEFAULT 0,
    body_digest     text,
    chunker         text,
    chunks_config   text,
    panels_digest   text,
    refused_path    text,
    refused_digest  text,
    refused_reason  text,
    refused_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chapters (
    novel_id    integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    ordinal     integer NOT NULL,
    title       text NOT NULL,
    kind        text NOT NULL,
    char_start  integer NOT NULL,
    char_end    integer NOT NULL CHECK (char_end >= char_start),
    line        integer NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);

CREATE TABLE chunks (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    ordinal       integer NOT NULL,
    chapter       integer NOT NULL,
    char_start    integer NOT NULL,
    char_end      integer NOT NULL CHECK (char_end > char_start),
    token_count   integer NOT NULL,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    body          text NOT NULL,
    tsv           tsvector NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);
CREATE INDEX chunks_content_hash ON chunks (content_hash);
CREATE INDEX chunks_novel_hash ON chunks (novel_id, content_hash);
-- fastupdate off: a pending list makes every search scan it, and only the loader writes here.
CREATE INDEX chunks_tsv ON chunks USING gin (tsv) WITH (fastupdate = off);

CREATE TABLE panels (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    path          text NOT NULL,
    state         text NOT NULL CHECK (state IN ('stored', 'refused')),
    reason        text CHECK ((state = 'refused') = (reason IS NOT NULL)),
    content_hash  bytea CHECK (octet_length(content_hash) = 32),
    format        text,
    mode          text,
    width         integer,
    height        integer,
    size_bytes    bigint NOT NULL,
    treatments    text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (novel_id, path),
    CHECK (state = 'refused' OR content_hash IS NOT NULL)
);
CREATE INDEX panels_content_hash ON panels (content_hash);
CREATE INDEX panels_novel_hash ON panels (novel_id, content_hash);

-- What the sensors saw last, so that an unchanged file is neither read nor hashed again.
CREATE TABLE source_files (
    kind         text NOT NULL CHECK (kind IN ('text', 'panel')),
    path         text NOT NULL,
    novel        text NOT NULL,
    size_bytes   bigint NOT NULL,
    mtime_ns     bigint NOT NULL,
    digest       text,
    observed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, path)
);

-- Source files that vanished while what was read from them is still stored.
CREATE TABLE tombstones (
    novel       text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('text', 'panel')),
    path        text NOT NULL,
    noticed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (novel, kind, path)
);
