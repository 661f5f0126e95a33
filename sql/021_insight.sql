-- What the insight assets find in stored texts and vectors. All of it is made anew from those, and goes with the novel.

CREATE TABLE characters (
    novel_id   integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    name       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('person', 'place', 'unknown')),
    gender     text NOT NULL,
    confirmed  boolean NOT NULL,
    mentions   integer NOT NULL,
    -- Each form of the name with how often it stands, and each chapter's ordinal with the mentions in it.
    aliases    jsonb NOT NULL,
    chapters   jsonb NOT NULL,
    -- Paths of reference pictures in the novel's panel folder, tagged by a person.
    panels     text[] NOT NULL,
    -- Characters of the novel's text: where each mention begins and ends.
    starts     integer[] NOT NULL,
    ends       integer[] NOT NULL,
    PRIMARY KEY (novel_id, name)
);

CREATE TABLE character_looks (
    novel_id     integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    ordinal      integer NOT NULL,
    character    text NOT NULL,
    part         text NOT NULL,
    attribute    text NOT NULL,
    chapter      integer NOT NULL,
    char_start   integer NOT NULL,
    char_end     integer NOT NULL,
    sentence     text NOT NULL,
    sure         boolean NOT NULL,
    contradicts  text NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);

-- The mean vector of a novel's passages in one text space, by which novels are compared.
CREATE TABLE novel_means (
    space_id  integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    novel_id  integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    passages  integer NOT NULL,
    mean      real[] NOT NULL,
    PRIMARY KEY (space_id, novel_id)
);
CREATE INDEX novel_means_novel ON novel_means (novel_id);

CREATE TABLE training_pairs (
    novel_id      integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    ordinal       integer NOT NULL,
    -- What is asked, the hash of the passage that answers, and those of passages that are near and do not.
    question      text NOT NULL,
    kind          text NOT NULL,
    content_hash  bytea NOT NULL,
    chapter       integer NOT NULL,
    negatives     bytea[] NOT NULL,
    PRIMARY KEY (novel_id, ordinal)
);
