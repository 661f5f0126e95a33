-- The chunks as a space with context sees them: the same passage is another input in another context, and so has another
-- hash, the key of its vector. Of spaces that embed each passage by itself there is nothing here.
CREATE TABLE chunks_in_context (
    -- As Space.context has it: 'titles', or 'chapter' and the word pieces that are embedded together at most.
    context       text NOT NULL,
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    chapter       integer NOT NULL,
    ordinal       integer NOT NULL,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    passage_hash  bytea NOT NULL,
    -- What is embedded together has the same.
    window_hash   bytea,
    PRIMARY KEY (context, novel_id, chapter, ordinal)
);
CREATE INDEX chunks_in_context_content_hash ON chunks_in_context (content_hash, novel_id, chapter);
CREATE INDEX chunks_in_context_passage_hash ON chunks_in_context (passage_hash, novel_id, chapter);

-- Which contexts there are: who changes the chunks of a novel keeps it in step for these.
ALTER TABLE embedding_spaces ADD COLUMN context text NOT NULL DEFAULT '';
