-- A strip may come in several files: a piece begins in one page and goes on in the pages that follow, so that its box is
-- lower than its page. `edges` are the first and last row of a page in 32 greys each, which tell whether a picture goes
-- on; '' for pages that were read before, and for strips that are read in bands.
ALTER TABLE pages ADD COLUMN edges bytea NOT NULL DEFAULT '';

-- What an archive, EPUB or PDF says of itself (ComicInfo.xml, ACBF, package and document data). The path '' stands for a
-- ComicInfo.xml beside the pages of a folder.
CREATE TABLE comic_books (
    novel_id  integer NOT NULL REFERENCES novels ON DELETE CASCADE,
    path      text NOT NULL,
    title     text,
    series    text,
    number    text,
    volume    text,
    writer    text,
    language  text,
    direction text CHECK (direction IN ('ltr', 'rtl')),
    PRIMARY KEY (novel_id, path)
);

CREATE OR REPLACE VIEW panels AS
SELECT p.id AS page_id, p.novel_id, p.path, p.entry, p.ordinal AS page, p.state, p.reason, p.format, p.mode,
       p.size_bytes, p.treatments, p.width AS page_width, p.height AS page_height, p.content_hash AS page_hash,
       s.shaping, s.region, s.kind, s.x0, s.y0, s.x1, s.y1, s.x1 - s.x0 AS width, s.y1 - s.y0 AS height, s.content_hash,
       -- Where a region goes on: [path, entry, hash in hex] of the pages behind its own, NULL for most.
       CASE WHEN s.y1 > p.height THEN (
           SELECT json_agg(json_build_array(f.path, f.entry, encode(f.content_hash, 'hex')) ORDER BY f.ordinal)
           FROM (SELECT path, entry, content_hash, ordinal FROM pages q
                 WHERE q.novel_id = p.novel_id AND q.ordinal > p.ordinal AND q.state = 'stored'
                 ORDER BY q.ordinal LIMIT 32) f)
       END AS following
FROM (
    SELECT id AS page_id, 1 AS shaping, 0 AS region, 'page' AS kind, 0 AS x0, 0 AS y0, width AS x1, height AS y1,
           content_hash
    FROM pages
    UNION ALL
    SELECT page_id, 2, ordinal, kind, x0, y0, x1, y1, content_hash FROM regions
    UNION ALL
    SELECT id, 2, 0, 'uncut', 0, 0, width, height, content_hash FROM pages WHERE cut_of IS NULL AND state = 'stored'
) s JOIN pages p ON p.id = s.page_id;
