-- The examples of docs/catalog.md run as they stand; only errors and notices are shown.
\set file `echo "$PG_ABS_BUILDDIR/results/catalog_page_examples.sql"`
\! awk '/^```sql/ {p = 1; next} /^```/ {p = 0} p' "$PG_ABS_SRCDIR/../../docs/catalog.md" > "$PG_ABS_BUILDDIR/results/catalog_page_examples.sql"
SET client_min_messages = warning;
\set ECHO errors
\o /dev/null
\i :file
\o
\set ECHO all
-- The page names every function and every view.
\set page `cat "$PG_ABS_SRCDIR/../../docs/catalog.md"`
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'catalog'::regnamespace AND :'page' !~ ('\m' || p.proname || '\M');
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'catalog'::regnamespace AND c.relkind = 'v' AND :'page' !~ ('\m' || c.relname || '\M');
