-- What pg_dump writes out: all data, and nothing that the script inserts again.
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'internal'::regnamespace AND c.relkind IN ('r', 'p', 'S') AND NOT c.relispartition
   AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'scaleout')::oid[])
 ORDER BY c.relname COLLATE "C";
