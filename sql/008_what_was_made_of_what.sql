-- By which rules each stage was made and from what, so that what is the same is not made again. Nothing is known of
-- the rows that are there already: their next run makes them anew.
ALTER TABLE novels
    ADD COLUMN reader text,
    ADD COLUMN chapters_rules text,
    ADD COLUMN chapters_text text,
    ADD COLUMN chapters_rows text,
    ADD COLUMN chunks_text text;

-- The chapters as they were cut into chunks: an equal one is not cut again, wherever an edit has moved it.
CREATE TABLE cut_chapters (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    chapter       integer NOT NULL,
    char_start    integer NOT NULL,
    char_end      integer NOT NULL CHECK (char_end >= char_start),
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    first_chunk   integer NOT NULL,
    chunks        integer NOT NULL,
    tokens        bigint NOT NULL,
    PRIMARY KEY (novel_id, chapter)
);
