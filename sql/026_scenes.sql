-- Which scene a panel shows: the sentences of novels that have panels, their vectors by the text tower of an image space,
-- and what came of the comparison; and the pictures that are like a character's reference pictures.

CREATE TABLE scene_sentences (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    ordinal       integer NOT NULL,
    chapter       integer NOT NULL,
    -- Characters of the novel's text.
    char_start    integer NOT NULL,
    char_end      integer NOT NULL,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    -- As it is embedded: in one line.
    body          text NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);
CREATE INDEX scene_sentences_hash ON scene_sentences (content_hash);

-- Apart from the space's own table: a search for panels, which an index answers, must not find sentences.
CREATE TABLE sentence_vectors (
    space_id      integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    content_hash  bytea NOT NULL,
    embedding     halfvec NOT NULL,
    PRIMARY KEY (space_id, content_hash)
);
ALTER TABLE sentence_vectors ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE TABLE scene_matches (
    novel_id  integer PRIMARY KEY REFERENCES novels ON DELETE CASCADE,
    space_id  integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    -- Ordinals of the chapters that were compared; `panel_scenes.scores` has one number for each.
    chapters  integer[] NOT NULL,
    -- Whether the panels follow the chapters, so that their order decided.
    aligned   boolean NOT NULL
);
CREATE INDEX scene_matches_space ON scene_matches (space_id);

CREATE TABLE panel_scenes (
    novel_id      integer NOT NULL REFERENCES scene_matches ON DELETE CASCADE,
    -- The panel's place in reading order.
    ordinal       integer NOT NULL,
    page_id       bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    region        integer NOT NULL,
    content_hash  bytea NOT NULL,
    chapter       integer NOT NULL,
    char_start    integer NOT NULL,
    char_end      integer NOT NULL,
    sentence      text NOT NULL,
    similarity    real NOT NULL,
    confirmed     boolean NOT NULL,
    scores        real[] NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);
CREATE INDEX panel_scenes_page ON panel_scenes (page_id);

CREATE TABLE character_panels (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    character     text NOT NULL,
    -- 1, 2, …, those that are least like the reference pictures first.
    ordinal       integer NOT NULL,
    page_id       bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    region        integer NOT NULL,
    content_hash  bytea NOT NULL,
    likeness      real NOT NULL,
    reference     boolean NOT NULL,
    PRIMARY KEY (novel_id, character, ordinal)
);
CREATE INDEX character_panels_page ON character_panels (page_id);
