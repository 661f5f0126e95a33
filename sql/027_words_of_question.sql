-- Each language's words of a question ($1, of which $2 are looked for by their beginning), $3 at most of all, with the
-- number of its passages that have one. Of more passages than $4 the statistics know the share of a frequent word; the
-- others are counted in the first $5 passages that have them (without statistics $6), of all languages, as counting reads
-- every such passage. One row without a word for each language: how many passages it has, and how many different words
-- were asked.
--
-- A function, for Postgres keeps its plan: planning took 1.6 of 4.1 ms, at each search. Planned while there is little, it
-- must be right when there is much: so without scans of whole tables.
CREATE FUNCTION words_of_question(text, text[], integer, integer, integer, integer)
RETURNS TABLE (config text, query text, passages float8, share float8, asked integer)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH size AS MATERIALIZED (
        SELECT CASE WHEN relpages > 0 AND reltuples >= 0
                    THEN reltuples / relpages * (pg_relation_size(oid) / current_setting('block_size')::int) END AS tuples
        FROM pg_class WHERE oid = 'passages'::regclass
    ), total AS MATERIALIZED (
        SELECT CASE WHEN tuples > $4 THEN tuples
                    ELSE (SELECT count(*) FROM (SELECT FROM passages LIMIT $4) few) END AS passages
        FROM size
    ), languages AS MATERIALIZED (
        SELECT n.text_config AS config, sum((SELECT sum(each) FROM unnest(n.chunked_counts) each)) AS chunks
        FROM novels n WHERE n.body IS NOT NULL GROUP BY n.text_config
    ), words AS MATERIALIZED (
        SELECT l.config, lexeme
        FROM languages l, unnest(tsvector_to_array(to_tsvector(l.config::regconfig, $1))) AS lexeme
        ORDER BY lexeme LIMIT $3
    ), lexemes AS MATERIALIZED (
        SELECT lexeme, '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''''
               || CASE WHEN lexeme = ANY($2) THEN ':*' ELSE '' END AS query
        FROM (SELECT DISTINCT lexeme FROM words) every
    ), common AS MATERIALIZED (
        -- By itself, for joined with the words the list of common ones was unpacked once for each of them.
        SELECT most_common_elems::text::text[] AS lexemes, most_common_elem_freqs AS shares,
               most_common_elem_freqs[cardinality(most_common_elem_freqs) - 1] AS least
        FROM pg_stats
        WHERE schemaname = current_schema() AND tablename = 'passages' AND attname = 'tsv'
          AND (SELECT passages FROM total) > $4
    ), shares AS MATERIALIZED (
        SELECT lexeme, share FROM common, unnest(lexemes, shares) AS each (lexeme, share)
        WHERE lexeme = ANY(ARRAY(SELECT lexeme FROM lexemes))
    ), most AS MATERIALIZED (
        SELECT CASE WHEN EXISTS (SELECT FROM common) THEN $5 ELSE $6 END AS counted
    ), counts AS MATERIALIZED (
        SELECT lexeme, config, counted >= (SELECT counted FROM most) AS ended, counted * more AS everywhere,
               passages * more AS passages
        FROM (SELECT x.lexeme, found.config, found.passages, sum(found.passages) OVER (PARTITION BY x.lexeme) AS counted
              FROM lexemes x, LATERAL (
                  SELECT m.config, count(*) AS passages
                  FROM (SELECT p.config FROM passages p WHERE p.tsv @@ x.query::tsquery LIMIT (SELECT counted FROM most)) m
                  GROUP BY m.config) found
              WHERE x.lexeme NOT IN (SELECT lexeme FROM shares)) each,
        -- Where counting ended there are at least so many, and fewer than of the rarest common word: midway, by their ratio.
        LATERAL (SELECT CASE WHEN counted >= (SELECT counted FROM most)
                             THEN sqrt(greatest(1, (SELECT least * passages / each.counted FROM common, total)))
                             ELSE 1 END AS more) rest
    )
    SELECT l.config, NULL::text,
           (SELECT passages FROM total) * l.chunks::float8 / nullif(sum(l.chunks) OVER (), 0),
           NULL::float8, cardinality(tsvector_to_array(to_tsvector('simple', $1)))
    FROM languages l
    UNION ALL
    SELECT w.config, x.query, (SELECT c.passages FROM counts c WHERE c.lexeme = w.lexeme AND c.config = w.config)::float8,
           coalesce((SELECT s.share FROM shares s WHERE s.lexeme = w.lexeme)::float8,
                    -- Counting ended before it came to this language.
                    (SELECT max(c.everywhere) / greatest((SELECT passages FROM total), max(c.everywhere)) FROM counts c
                     WHERE c.lexeme = w.lexeme AND c.ended HAVING bool_and(c.config <> w.config))::float8),
           NULL
    FROM words w JOIN lexemes x USING (lexeme);
END
$function$;
