-- Every function that SQL can reach, with NULL for every argument: an answer or
-- an error with a code, never a crash.
\set SHOW_CONTEXT never
CREATE FUNCTION public.with_nulls(schema text) RETURNS TABLE (call text, state text) LANGUAGE plpgsql AS $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT p.proname, p.prokind,
			   (SELECT string_agg(format('NULL::%s', CASE WHEN t.oid = 'anyelement'::regtype THEN 'integer' ELSE t.oid::regtype::text END), ', ' ORDER BY a.n)
				  FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (oid, n) JOIN pg_type t ON t.oid = a.oid) AS arguments
		  FROM pg_proc p
		 WHERE p.pronamespace = schema::regnamespace AND p.prokind = 'f'
		   -- Those of the master are called by the master only, with arrays that it makes.
		   AND p.proname NOT LIKE 'master\_%' AND p.pronargs > 0
		 ORDER BY p.proname COLLATE "C", p.pronargs
	LOOP
		BEGIN
			EXECUTE format('SELECT * FROM %I.%I(%s)', schema, f.proname, f.arguments);
			RAISE EXCEPTION USING ERRCODE = '00001';
		EXCEPTION WHEN SQLSTATE '00001' THEN state := 'no error';
			WHEN OTHERS THEN state := SQLSTATE;
		END;
		call := f.proname;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT * FROM public.with_nulls('catalog');
-- Of the inner ones it is enough that the server lives and that no error is without a meaning.
SELECT count(*) > 30 AS many, count(*) FILTER (WHERE state IN ('XX000', 'SO001')) AS meaningless FROM public.with_nulls('internal');
SELECT call, state FROM public.with_nulls('internal') WHERE state IN ('XX000', 'SO001');
-- All refusals of the API have a code of ours.
SELECT * FROM public.with_nulls('catalog') WHERE state NOT LIKE 'SO1__' AND state <> 'no error';
DROP FUNCTION public.with_nulls(text);
