-- 75_settings_check.sql
--
-- The settings of the server, for catalog.diagnose_scaleout(): PostgreSQL says
-- in its log alone that it has passed over a line.

-- A name that does not exist, a value that is refused, and a file that cannot
-- be read at all, in which case no line of it has been taken.
CREATE FUNCTION internal.diagnose_settings() RETURNS SETOF internal.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	line record;
	any_line boolean := false;
BEGIN
	IF NOT has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'execute') THEN
		RETURN;
	END IF;
	FOR line IN
		SELECT f.sourcefile, f.sourceline, f.name, f.setting, f.error, s.setting AS used, s.unit, s.vartype, s.min_val, s.max_val, s.enumvals
		  FROM pg_file_settings f LEFT JOIN pg_settings s ON s.name = lower(f.name)
		 WHERE f.error IS NOT NULL AND (f.name IS NULL OR f.name ILIKE 'scaleout.%')
		 ORDER BY f.seqno LIMIT 50
	LOOP
		any_line := true;
		RETURN NEXT internal.finding('server settings', 'failed',
			CASE WHEN line.name IS NULL THEN format('The settings cannot be read: %s. No change of them is taken.', line.error)
				 WHEN line.used IS NULL THEN format('There is no setting %s: the line is passed over.', line.name)
				 ELSE format('%s cannot be ''%s'': the line is passed over, and %s is in effect.%s', line.name, line.setting,
							 CASE WHEN line.used = '' THEN 'the empty text' ELSE line.used || coalesce(' ' || line.unit, '') END,
							 CASE WHEN line.vartype IN ('integer', 'real') THEN format(' It is a number from %s to %s%s.', line.min_val, line.max_val, ' ' || line.unit)
								  WHEN line.vartype = 'bool' THEN ' It is on or off.'
								  WHEN line.enumvals IS NOT NULL THEN format(' It is one of %s.', array_to_string(line.enumvals, ', ')) END) END,
			format('Correct or remove line %s of %s and run SELECT pg_reload_conf();%s', line.sourceline, line.sourcefile,
				   CASE WHEN line.name IS NOT NULL AND line.used IS NULL THEN ' SELECT name FROM pg_settings WHERE name LIKE ''scaleout.%''; lists the names.' END));
	END LOOP;
	IF NOT any_line THEN
		RETURN NEXT internal.finding('server settings', 'ok');
	END IF;
END
$$;
COMMENT ON FUNCTION internal.diagnose_settings() IS 'Part of diagnose_scaleout: lines of the configuration files that the server passes over';
