-- Novels ------------------------------------------------------------------------------------------------------------

-- name: lock_novel
SELECT pg_advisory_xact_lock(hashtextextended('novel ' || %(novel)s, 0))

-- name: find_novel
SELECT id, source_digest FROM novels WHERE novel = %(novel)s

-- name: add_novel
INSERT INTO novels (novel) VALUES (%(novel)s) ON CONFLICT DO NOTHING

-- name: upsert_novel
INSERT INTO novels (novel, reader, title, author, language, text_config, format, encoding, repairs,
                    source_path, source_digest, hints, body, body_length, body_digest)
VALUES (%(novel)s, %(reader)s, %(title)s, %(author)s, %(language)s,
        coalesce((SELECT cfgname::text FROM pg_ts_config WHERE cfgname = %(text_config)s LIMIT 1), 'simple'),
        %(format)s, %(encoding)s, %(repairs)s, %(source_path)s, %(source_digest)s, %(hints)s, %(body)s, %(body_length)s, %(body_digest)s)
ON CONFLICT (novel) DO UPDATE
SET title = excluded.title, author = excluded.author, language = excluded.language, text_config = excluded.text_config,
    format = excluded.format, encoding = excluded.encoding, repairs = excluded.repairs,
    source_path = excluded.source_path, source_digest = excluded.source_digest, hints = excluded.hints,
    body = excluded.body, body_length = excluded.body_length, body_digest = excluded.body_digest,
    reader = excluded.reader,
    refused_path = NULL, refused_digest = NULL, refused_reason = NULL, refused_at = NULL, updated_at = now()
WHERE (novels.title, novels.author, novels.language, novels.text_config, novels.format, novels.encoding, novels.repairs,
       novels.source_path, novels.source_digest, novels.hints, novels.body, novels.body_length, novels.body_digest)
      IS DISTINCT FROM
      (excluded.title, excluded.author, excluded.language, excluded.text_config, excluded.format, excluded.encoding,
       excluded.repairs, excluded.source_path, excluded.source_digest, excluded.hints, excluded.body,
       excluded.body_length, excluded.body_digest)
   OR novels.refused_reason IS NOT NULL

-- name: set_reader
UPDATE novels SET reader = %(reader)s WHERE novel = %(novel)s AND reader IS DISTINCT FROM %(reader)s

-- name: stored_text
SELECT n.title, n.author, n.language, n.format, n.encoding, n.repairs, n.source_path, n.source_digest, n.body_digest,
       n.body_length AS characters, md5(concat_ws(' ', n.body_digest, n.hints::text)) AS mark, {read} AS read,
       ARRAY(SELECT cfgname::text FROM pg_ts_config) AS configs, (SELECT count(*) FROM novels) AS table_rows,
       n.text_config, n.chapters_rules, n.chapters_text, coalesce(n.chapters_rows = {rows}, false) AS chapters_whole,
       n.chunker, n.chunks_text, {chunks_whole} AS chunks_whole
FROM novels n WHERE n.novel = %(novel)s AND n.body IS NOT NULL

-- name: any_text
true

-- name: read_unchanged
-- The text itself is hashed: one that was changed by hand is not what the file holds.
n.source_path = %(path)s AND n.source_digest = %(digest)s AND n.reader = %(reader)s AND n.refused_reason IS NULL
AND n.body_length = length(n.body) AND encode(sha256(convert_to(n.body, 'UTF8')), 'hex') = n.body_digest

-- name: refuse_novel
INSERT INTO novels (novel, refused_path, refused_digest, refused_reason, refused_at)
VALUES (%(novel)s, %(path)s, %(digest)s, %(reason)s, now())
ON CONFLICT (novel) DO UPDATE
SET refused_path = excluded.refused_path, refused_digest = excluded.refused_digest,
    refused_reason = excluded.refused_reason, refused_at = now()

-- name: load_novel
SELECT novel, title, author, language, format, encoding, repairs, source_path, source_digest, hints, body AS text,
       body_digest, reader
FROM novels WHERE novel = %(novel)s AND body IS NOT NULL

-- name: load_novel_with_chapters
SELECT novel, title, author, language, format, encoding, repairs, source_path, source_digest, hints, body AS text,
       body_digest, reader,
       (SELECT json_agg(json_build_array(ordinal, title, char_start, char_end, line, kind) ORDER BY ordinal)
        FROM chapters WHERE novel_id = n.id) AS chapters
FROM novels n WHERE novel = %(novel)s

-- name: list_novels
SELECT n.novel, n.title, n.author, n.language, n.format, n.encoding, n.repairs, n.source_path, n.source_digest,
       n.body_digest, n.body_length AS characters, n.chunker, n.panels_digest,
       n.refused_path, n.refused_digest, n.refused_reason,
       (SELECT count(*) FROM chapters c WHERE c.novel_id = n.id AND c.kind NOT IN ('front', 'back')) AS chapters,
       coalesce(k.chunks, 0) AS chunks, coalesce(k.tokens, 0) AS tokens,
       coalesce(p.panels, 0) AS panels, coalesce(p.refused_panels, 0) AS refused_panels, n.updated_at
FROM novels n
LEFT JOIN LATERAL (SELECT count(*) AS chunks, sum(p.token_count)::bigint AS tokens
                   FROM chunks c JOIN passages p USING (content_hash) WHERE c.novel_id = n.id) k ON true
LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'stored') AS panels,
                          count(*) FILTER (WHERE state = 'refused') AS refused_panels
                   FROM pages q WHERE q.novel_id = n.id) p ON true
WHERE %(novels)s::text[] IS NULL OR n.novel = ANY(%(novels)s)
ORDER BY n.novel

-- name: refused_texts
SELECT refused_reason FROM novels WHERE refused_reason IS NOT NULL ORDER BY novel

-- name: delete_novel
DELETE FROM novels WHERE novel = %(novel)s

-- name: refused_before
SELECT true FROM novels WHERE novel = %(novel)s AND refused_digest = %(digest)s AND body_digest IS NOT NULL

-- name: texts_beside
SELECT novel FROM novels WHERE body_digest IS NOT NULL AND novel <> ALL(%(known)s::text[]) ORDER BY novel

-- name: panels_beside
SELECT novel FROM novels n
WHERE novel <> ALL(%(known)s::text[]) AND EXISTS (SELECT FROM pages p WHERE p.novel_id = n.id)
ORDER BY novel

-- name: without_text
SELECT novel
FROM unnest(%(known)s::text[]) AS known (novel)
WHERE NOT EXISTS (SELECT FROM novels n WHERE n.novel = known.novel AND n.body_digest IS NOT NULL)
ORDER BY novel

-- name: without_panels
SELECT novel
FROM unnest(%(known)s::text[]) AS known (novel)
WHERE NOT EXISTS (SELECT FROM novels n JOIN pages p ON p.novel_id = n.id WHERE n.novel = known.novel)
ORDER BY novel

-- name: delete_source_files_of_novel
DELETE FROM source_files WHERE novel = %(novel)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)

-- name: delete_tombstones_of_novel
DELETE FROM tombstones WHERE novel = %(novel)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)

-- name: set_novel_aside
-- Under a name that no novel can have.
UPDATE novels n SET novel = novel || chr(10)
WHERE novel = %(novel)s AND EXISTS (SELECT FROM pages p WHERE p.novel_id = n.id)

-- name: add_novel_of_pages
INSERT INTO novels (novel, panels_digest) SELECT %(novel)s, panels_digest FROM novels WHERE novel = %(aside)s
RETURNING id

-- name: move_pages
UPDATE pages SET novel_id = %(number)s WHERE novel_id = (SELECT id FROM novels WHERE novel = %(aside)s)

-- name: move_comic_books
UPDATE comic_books SET novel_id = %(number)s WHERE novel_id = (SELECT id FROM novels WHERE novel = %(aside)s)

-- name: ingested_digests
SELECT novel, CASE WHEN chunks_of = source_digest THEN source_digest END, refused_digest, panels_digest FROM novels

-- name: stored_stages
-- How far the next novels behind a name are stored: a text, all that is cut of it; pages, and all that is cut of them.
SELECT n.novel, n.body_digest IS NOT NULL AS text, coalesce(n.chunks_of = n.source_digest, false) AS chunks,
       n.panels_digest IS NOT NULL AND EXISTS (SELECT FROM pages p WHERE p.novel_id = n.id) AS pages,
       NOT EXISTS (SELECT FROM pages p WHERE p.novel_id = n.id AND p.state = 'stored' AND p.cut_of IS NULL) AS cut
FROM novels n WHERE n.novel > %(after)s ORDER BY n.novel LIMIT %(limit)s

-- name: content_version
SELECT md5(coalesce((SELECT string_agg(concat_ws(',', novel, body_digest, chunker, panels_digest), ';' ORDER BY id)
                     FROM novels), '')
           || coalesce((SELECT string_agg(purpose || space_id, ';' ORDER BY purpose) FROM active_spaces), '')
           || coalesce((SELECT id::text FROM spending WHERE novel IS NOT NULL ORDER BY id DESC LIMIT 1), ''))

-- name: text_piece
SELECT novel, title, least(%(start)s, body_length) AS char_start, least(%(end)s, body_length) AS char_end,
       body_length AS length, substr(body, %(start)s + 1, %(size)s) AS text
FROM novels WHERE novel = %(novel)s AND body IS NOT NULL


-- Chapters ----------------------------------------------------------------------------------------------------------

-- name: novel_of_source
-- The novel, while its text is of the source that is being worked on; else nothing is written.
SELECT id FROM novels WHERE novel = %(novel)s AND (%(digest)s::text IS NULL OR source_digest = %(digest)s)

-- name: write_chapters
-- Equal rows are left out before the insert: ON CONFLICT … WHERE would leave them, but still lock and mark each.
INSERT INTO chapters (novel_id, ordinal, title, kind, char_start, char_end, line)
SELECT n.id, s.ordinal, s.title, s.kind, s.char_start, s.char_end, s.line
FROM ({novel}) n
CROSS JOIN json_to_recordset(%(rows)s::json) AS s
     (ordinal integer, title text, kind text, char_start integer, char_end integer, line integer)
WHERE NOT EXISTS (
    SELECT FROM chapters t
    WHERE t.novel_id = n.id AND t.ordinal = s.ordinal
      AND (t.title, t.kind, t.char_start, t.char_end, t.line)
          IS NOT DISTINCT FROM (s.title, s.kind, s.char_start, s.char_end, s.line))
ORDER BY s.ordinal
ON CONFLICT (novel_id, ordinal) DO UPDATE
SET title = excluded.title, kind = excluded.kind, char_start = excluded.char_start, char_end = excluded.char_end,
    line = excluded.line

-- name: delete_other_chapters
DELETE FROM chapters WHERE novel_id = ({novel}) AND ordinal <> ALL (%(keys)s::integer[])

-- name: rows_of_chapters
-- Tells rows that were changed by hand; NULL, which equals nothing, where there are none.
(SELECT md5(string_agg(concat_ws(chr(31), ordinal, title, kind, char_start, char_end, line), chr(30) ORDER BY ordinal))
 FROM chapters WHERE novel_id = n.id)

-- name: note_chapters
UPDATE novels n
SET chapters_of = source_digest, chapters_rules = %(rules)s, chapters_text = %(text)s, chapters_rows = {rows}
WHERE id = ({novel})

-- name: keep_chapters
WITH held AS (
    SELECT n.id, n.source_digest,
           coalesce(n.chapters_rules = %(rules)s AND n.chapters_text = %(text)s AND n.chapters_rows = {rows}, false)
               AS hold
    FROM novels n WHERE n.novel = %(novel)s
), kept AS (
    UPDATE novels n SET chapters_of = n.source_digest FROM held
    WHERE n.id = held.id AND held.hold AND n.source_digest = %(digest)s AND n.chapters_of IS DISTINCT FROM n.source_digest
)
SELECT held.source_digest, held.hold, c.ordinal, c.title, c.char_start, c.char_end, c.line, c.kind
FROM held LEFT JOIN chapters c ON c.novel_id = held.id AND held.hold
ORDER BY c.ordinal

-- name: chapters_with_contents
-- With what the table of contents of a file names, without any text.
SELECT n.novel,
       ARRAY(SELECT h ->> 'text' FROM jsonb_array_elements(n.hints) h WHERE h ->> 'source' = 'epub-toc') AS contents,
       (SELECT json_agg(json_build_array(ordinal, title, char_start, char_end, line, kind) ORDER BY ordinal)
        FROM chapters WHERE novel_id = n.id) AS chapters
FROM novels n WHERE n.novel = ANY(%(novels)s::text[])

-- name: chapters_with_source
SELECT n.chapters_of, n.chapters_text, c.ordinal, c.title, c.char_start, c.char_end, c.line, c.kind
FROM novels n LEFT JOIN chapters c ON c.novel_id = n.id
WHERE n.novel = %(novel)s
ORDER BY c.ordinal


-- Passages ----------------------------------------------------------------------------------------------------------

-- name: write_passages
-- In the order of the hashes, else two novels that share some lock each other out. What is there is not parsed again,
-- unless no novel that has it is in its language any more.
INSERT INTO passages (content_hash, body, token_count, config, tsv)
SELECT s.content_hash, s.body, s.token_count, %(config)s::text,
       to_tsvector(%(config)s::text::regconfig, coalesce(s.bigrams, s.body))
FROM unnest(%(hashes)b::bytea[], %(bodies)b::text[], %(token_counts)s::integer[], %(bigrams)b::text[])
     AS s (content_hash, body, token_count, bigrams)
WHERE NOT EXISTS (
    SELECT FROM passages p
    WHERE p.content_hash = s.content_hash
      AND (p.config = %(config)s::text
           OR EXISTS (SELECT FROM chunks c JOIN novels n ON n.id = c.novel_id
                      WHERE c.content_hash = p.content_hash AND n.text_config = p.config)))
ORDER BY s.content_hash
ON CONFLICT (content_hash) DO UPDATE SET config = excluded.config, tsv = excluded.tsv
WHERE passages.config <> excluded.config

-- name: delete_unused_passages
SELECT delete_unused_passages(%(hashes)b)

-- name: unused_passages
SELECT p.content_hash FROM passages p
WHERE NOT EXISTS (SELECT FROM chunks c WHERE c.content_hash = p.content_hash) LIMIT %(limit)s

-- name: passages_in_no_novels_language
SELECT p.content_hash, p.body, p.token_count, min(n.text_config)
FROM passages p JOIN chunks c USING (content_hash) JOIN novels n ON n.id = c.novel_id
WHERE %(hashes)b::bytea[] IS NULL OR p.content_hash = ANY(%(hashes)b)
GROUP BY p.content_hash HAVING bool_and(n.text_config <> p.config)
LIMIT %(limit)s

-- name: passage_body
SELECT body FROM passages p
WHERE content_hash = %(content_hash)s AND EXISTS (SELECT FROM chunks c WHERE c.content_hash = p.content_hash)


-- Chunks ------------------------------------------------------------------------------------------------------------

-- name: stored_chunks
-- What a novel's chunks were cut from, and how many are there: of a chapter only where none is missing between them.
SELECT n.id, n.source_digest, n.text_config, n.chunked_chapters, n.chunked_digests, n.chunked_counts,
       (n.chunker, n.chunks_config) IS NOT DISTINCT FROM (%(chunker)s, n.text_config) AS same_rules,
       {mark} AS chapters_mark, {in_contexts} AS in_contexts,
       found.chapters, found.counts, coalesce(found.chunks, 0)::integer AS chunks
FROM novels n
CROSS JOIN LATERAL (
    SELECT array_agg(chapter) AS chapters, array_agg(CASE WHEN last = chunks THEN chunks ELSE -1 END) AS counts,
           sum(chunks) AS chunks
    FROM (SELECT chapter, count(*) AS chunks, max(ordinal) AS last FROM chunks WHERE novel_id = n.id GROUP BY chapter) c
) found
WHERE n.novel = %(novel)s

-- name: places_of_chapters
(SELECT md5(string_agg(concat_ws(',', ordinal, char_start, char_end), ';' ORDER BY ordinal))
 FROM chapters WHERE novel_id = n.id)

-- name: chunks_whole
-- As many in each chapter as were cut from it, for the language and in the chapters that are stored now.
(coalesce(cardinality(n.chunked_digests) = cardinality(n.chunked_chapters), false)
 AND n.chunks_config IS NOT DISTINCT FROM n.text_config
 AND n.chunks_chapters IS NOT DISTINCT FROM {mark}
 AND NOT EXISTS (
    SELECT FROM (SELECT chapter, count(*) AS chunks, max(ordinal) AS last FROM chunks
                 WHERE novel_id = n.id GROUP BY chapter) c
    FULL JOIN (SELECT * FROM unnest(n.chunked_chapters, n.chunked_counts) AS u (chapter, chunks) WHERE chunks > 0) u
              USING (chapter)
    WHERE c.chunks IS DISTINCT FROM u.chunks OR c.chunks IS DISTINCT FROM c.last))

-- name: chunks_of_chapters
SELECT chapter, ordinal, char_start, char_end, content_hash FROM chunks
WHERE novel_id = %(number)s AND chapter = ANY(%(chapters)s)
ORDER BY chapter, ordinal

-- name: delete_other_chunks
-- All but those of the standing chapters and those that are equal to a new one.
DELETE FROM chunks c
WHERE c.novel_id = %(number)s AND c.chapter <> ALL (%(standing)s::integer[])
  AND NOT EXISTS (
    SELECT FROM unnest(%(chapter)s::integer[], %(ordinal)s::integer[], %(char_start)s::integer[],
                       %(char_end)s::integer[], %(content_hash)b::bytea[])
                AS s (chapter, ordinal, char_start, char_end, content_hash)
    WHERE (s.chapter, s.ordinal, s.char_start, s.char_end, s.content_hash)
          = (c.chapter, c.ordinal, c.char_start, c.char_end, c.content_hash))
RETURNING chapter, ordinal

-- name: add_chunks
INSERT INTO chunks (novel_id, chapter, ordinal, char_start, char_end, content_hash)
SELECT %(number)s, s.*
FROM unnest(%(chapter)s::integer[], %(ordinal)s::integer[], %(char_start)s::integer[], %(char_end)s::integer[],
            %(content_hash)b::bytea[]) AS s
ON CONFLICT DO NOTHING

-- name: note_chunks
WITH cut AS (
    SELECT array_agg(u.chapter ORDER BY u.place) AS chapters, array_agg(u.digest ORDER BY u.place) AS digests,
           array_agg(coalesce(c.chunks, 0)::integer ORDER BY u.place) AS counts
    FROM unnest(%(chapters)s::integer[], %(digests)b::bytea[]) WITH ORDINALITY AS u (chapter, digest, place)
    LEFT JOIN (SELECT chapter, count(*) AS chunks FROM chunks WHERE novel_id = %(number)s GROUP BY chapter) c
              USING (chapter)
)
UPDATE novels
SET chunker = %(chunker)s, chunks_config = %(config)s, chunks_of = source_digest, chunks_text = %(text)s,
    chunks_chapters = %(mark)s, chunked_chapters = coalesce(cut.chapters, '{}'), chunked_digests = coalesce(cut.digests, '{}'),
    chunked_counts = coalesce(cut.counts, '{}')
FROM cut
WHERE id = %(number)s
  AND (chunker, chunks_config, chunks_of, chunks_text, chunks_chapters, chunked_chapters, chunked_digests, chunked_counts)
      IS DISTINCT FROM (%(chunker)s, %(config)s, source_digest, %(text)s, %(mark)s, coalesce(cut.chapters, '{}'),
                        coalesce(cut.digests, '{}'), coalesce(cut.counts, '{}'))

-- name: keep_chunks
WITH held AS (
    SELECT n.id, n.source_digest,
           coalesce(n.chunker = %(chunker)s AND n.chunks_text = %(text)s AND {chunks_whole}, false) AS hold
    FROM novels n WHERE n.novel = %(novel)s
), kept AS (
    UPDATE novels n SET chunks_of = n.source_digest FROM held
    WHERE n.id = held.id AND held.hold AND n.source_digest = %(digest)s AND n.chunks_text = %(text)s
      AND n.chunks_of IS DISTINCT FROM n.source_digest
)
SELECT held.source_digest, held.hold, {in_contexts}, c.*
FROM held LEFT JOIN LATERAL (
    SELECT c.chapter, count(*) AS chunks, sum(p.token_count)::bigint AS tokens, max(p.token_count) AS largest
    FROM chunks c JOIN passages p USING (content_hash)
    WHERE c.novel_id = held.id AND held.hold
    GROUP BY c.chapter) c ON true
ORDER BY c.chapter

-- name: count_chunks
SELECT c.chapter, count(*) AS chunks, sum(p.token_count)::bigint AS tokens, max(p.token_count) AS largest
FROM chunks c JOIN passages p USING (content_hash)
WHERE c.novel_id = %(number)s
GROUP BY c.chapter ORDER BY c.chapter

-- name: sample_passages
SELECT c.chapter, p.token_count AS tokens, left(p.body, 400) AS body
FROM chunks c JOIN passages p USING (content_hash)
WHERE c.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s) AND c.ordinal = 1 AND c.chapter = ANY(%(chapters)s)
ORDER BY c.chapter

-- name: iter_chunks
SELECT chapter, ordinal, char_start, char_end, token_count, content_hash, body
FROM novel_chunks WHERE novel_id = %(number)s ORDER BY ordinal

-- name: placed_chunks
SELECT n.body,
       (SELECT json_agg(json_build_array(ordinal, char_start, char_end) ORDER BY ordinal)
        FROM chapters WHERE novel_id = n.id),
       (SELECT json_agg(json_build_array(chapter, ordinal, char_start, char_end, token_count,
                                         encode(content_hash, 'hex')) ORDER BY ordinal)
        FROM novel_chunks WHERE novel_id = n.id)
FROM novels n WHERE n.novel = %(novel)s

-- name: distinct_tokens
SELECT coalesce(sum(token_count), 0)::bigint
FROM passages
WHERE content_hash IN (SELECT c.content_hash FROM chunks c JOIN novels n ON n.id = c.novel_id
                       WHERE n.novel = ANY(%(novels)s))

-- name: other_chunkers
SELECT n.chunker, count(DISTINCT n.id), sum(p.token_count)::bigint
FROM novels n JOIN chunks c ON c.novel_id = n.id JOIN passages p USING (content_hash)
WHERE n.chunker <> ALL(CASE WHEN n.language = ANY(%(spelled)s) THEN %(of_spelled)s::text[] ELSE %(chunkers)s::text[] END)
GROUP BY n.chunker ORDER BY n.chunker

-- name: in_contexts
EXISTS (SELECT FROM embedding_spaces WHERE context <> '')

-- name: place_in_contexts
-- A novel's chunks in the contexts of all spaces, as its passages and titles are now. The hash is that of the bytes that
-- are embedded; of passages that are embedded together, that of all of them, of the place among them, and of the passage.
WITH contexts AS MATERIALIZED (
    SELECT DISTINCT context FROM embedding_spaces WHERE context <> ''
), numbered AS MATERIALIZED (
    SELECT x.context, c.novel_id, c.chapter, c.ordinal, c.content_hash,
           CASE WHEN x.context <> 'titles' THEN
               (sum(p.token_count) OVER (PARTITION BY x.context, c.chapter ORDER BY c.ordinal) - p.token_count)
               / split_part(x.context, ' ', 2)::integer END AS number
    FROM contexts x CROSS JOIN chunks c JOIN passages p USING (content_hash)
    WHERE c.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)
), windows AS MATERIALIZED (
    SELECT context, chapter, number, min(ordinal) AS first, sha256(string_agg(content_hash, '' ORDER BY ordinal)) AS value
    FROM numbered WHERE number IS NOT NULL GROUP BY context, chapter, number
), wanted AS MATERIALIZED (
    SELECT t.context, t.novel_id, t.chapter, t.ordinal, t.content_hash AS passage_hash, w.value AS window_hash,
           CASE WHEN w.value IS NULL THEN sha256(convert_to({titles} || p.body, 'UTF8'))
                ELSE sha256(w.value || int4send(t.ordinal - w.first) || t.content_hash) END AS content_hash
    FROM numbered t
    JOIN novels n ON n.id = t.novel_id
    JOIN passages p ON p.content_hash = t.content_hash
    LEFT JOIN chapters h ON h.novel_id = t.novel_id AND h.ordinal = t.chapter
    LEFT JOIN windows w ON w.context = t.context AND w.chapter = t.chapter AND w.number = t.number
), gone AS (
    DELETE FROM chunks_in_context k
    WHERE k.novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)
      AND NOT EXISTS (SELECT FROM wanted w
                      WHERE w.context = k.context AND w.chapter = k.chapter AND w.ordinal = k.ordinal)
)
INSERT INTO chunks_in_context AS k (context, novel_id, chapter, ordinal, content_hash, passage_hash, window_hash)
SELECT context, novel_id, chapter, ordinal, content_hash, passage_hash, window_hash FROM wanted w
WHERE NOT EXISTS (SELECT FROM chunks_in_context s
                  WHERE (s.context, s.novel_id, s.chapter, s.ordinal, s.content_hash)
                        = (w.context, w.novel_id, w.chapter, w.ordinal, w.content_hash))
ORDER BY context, chapter, ordinal
ON CONFLICT (context, novel_id, chapter, ordinal) DO UPDATE
SET content_hash = excluded.content_hash, passage_hash = excluded.passage_hash, window_hash = excluded.window_hash

-- name: unplaced_novels
SELECT n.novel FROM novels n
WHERE EXISTS (SELECT FROM chunks c WHERE c.novel_id = n.id)
  AND NOT EXISTS (SELECT FROM chunks_in_context k WHERE k.context = %(context)s AND k.novel_id = n.id)

-- name: titles_before
-- Cut, so that a passage still fits with them: embedding/spaces.py reckons with twice so many characters. A novel
-- without a title has its name.
concat_ws(', ', left(coalesce(nullif(n.title, ''), initcap(replace(n.novel, '-', ' '))), 60), nullif(left(h.title, 60), ''))
|| E'\n\n'

-- name: passages_of_a_context
-- Over all passages, how many share their context, and the word pieces of these.
SELECT sum(passages * passages)::float8 / sum(passages), sum(passages * tokens)::float8 / sum(passages)
FROM (SELECT count(*) AS passages, sum(token_count) AS tokens
      FROM (SELECT c.novel_id, c.chapter, p.token_count,
                   (sum(p.token_count) OVER (PARTITION BY c.novel_id, c.chapter ORDER BY c.ordinal) - p.token_count)
                   / %(together)s::integer AS number
            FROM chunks c JOIN passages p USING (content_hash)) each
      GROUP BY novel_id, chapter, number) windows

-- name: delete_chunks
DELETE FROM chunks WHERE novel_id = (SELECT id FROM novels WHERE novel = %(novel)s) RETURNING content_hash


-- Panels ------------------------------------------------------------------------------------------------------------

-- name: write_pages
INSERT INTO pages (novel_id, path, entry, state, size_bytes, reason, content_hash, format, mode, width, height,
                   treatments, ordinal, role, direction, spread, frames, edges)
SELECT %(number)s, s.path, s.entry, s.state, s.size_bytes, s.reason, s.content_hash, s.format, s.mode, s.width,
       s.height, s.treatments, s.ordinal, s.role, s.direction, s.spread, s.frames, s.edges
FROM json_to_recordset(%(rows)s::json) AS s
     (path text, entry text, state text, size_bytes bigint, reason text, content_hash bytea, format text, mode text,
      width integer, height integer, treatments text[], ordinal integer, role text, direction text, spread boolean,
      frames integer[], edges bytea)
WHERE NOT EXISTS (
    SELECT FROM pages t
    WHERE t.novel_id = %(number)s AND t.path = s.path AND t.entry = s.entry
      AND (t.state, t.size_bytes, t.reason, t.content_hash, t.format, t.mode, t.width, t.height, t.treatments,
           t.ordinal, t.role, t.direction, t.spread, t.frames, t.edges)
          IS NOT DISTINCT FROM
          (s.state, s.size_bytes, s.reason, s.content_hash, s.format, s.mode, s.width, s.height, s.treatments,
           s.ordinal, s.role, s.direction, s.spread, s.frames, s.edges))
ORDER BY s.path, s.entry
ON CONFLICT (novel_id, path, entry) DO UPDATE
SET state = excluded.state, size_bytes = excluded.size_bytes, reason = excluded.reason,
    content_hash = excluded.content_hash, format = excluded.format, mode = excluded.mode, width = excluded.width,
    height = excluded.height, treatments = excluded.treatments, ordinal = excluded.ordinal, role = excluded.role,
    direction = excluded.direction, spread = excluded.spread, frames = excluded.frames,
    edges = excluded.edges,
    written_at = now(),
    cut_of = CASE WHEN excluded.state = 'stored' AND pages.content_hash = excluded.content_hash THEN pages.cut_of END

-- name: delete_other_pages
-- A key is a path, and behind a line break the entry.
DELETE FROM pages WHERE novel_id = %(number)s AND path || chr(10) || entry <> ALL (%(keys)s::text[])

-- name: write_comic_books
-- Those that are gone, in the same statement.
WITH given AS (
    SELECT * FROM json_to_recordset(%(books)s::json)
        AS s (path text, title text, series text, number text, volume text, writer text, language text, direction text)
), gone AS (
    DELETE FROM comic_books WHERE novel_id = %(number)s AND path NOT IN (SELECT path FROM given)
)
INSERT INTO comic_books (novel_id, path, title, series, number, volume, writer, language, direction)
SELECT %(number)s, path, title, series, number, volume, writer, language, direction FROM given
ON CONFLICT (novel_id, path) DO UPDATE
SET title = excluded.title, series = excluded.series, number = excluded.number, volume = excluded.volume,
    writer = excluded.writer, language = excluded.language, direction = excluded.direction

-- name: load_comic_books
-- By the place of their first pages; what stands beside the pages of a folder comes first.
SELECT b.path, b.title, b.series, b.number, b.volume, b.writer, b.language, b.direction
FROM comic_books b JOIN novels n ON n.id = b.novel_id
WHERE n.novel = %(novel)s
ORDER BY (SELECT min(p.ordinal) FROM pages p WHERE p.novel_id = b.novel_id AND p.path = b.path) NULLS FIRST, b.path

-- name: delete_comic_books_of_novel
DELETE FROM comic_books WHERE novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)

-- name: delete_regions_of_refused
DELETE FROM regions r USING pages p WHERE p.id = r.page_id AND p.novel_id = %(number)s AND p.state = 'refused'

-- name: delete_panels_of_novel
DELETE FROM pages WHERE novel_id = (SELECT id FROM novels WHERE novel = %(novel)s)

-- name: delete_novel_without_text
DELETE FROM novels WHERE novel = %(novel)s AND body_digest IS NULL AND refused_digest IS NULL

-- name: forget_panels_digest
UPDATE novels SET panels_digest = NULL WHERE novel = %(novel)s

-- name: set_panels_digest
UPDATE novels SET panels_digest = %(digest)s WHERE id = %(number)s AND panels_digest IS DISTINCT FROM %(digest)s

-- name: load_pages
SELECT n.novel, p.path, p.state, p.size_bytes, p.reason, p.content_hash, p.format, p.mode, p.width, p.height,
       p.treatments, p.entry, p.ordinal, p.role, p.direction, p.spread, p.frames, p.edges, p.id, p.cut_of
FROM novels n JOIN pages p ON p.novel_id = n.id
WHERE n.novel = ANY(%(novels)s)
ORDER BY n.novel, p.ordinal, p.path, p.entry

-- name: refused_pages
SELECT n.novel || ': ' || p.reason FROM pages p JOIN novels n ON n.id = p.novel_id
WHERE p.state = 'refused' ORDER BY n.novel, p.ordinal, p.path, p.entry

-- name: delete_regions
DELETE FROM regions WHERE page_id = %(page)s

-- name: write_regions
INSERT INTO regions (page_id, ordinal, kind, x0, y0, x1, y1, confidence, cutter, content_hash)
SELECT %(page)s, s.ordinal, s.kind, s.x0, s.y0, s.x1, s.y1, s.confidence, s.cutter, s.content_hash
FROM json_to_recordset(%(rows)s::json) AS s
     (ordinal integer, kind text, x0 integer, y0 integer, x1 integer, y1 integer, confidence real, cutter text,
      content_hash bytea)

-- name: note_cut
-- Only of the picture that was cut: a page that was read anew meanwhile is still to be cut.
UPDATE pages SET cut_of = %(cut_of)s, doubts = %(doubts)s WHERE id = %(page)s AND content_hash = %(content_hash)s
RETURNING id

-- name: load_regions
SELECT n.novel, p.path, p.entry, p.ordinal AS page, r.ordinal, r.kind, r.x0, r.y0, r.x1, r.y1, r.confidence, r.cutter,
       r.content_hash, p.doubts
FROM novels n JOIN pages p ON p.novel_id = n.id JOIN regions r ON r.page_id = p.id
WHERE n.novel = ANY(%(novels)s) AND p.state = 'stored'
ORDER BY n.novel, p.ordinal, p.path, p.entry, r.ordinal

-- name: count_doubtful
SELECT n.novel, count(*) AS pages, count(*) FILTER (WHERE p.doubts <> '{}') AS doubtful
FROM novels n JOIN pages p ON p.novel_id = n.id
WHERE p.state = 'stored' AND p.cut_of IS NOT NULL
GROUP BY n.novel ORDER BY n.novel

-- name: uncut_pages
SELECT n.novel, count(*) AS pages FROM novels n JOIN pages p ON p.novel_id = n.id
WHERE p.state = 'stored' AND p.cut_of IS NULL
GROUP BY n.novel ORDER BY n.novel

-- name: panel_place
-- Of one that several novels have, the first; a region before a whole file of the same hash.
SELECT n.novel, p.path, p.content_hash, p.entry, p.page, p.region, p.kind, ARRAY[p.x0, p.y0, p.x1, p.y1] AS box,
       p.page_hash, p.page_width, p.page_height, p.following
FROM panels p JOIN novels n ON n.id = p.novel_id
WHERE p.content_hash = %(content_hash)s AND p.state = 'stored'
ORDER BY n.novel, p.page, p.path, p.entry, p.shaping DESC, p.region LIMIT 1

-- name: panels_around
-- The regions of a novel that are read before and after one: panels, pieces and given boxes, and pages without any.
WITH read AS (
    SELECT content_hash, page, path, entry, region,
           lag(content_hash) OVER reading AS before, lead(content_hash) OVER reading AS after
    FROM panels c
    WHERE novel_id = (SELECT id FROM novels WHERE novel = %(novel)s) AND state = 'stored' AND kind <> 'uncut'
      AND (shaping = 2 AND (kind IN ('panel', 'piece', 'given')
                            OR (kind = 'page' AND NOT EXISTS (
                                SELECT FROM regions r
                                WHERE r.page_id = c.page_id AND r.kind IN ('panel', 'piece', 'given'))))
           OR shaping = 1 AND NOT EXISTS (SELECT FROM regions r WHERE r.page_id = c.page_id))
    WINDOW reading AS (ORDER BY page, path, entry, region)
)
SELECT before, after FROM read
WHERE (page, region) >= (%(page)s, %(region)s) ORDER BY page, path, entry, region LIMIT 1


-- Source files and tombstones ---------------------------------------------------------------------------------------

-- name: source_files
SELECT kind, path, novel, size_bytes, mtime_ns, digest, observed_at FROM source_files WHERE kind = %(kind)s

-- name: summary_of_source_files
SELECT count(*), count(DISTINCT novel), coalesce(sum(size_bytes), 0)::bigint, max(mtime_ns)
FROM source_files WHERE kind = %(kind)s

-- name: source_files_between
-- In the order of the bytes, whatever the database's own collation is.
SELECT kind, path, novel, size_bytes, mtime_ns, digest, observed_at
FROM source_files
WHERE kind = %(kind)s AND path COLLATE "C" > %(after)s
  AND (%(until)s::text IS NULL OR path COLLATE "C" <= %(until)s)

-- name: path_bounds
SELECT path
FROM (SELECT path, row_number() OVER (ORDER BY path COLLATE "C") AS place
      FROM source_files WHERE kind = %(kind)s AND path COLLATE "C" > %(after)s) known
WHERE place %% %(every)s = 0

-- name: changed_panel_sets
-- Also those whose pages are still to be cut by this version, or were cut by another, while no run is at them.
SELECT s.novel, s.digest, s.latest, n.panels_digest IS NOT DISTINCT FROM s.digest AS only_uncut
FROM (SELECT novel, max(mtime_ns) AS latest,
             encode(sha256(string_agg(convert_to(path, 'UTF8') || '\x00' || convert_to(digest || chr(10), 'UTF8'),
                                      '' ORDER BY path COLLATE "C")), 'hex') AS digest
      FROM source_files WHERE kind = 'panel' GROUP BY novel HAVING bool_and(digest IS NOT NULL)) s
LEFT JOIN novels n USING (novel)
WHERE n.panels_digest IS DISTINCT FROM s.digest
   OR EXISTS (SELECT FROM pages p
              WHERE p.novel_id = n.id AND p.state = 'stored' AND p.written_at < now() - interval '1 hour'
                AND split_part(p.cut_of, ' ', 1) IS DISTINCT FROM %(version)s)
ORDER BY s.novel

-- name: stage_source_files
CREATE TEMP TABLE staged_files (LIKE source_files INCLUDING DEFAULTS) ON COMMIT DROP

-- name: copy_source_files
COPY staged_files (kind, path, novel, size_bytes, mtime_ns, digest) FROM STDIN

-- name: save_source_files
INSERT INTO source_files AS old (kind, path, novel, size_bytes, mtime_ns, digest)
SELECT kind, path, novel, size_bytes, mtime_ns, digest FROM staged_files ORDER BY kind, path
ON CONFLICT (kind, path) DO UPDATE
SET novel = excluded.novel, size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns, digest = excluded.digest,
    observed_at = CASE WHEN (old.size_bytes, old.mtime_ns) = (excluded.size_bytes, excluded.mtime_ns)
                       THEN old.observed_at ELSE now() END
WHERE (old.novel, old.size_bytes, old.mtime_ns, old.digest)
      IS DISTINCT FROM (excluded.novel, excluded.size_bytes, excluded.mtime_ns, excluded.digest)

-- name: unstage_source_files
DROP TABLE staged_files

-- name: delete_source_files
DELETE FROM source_files WHERE kind = %(kind)s AND path = ANY(%(paths)s)

-- name: add_tombstones
INSERT INTO tombstones (novel, kind, path)
SELECT novel, %(kind)s, path FROM unnest(%(novels)s::text[], %(paths)s::text[]) AS gone (novel, path)
ON CONFLICT DO NOTHING

-- name: delete_tombstones
DELETE FROM tombstones WHERE kind = %(kind)s AND path = ANY(%(paths)s)

-- name: tombstones
-- Of a panel that is no longer stored either, a run has taken note: nothing is left to look at.
SELECT novel, kind, path, noticed_at
FROM tombstones t
WHERE kind <> 'panel' OR NOT %(still_stored)s
   OR EXISTS (SELECT FROM pages p JOIN novels n ON n.id = p.novel_id WHERE n.novel = t.novel AND p.path = t.path)
ORDER BY noticed_at, novel, kind, path


-- Languages ---------------------------------------------------------------------------------------------------------

-- name: languages_of_novels
SELECT novel, language FROM novels
WHERE body IS NOT NULL AND (%(novels)s::text[] IS NULL OR novel = ANY(%(novels)s)) ORDER BY novel
