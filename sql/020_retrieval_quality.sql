-- Questions with known answers, what each space found for them, and which space finds worse than the one that answers.

CREATE TABLE questions (
    file       text NOT NULL,
    ordinal    integer NOT NULL,
    question   text NOT NULL CHECK (question <> ''),
    novel      text NOT NULL,
    chapters   integer[] NOT NULL,
    quotation  text NOT NULL,
    kind       text NOT NULL,
    PRIMARY KEY (file, ordinal)
);

-- `outcomes` holds, for each question, its kind, novel and the places of its answer; `questions_digest` tells which
-- questions were asked.
CREATE TABLE retrieval_quality (
    space_id          integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    measured_at       timestamptz NOT NULL DEFAULT now(),
    questions_digest  text NOT NULL,
    outcomes          jsonb NOT NULL,
    PRIMARY KEY (space_id, measured_at)
);

-- Whether a space that is to answer was found worse, and in place of which one; asked again for other questions.
CREATE TABLE switch_verdicts (
    space_id          integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    against_id        integer NOT NULL REFERENCES embedding_spaces ON DELETE CASCADE,
    questions_digest  text NOT NULL,
    is_worse          boolean NOT NULL,
    reason            text NOT NULL,
    decided_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, against_id)
);
