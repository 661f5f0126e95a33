-- Where passages stand, with their text: the places of the hashes $1 in their order, each one's by novel, chapter and
-- ordinal, $2 places at most, within the novels $3 and the chapter $4 (NULL: any).
--
-- A function, for Postgres keeps its plan: of the 3.0 ms that a search by vector took among 2,500 passages the vectors
-- were 1.1, planning this .5. Planned while there is little, it must be right when there is much: so without scans of
-- whole tables.
CREATE FUNCTION places_of_passages(bytea[], integer, integer[], integer)
RETURNS TABLE (content_hash bytea, novel text, title text, language text, chapter integer, chapter_title text,
               ordinal bigint, char_start integer, char_end integer, body text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.content_hash, c.novel, c.title, c.language, c.chapter, h.title,
           (SELECT count(*) FROM chunks b
            WHERE b.novel_id = c.novel_id AND b.chapter = c.chapter AND b.ordinal <= c.ordinal)
           + CASE WHEN c.counts IS NULL THEN
                 (SELECT count(*) FROM chunks b WHERE b.novel_id = c.novel_id AND b.chapter < c.chapter)
             ELSE
                 -- The chapters stand in order, so what is before a chapter needs no look at each.
                 (SELECT coalesce(sum(each), 0) FROM unnest(c.counts[:array_position(c.chapters, c.chapter) - 1]) each)
             END,
           coalesce(h.char_start, 0) + c.char_start, coalesce(h.char_start, 0) + c.char_end, p.body
    FROM (SELECT asked.place, c.content_hash, c.novel_id, c.chapter, c.ordinal, c.char_start, c.char_end,
                 n.novel, n.title, n.language, n.chunked_chapters AS chapters, n.chunked_counts AS counts
          FROM unnest($1) WITH ORDINALITY AS asked (content_hash, place)
          JOIN chunks c USING (content_hash)
          JOIN novels n ON n.id = c.novel_id
          WHERE ($3 IS NULL OR c.novel_id = ANY($3)) AND ($4 IS NULL OR c.chapter = $4)
          ORDER BY asked.place, n.novel, c.chapter, c.ordinal LIMIT $2) c
    JOIN passages p USING (content_hash)
    LEFT JOIN chapters h ON h.novel_id = c.novel_id AND h.ordinal = c.chapter
    ORDER BY c.place, c.novel, c.chapter, c.ordinal;
END
$function$;
