-- The filter: a condition on `c`, which is chunks or panels ----------------------------------------------------------

-- name: within
{novels} AND {chapter}

-- name: anywhere
true

-- name: in_one_novel
-- Of an array the planner takes ten, and reads the whole of a small corpus for one of its novels.
c.novel_id = (SELECT id FROM novels n WHERE {of_novel})

-- name: in_novels
-- An array and no join: joined novel by novel, the words' index was read once for each of them.
c.novel_id = ANY({novels})

-- name: of_novel
{named} AND {not_named} AND {in_language} AND {by_author}

-- name: named
n.novel = ANY(%(novels)s)

-- name: not_named
n.novel <> ALL(%(other_than)s)

-- name: in_language
n.language = ANY(%(languages)s)

-- name: by_author
EXISTS (SELECT FROM unnest(%(authors)s::text[]) AS a (name) WHERE strpos(lower(n.author), lower(a.name)) > 0)

-- name: in_chapter
c.chapter = %(chapter)s

-- name: stored_within
c.state = 'stored' AND c.shaping = %(shaping)s AND {within}

-- name: count_within
SELECT count(*) FROM (SELECT FROM {content} c WHERE {within} LIMIT {limit}) AS matching

-- name: count_noted
-- As novels have it noted: their rows, counted one by one, took .9 ms for 10,000.
SELECT least(coalesce(sum((SELECT sum(each) FROM unnest(n.chunked_counts) each)), 0), {limit})
FROM novels n WHERE {of_novel}

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

-- name: nearest_through_index_within
-- Each row that the index brings is asked for, until enough are within. As a value and not as EXISTS, which the planner
-- would make a join of, and leave the index.
WITH near AS MATERIALIZED (
    SELECT content_hash, embedding FROM {table} near
    WHERE (SELECT true FROM {content} c WHERE c.content_hash = near.content_hash AND {within} LIMIT 1)
    ORDER BY {order} LIMIT %(wide)s)
SELECT content_hash, embedding <=> %(vector)s::halfvec AS distance FROM near ORDER BY 2 LIMIT %(k)s

-- name: nearest_within
SELECT near.content_hash, near.distance, {within} FROM ({nearest}) near ORDER BY near.distance

-- name: set_scan
-- A scan stops at ef_search rows unless it may go on; in relaxed order it goes on until it has enough.
SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(scanned)s, true),
       set_config('ivfflat.iterative_scan', 'relaxed_order', true), set_config('ivfflat.probes', %(lists)s, true)


-- Best by words -----------------------------------------------------------------------------------------------------

-- name: words_of_question
SELECT config, query, passages, share, asked
FROM words_of_question(%(words)s, %(prefixes)s, %(limit)s, %(few)s, %(counted)s, %(counted_alone)s)

-- name: best_by_words
-- First by the weights of the words, and pairs of words, that the index finds, without reading what else a passage
-- holds; then those that lead by all words, saturating with repetition. The words are stored compressed; concatenated to nothing they are
-- unpacked once and not for each term (1.6 times). 17 µs a passage: of 1,300 that was half of a search.
SELECT content_hash, score
FROM (SELECT found.content_hash,
             (SELECT sum(t.weight * ts_rank(found.words, t.query, 1))
              FROM unnest(%(configs)s::text[], %(terms)s::tsquery[], %(weights)s::float8[]) AS t (config, query, weight)
              WHERE t.config = found.config) AS score
      FROM (SELECT p.content_hash, p.config, p.tsv || ''::tsvector AS words
            FROM (SELECT near.content_hash
                  FROM unnest(%(chosen_configs)s::text[], %(chosen)s::tsquery[], %(chosen_weights)s::float8[])
                       AS t (config, query, weight)
                  JOIN passages near ON near.tsv @@ t.query AND near.config = t.config
                  WHERE {occurs}
                  GROUP BY near.content_hash ORDER BY sum(t.weight) DESC, near.content_hash LIMIT %(leading)s) ahead
            JOIN passages p USING (content_hash) OFFSET 0) AS found
      ORDER BY score DESC, content_hash OFFSET 0) AS ranked
WHERE (SELECT true FROM chunks c WHERE c.content_hash = ranked.content_hash LIMIT 1)
LIMIT %(k)s

-- name: in_any_chunk
-- Whether a passage is in a chunk at all is asked of the best ones.
true


-- Both measures of a common pool --------------------------------------------------------------------------------------

-- name: measured_pool
-- Hashes go in binary: as text each takes the client 2 µs.
-- Every candidate of either list with both measures (the cosines of the nearest are known), the sum of the cosines of the
-- passages before and behind it in its chapter, how many there are, and that chapter; `covered` is the share of the question's words, by
-- weight, that it has. A passage that stands in many places is looked at in one of them.
WITH by_words AS MATERIALIZED ({best_by_words})
SELECT pool.content_hash, p.config,
       CASE WHEN pool.content_hash = ANY(%(near)b::bytea[]) THEN NULL ELSE
           (SELECT max(1 - (e.embedding <=> %(vector)s::halfvec)) FROM {vectors} e
            WHERE e.content_hash = pool.content_hash)
       END AS cosine,
       found.words, found.covered, w.score IS NOT NULL AS has_words,
       beside.cosines, beside.passages,
       place.novel_id, place.chapter
FROM (SELECT content_hash FROM by_words UNION SELECT unnest(%(near)b::bytea[])) pool
CROSS JOIN LATERAL (SELECT c.novel_id, c.chapter, c.ordinal FROM chunks c
                    WHERE c.content_hash = pool.content_hash AND {within} LIMIT 1) place
CROSS JOIN LATERAL (SELECT p.config, p.tsv || ''::tsvector AS words
                    FROM passages p WHERE p.content_hash = pool.content_hash OFFSET 0) p
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.weight * t.rank), 0) AS words, coalesce(sum(t.share) FILTER (WHERE t.rank > 0), 0) AS covered
    FROM (SELECT t.weight, t.share, ts_rank(p.words, t.query, 1) AS rank
          FROM unnest(%(configs)s::text[], %(terms)s::tsquery[], %(weights)s::float8[], %(shares)s::float8[])
               AS t (config, query, weight, share)
          WHERE t.config = p.config) t) found
CROSS JOIN LATERAL (SELECT coalesce(sum(1 - (e.embedding <=> %(vector)s::halfvec)), 0) AS cosines, count(*) AS passages
                    FROM {places} b JOIN {table} e USING (content_hash)
                    WHERE b.novel_id = place.novel_id AND b.chapter = place.chapter
                      AND b.ordinal IN (place.ordinal - 1, place.ordinal + 1)) beside
LEFT JOIN by_words w USING (content_hash)


-- Hits --------------------------------------------------------------------------------------------------------------

-- name: passages
SELECT c.*, {similarity} AS similarity FROM places_of_passages(%(hashes)b, %(most)s, {novels}, %(chapter)s) c

-- name: nearest_passages
WITH near AS MATERIALIZED ({nearest})
SELECT c.*, 1 - near.distance AS similarity, {answers} AS answers
FROM places_of_passages(ARRAY(SELECT content_hash FROM near ORDER BY distance, content_hash), %(most)s, NULL, NULL) c
JOIN near USING (content_hash)

-- name: answers_as_known
EXISTS (SELECT FROM embedding_spaces s
        WHERE s.id = %(space)s AND s.id IN (SELECT space_id FROM active_spaces)
          AND (s.index_kind, s.index_rows, s.index_built_at)
              IS NOT DISTINCT FROM (%(index_kind)s, %(index_rows)s, %(index_built_at)s))

-- name: is_answering
SELECT {answers}

-- name: any_novel
NULL

-- name: novels_within
ARRAY(SELECT id FROM novels n WHERE {of_novel})

-- name: no_similarity
NULL::float8

-- name: similarity_in_space
(SELECT max(1 - (e.embedding <=> %(vector)s::halfvec)) FROM {vectors} e WHERE e.content_hash = c.content_hash)

-- name: vectors_of_passages
-- One for each context in which a passage stands.
(SELECT k.passage_hash AS content_hash, v.embedding FROM chunks_in_context k JOIN {table} v USING (content_hash)
 WHERE k.context = %(context)s)

-- name: places
chunks

-- name: places_in_context
(SELECT novel_id, chapter, ordinal, content_hash FROM chunks_in_context WHERE context = %(context)s)

-- name: passages_of_inputs
SELECT DISTINCT content_hash, passage_hash FROM chunks_in_context
WHERE context = %(context)s AND content_hash = ANY(%(hashes)b)

-- name: panels
SELECT c.content_hash, n.novel, c.path, c.x1 - c.x0 AS width, c.y1 - c.y0 AS height,
       1 - (e.embedding::vector <=> %(whole_vector)s::vector) AS similarity,
       c.page_id, c.entry, c.page, c.region, c.kind, ARRAY[c.x0, c.y0, c.x1, c.y1] AS box, c.page_width, c.page_height,
       EXISTS (SELECT FROM panels o WHERE o.page_id = c.page_id AND o.content_hash = %(unlike)s) AS unlike
FROM panels c
JOIN novels n ON n.id = c.novel_id
JOIN {table} e USING (content_hash)
WHERE c.content_hash = ANY(%(hashes)b) AND {within}

-- name: stored_names
SELECT novel FROM novels WHERE novel = ANY(%(novels)s)

-- name: novels_holding
SELECT n.novel FROM novels n
WHERE n.id IN (SELECT novel_id FROM chunks WHERE content_hash = %(content_hash)s
               UNION SELECT novel_id FROM panels WHERE content_hash = %(content_hash)s)
ORDER BY n.novel
