-- The filter: a condition on `c`, which is chunks or panels ----------------------------------------------------------

-- name: within
{novels} AND {chapter}

-- name: anywhere
true

-- name: in_one_novel
-- Of an array the planner takes ten, and reads the whole of a small corpus for one of its novels.
c.novel_id = (SELECT id FROM novels WHERE novel = ANY(%(novels)s))

-- name: in_novels
-- An array and no join: joined novel by novel, the words' index was read once for each of them.
c.novel_id = ANY(ARRAY(SELECT id FROM novels WHERE novel = ANY(%(novels)s)))

-- name: in_chapter
c.chapter = %(chapter)s

-- name: stored_within
c.state = 'stored' AND c.shaping = %(shaping)s AND {within}

-- name: count_within
SELECT count(*) FROM (SELECT FROM {content} c WHERE {within} LIMIT {limit}) AS matching

-- name: hashes_within
SELECT DISTINCT c.content_hash FROM {content} c WHERE {within}

-- name: occurs_within
EXISTS (SELECT FROM {content} c WHERE c.content_hash = near.content_hash AND {within})


-- Nearest by vector -------------------------------------------------------------------------------------------------

-- name: nearest_exact
-- OFFSET 0 keeps the planner from the index, which under a filter returned 2 of 10 rows, and from computing the distance
-- once to sort by and once to show (2.6 against 3.2 ms for 2,500 of 1536 dimensions).
SELECT content_hash, distance
FROM (SELECT e.content_hash, e.embedding <=> %(vector)s::halfvec AS distance FROM {table} e OFFSET 0) every
ORDER BY distance LIMIT %(k)s

-- name: nearest_exact_among
SELECT content_hash, distance
FROM (SELECT e.content_hash, e.embedding <=> %(vector)s::halfvec AS distance
      FROM ({among}) needed JOIN {table} e USING (content_hash) OFFSET 0) every
ORDER BY distance LIMIT %(k)s

-- name: nearest_through_index
WITH near AS MATERIALIZED (SELECT content_hash, embedding FROM {table} ORDER BY {order} LIMIT %(wide)s)
SELECT content_hash, embedding <=> %(vector)s::halfvec AS distance FROM near ORDER BY 2 LIMIT %(k)s

-- name: nearest_within
SELECT near.content_hash, near.distance, {within} FROM ({nearest}) near ORDER BY near.distance

-- name: set_scan
-- A scan stops at ef_search rows unless it may go on; in relaxed order it goes on until it has enough.
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(scanned)s, true),
       set_config('ivfflat.iterative_scan', 'relaxed_order', true), set_config('ivfflat.probes', %(lists)s, true)


-- Best by words -----------------------------------------------------------------------------------------------------

-- name: lexemes
SELECT DISTINCT lexeme
FROM (SELECT DISTINCT text_config FROM novels WHERE body IS NOT NULL) n,
     unnest(tsvector_to_array(to_tsvector(n.text_config::regconfig, %(words)s))) AS lexeme
ORDER BY lexeme LIMIT %(limit)s

-- name: lexeme_shares
SELECT lexeme, share
FROM pg_stats, unnest(most_common_elems::text::text[], most_common_elem_freqs) AS common (lexeme, share)
WHERE schemaname = current_schema() AND tablename = 'passages' AND attname = 'tsv' AND lexeme = ANY(%(lexemes)s)

-- name: count_passages_of_terms
SELECT t.query, (SELECT count(*) FROM (SELECT FROM passages p WHERE p.tsv @@ t.query::tsquery LIMIT %(limit)s) m)
FROM unnest(%(terms)s::text[]) AS t (query)

-- name: best_by_words
-- The words are stored compressed; concatenated to nothing they are unpacked once and not for each term (1.6 times).
SELECT content_hash, score
FROM (SELECT content_hash,
             (SELECT sum(t.weight * ts_rank(words, t.query, 1))
              FROM unnest(%(terms)s::tsquery[], %(weights)s::float8[]) AS t (query, weight)) AS score
      FROM (SELECT near.content_hash, near.tsv || ''::tsvector AS words
            FROM passages near WHERE near.tsv @@ %(chosen)s::tsquery AND {within} OFFSET 0) AS candidates
      ORDER BY score DESC, content_hash OFFSET 0) AS ranked
WHERE (SELECT true FROM chunks c WHERE c.content_hash = ranked.content_hash LIMIT 1)
LIMIT %(k)s

-- name: in_any_chunk
-- Whether a passage is in a chunk at all is asked of the best ones.
true


-- Hits --------------------------------------------------------------------------------------------------------------

-- name: passages
SELECT n.novel, n.title, c.chapter, h.title AS chapter_title,
       (SELECT count(*) FROM chunks b
        WHERE b.novel_id = c.novel_id AND (b.chapter, b.ordinal) <= (c.chapter, c.ordinal)) AS ordinal,
       coalesce(h.char_start, 0) + c.char_start AS char_start, coalesce(h.char_start, 0) + c.char_end AS char_end,
       p.body, {similarity} AS similarity, c.content_hash
FROM chunks c
JOIN passages p USING (content_hash)
JOIN novels n ON n.id = c.novel_id
LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter
WHERE c.content_hash = ANY(%(hashes)s) AND {within}
ORDER BY n.novel, c.chapter, c.ordinal

-- name: no_similarity
NULL::float8

-- name: similarity_in_space
(SELECT 1 - (e.embedding <=> %(vector)s::halfvec) FROM {table} e WHERE e.content_hash = c.content_hash)

-- name: panels
SELECT c.content_hash, n.novel, c.path, c.x1 - c.x0 AS width, c.y1 - c.y0 AS height,
       1 - (e.embedding::vector <=> %(vector)s::vector) AS similarity,
       c.page_id, c.entry, c.page, c.region, c.kind, ARRAY[c.x0, c.y0, c.x1, c.y1] AS box, c.page_width, c.page_height,
       EXISTS (SELECT FROM panels o WHERE o.page_id = c.page_id AND o.content_hash = %(unlike)s) AS unlike
FROM panels c
JOIN novels n ON n.id = c.novel_id
JOIN {table} e USING (content_hash)
WHERE c.content_hash = ANY(%(hashes)s) AND {within}
