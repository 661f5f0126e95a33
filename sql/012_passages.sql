-- A passage is stored once, by the hash of its text, and never moved; a chunk says where in which chapter it stands.
-- Chapters alone know where in the novel: an edit writes the chunks of its own chapter, and one row for each later one.

CREATE TABLE passages (
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    body          text NOT NULL,
    token_count   integer NOT NULL,
    -- The text search configuration that `tsv` was made by: that of the first novel that has the passage.
    config        text NOT NULL,
    tsv           tsvector NOT NULL
);

ALTER TABLE chunks RENAME TO chunks_before;
ALTER INDEX chunks_pkey RENAME TO chunks_before_pkey;
ALTER INDEX chunks_content_hash RENAME TO chunks_before_content_hash;
ALTER TABLE chunks_before RENAME CONSTRAINT chunks_novel_id_fkey TO chunks_before_novel_id_fkey;

CREATE TABLE chunks (
    novel_id      integer NOT NULL,
    chapter       integer NOT NULL,
    -- From 1 within the chapter, as the characters are from 0.
    ordinal       integer NOT NULL,
    char_start    integer NOT NULL CHECK (char_start >= 0),
    char_end      integer NOT NULL CHECK (char_end > char_start),
    content_hash  bytea NOT NULL
);

-- The chapters that the chunks were cut from, in order, with the sha256 of each one's text and the number of its chunks;
-- and a mark of where the chapters stood in the text then.
ALTER TABLE novels
    ADD COLUMN chunked_chapters integer[],
    ADD COLUMN chunked_digests bytea[],
    ADD COLUMN chunked_counts integer[],
    ADD COLUMN chunks_chapters text;

-- What is there is carried over: the words as they stand, so that no text is parsed again.
INSERT INTO passages (content_hash, body, token_count, config, tsv)
SELECT c.content_hash, c.body, c.token_count, coalesce(n.chunks_config, n.text_config), c.tsv
FROM chunks_before c JOIN novels n ON n.id = c.novel_id
WHERE NOT EXISTS (SELECT FROM chunks_before b
                  WHERE b.content_hash = c.content_hash AND (b.novel_id, b.ordinal) < (c.novel_id, c.ordinal));

INSERT INTO chunks (novel_id, chapter, ordinal, char_start, char_end, content_hash)
SELECT novel_id, chapter, row_number() OVER (PARTITION BY novel_id, chapter ORDER BY ordinal),
       char_start - chapter_start, char_end - chapter_start, content_hash
FROM (SELECT c.novel_id, c.chapter, c.ordinal, c.char_start, c.char_end, c.content_hash,
             -- The chapters of a text that was read since, and not cut yet, may begin elsewhere.
             least(coalesce(k.char_start, h.char_start), min(c.char_start) OVER (PARTITION BY c.novel_id, c.chapter))
                 AS chapter_start
      FROM chunks_before c
      LEFT JOIN cut_chapters k ON k.novel_id = c.novel_id AND k.chapter = c.chapter
      LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter) placed
ORDER BY novel_id, chapter, ordinal;

UPDATE novels
SET chunked_chapters = k.chapters, chunked_digests = k.digests, chunked_counts = k.counts, chunks_chapters = k.mark
FROM (SELECT novel_id, array_agg(chapter ORDER BY chapter) AS chapters,
             array_agg(content_hash ORDER BY chapter) AS digests, array_agg(chunks ORDER BY chapter) AS counts,
             md5(string_agg(concat_ws(',', chapter, char_start, char_end), ';' ORDER BY chapter)) AS mark
      FROM cut_chapters GROUP BY novel_id) k
WHERE k.novel_id = novels.id;

DROP TABLE chunks_before, cut_chapters;

-- Tokens are summed over novels without reading a text.
ALTER TABLE passages ADD CONSTRAINT passages_pkey PRIMARY KEY (content_hash) INCLUDE (token_count);
ALTER TABLE chunks
    ADD CONSTRAINT chunks_pkey PRIMARY KEY (novel_id, chapter, ordinal),
    ADD CONSTRAINT chunks_novel_id_fkey FOREIGN KEY (novel_id) REFERENCES novels ON DELETE CASCADE,
    ADD CONSTRAINT chunks_passage FOREIGN KEY (content_hash) REFERENCES passages;
-- Where a passage occurs, within some novels or chapters too, is told by the index alone.
CREATE INDEX chunks_content_hash ON chunks (content_hash, novel_id, chapter);
-- Words are gathered in a short pending list: three times as fast, and a search reads at most 1 MB more.
CREATE INDEX passages_tsv ON passages USING gin (tsv) WITH (fastupdate = on, gin_pending_list_limit = 1024);
DO $$
BEGIN
    IF EXISTS (SELECT FROM chunks) THEN
        ANALYZE passages, chunks;
    END IF;
END
$$;

-- Deletes those of some passages that no chunk refers to. What another transaction is about to refer to is locked by it
-- and left. Two statements: the second sees who referred to a passage before the first had locked it.
CREATE FUNCTION delete_unused_passages(hashes bytea[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    unused bytea[];
    deleted integer;
BEGIN
    unused := ARRAY(
        SELECT p.content_hash FROM passages p
        WHERE p.content_hash = ANY(hashes) AND NOT EXISTS (SELECT FROM chunks c WHERE c.content_hash = p.content_hash)
        ORDER BY p.content_hash FOR UPDATE SKIP LOCKED);
    DELETE FROM passages p
    WHERE p.content_hash = ANY(unused) AND NOT EXISTS (SELECT FROM chunks c WHERE c.content_hash = p.content_hash);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Chunks as a reader of the novel counts them: through the whole novel, with their text.
CREATE VIEW novel_chunks AS
SELECT c.novel_id, row_number() OVER (PARTITION BY c.novel_id ORDER BY c.chapter, c.ordinal) AS ordinal, c.chapter,
       coalesce(h.char_start, 0) + c.char_start AS char_start, coalesce(h.char_start, 0) + c.char_end AS char_end,
       p.token_count, c.content_hash, p.body, p.config, p.tsv
FROM chunks c
JOIN passages p USING (content_hash)
LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter;
