-- Pages and regions. A page is one picture: a file, or an entry of an archive, PDF or EPUB. Its regions (itself, its
-- panels, pieces of a strip, tiles) are what image models see since shaping 2; vectors hang on their hashes. A space
-- made before sees whole files (shaping 1); both are in the view `panels`, so that such a space answers, and is fed,
-- until it is replaced.

ALTER TABLE panels RENAME TO pages;
ALTER INDEX panels_content_hash RENAME TO pages_content_hash;
ALTER INDEX panels_novel_hash RENAME TO pages_novel_hash;
ALTER TABLE pages RENAME CONSTRAINT panels_pkey TO pages_by_path;
ALTER TABLE pages DROP CONSTRAINT pages_by_path;
ALTER TABLE pages
    ADD COLUMN id         bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN entry      text NOT NULL DEFAULT '',
    ADD COLUMN ordinal    integer NOT NULL DEFAULT 0,
    ADD COLUMN role       text NOT NULL DEFAULT '',
    ADD COLUMN direction  text NOT NULL DEFAULT 'ltr' CHECK (direction IN ('ltr', 'rtl')),
    ADD COLUMN spread     boolean NOT NULL DEFAULT false,
    ADD COLUMN frames     integer[] NOT NULL DEFAULT '{}',
    -- What its regions were made of: the cutter's version and all that it was told; NULL before they are made.
    ADD COLUMN cut_of     text,
    ADD COLUMN doubts     text[] NOT NULL DEFAULT '{}',
    -- When its row was last written: the run that writes it also cuts it, within the hour.
    ADD COLUMN written_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE pages ALTER COLUMN written_at SET DEFAULT now();
ALTER TABLE pages ADD CONSTRAINT pages_pkey PRIMARY KEY (id);
ALTER TABLE pages ADD CONSTRAINT pages_place UNIQUE (novel_id, path, entry);
CREATE INDEX pages_cut_version ON pages (novel_id, (split_part(cut_of, ' ', 1)), written_at) WHERE state = 'stored';

UPDATE pages p SET ordinal = n.place
FROM (SELECT id, row_number() OVER (PARTITION BY novel_id ORDER BY path) AS place FROM pages) n WHERE n.id = p.id;

CREATE TABLE regions (
    page_id       bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    ordinal       integer NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('page', 'panel', 'piece', 'tile', 'given')),
    x0            integer NOT NULL,
    y0            integer NOT NULL,
    x1            integer NOT NULL CHECK (x1 > x0),
    y1            integer NOT NULL CHECK (y1 > y0),
    confidence    real NOT NULL,
    cutter        text NOT NULL,
    content_hash  bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    PRIMARY KEY (page_id, ordinal)
);
CREATE INDEX regions_content_hash ON regions (content_hash);

-- What there is to embed and to find, by shaping. A page that is still to be cut stands for its regions as `uncut`, so
-- that no space counts as whole without them.
CREATE VIEW panels AS
SELECT p.id AS page_id, p.novel_id, p.path, p.entry, p.ordinal AS page, p.state, p.reason, p.format, p.mode,
       p.size_bytes, p.treatments, p.width AS page_width, p.height AS page_height, p.content_hash AS page_hash,
       s.shaping, s.region, s.kind, s.x0, s.y0, s.x1, s.y1, s.x1 - s.x0 AS width, s.y1 - s.y0 AS height, s.content_hash
FROM (
    SELECT id AS page_id, 1 AS shaping, 0 AS region, 'page' AS kind, 0 AS x0, 0 AS y0, width AS x1, height AS y1,
           content_hash
    FROM pages
    UNION ALL
    SELECT page_id, 2, ordinal, kind, x0, y0, x1, y1, content_hash FROM regions
    UNION ALL
    SELECT id, 2, 0, 'uncut', 0, 0, width, height, content_hash FROM pages WHERE cut_of IS NULL AND state = 'stored'
) s JOIN pages p ON p.id = s.page_id;
