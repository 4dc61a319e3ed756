-- Settings: each with unit, range, context and description.
SELECT name, setting, unit, min_val, max_val, context, vartype FROM pg_settings
 WHERE name LIKE 'scaleout.%' AND name NOT IN ('scaleout.program_directory') ORDER BY name COLLATE "C";
SELECT name FROM pg_settings WHERE name LIKE 'scaleout.%' AND coalesce(short_desc, '') = '';
-- docs/settings.md has a row "| `name` | default | unit, range | context |" for each of them.
\set page `cat "$PG_ABS_SRCDIR"/../../docs/settings.md`
WITH documented AS (
	SELECT m[1] AS name, m[2] AS value, m[3] AS range, m[4] AS context
	  FROM regexp_matches(:'page', '^\| `(scaleout\.\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|', 'gn') m
), known AS (
	SELECT name, CASE WHEN vartype = 'string' AND boot_val = '' THEN 'empty' WHEN unit = 'ms' THEN boot_val || ' ms' WHEN name = 'scaleout.program_directory' THEN 'of the installation' ELSE boot_val END AS value,
		   CASE WHEN vartype = 'integer' THEN concat(min_val, ' to ', max_val, ' ' || unit) ELSE 'text' END AS range, context
	  FROM pg_settings WHERE name LIKE 'scaleout.%'
)
SELECT coalesce(d.name, k.name) AS differs, d.value, k.value, d.range, k.range, d.context, k.context
  FROM documented d FULL JOIN known k ON k.name = d.name
 WHERE (d.value, d.range, d.context) IS DISTINCT FROM (k.value, k.range, k.context);
-- packaging/scaleout.conf.sample has each of them with its description and its default.
\set sample `cat "$PG_ABS_SRCDIR"/../../packaging/scaleout.conf.sample`
WITH shown AS (
	SELECT m[2] AS name, m[1] AS description, m[3] AS value
	  FROM regexp_matches(:'sample', '((?:^# [^\n]*\n)*)^#(scaleout\.\w+) = ([^\n]*)$', 'gn') m
), known AS (
	SELECT name, concat('# ', short_desc, E'\n# ' || extra_desc, E'\n') AS description,
		   CASE WHEN name = 'scaleout.program_directory' THEN quote_literal('') WHEN vartype = 'string' THEN quote_literal(boot_val)
				WHEN unit = 'ms' AND boot_val::integer % 60000 = 0 AND boot_val <> '0' THEN boot_val::integer / 60000 || 'min'
				WHEN unit = 'ms' AND boot_val::integer % 1000 = 0 THEN boot_val::integer / 1000 || 's'
				ELSE concat(boot_val, unit) END AS value
	  FROM pg_settings WHERE name LIKE 'scaleout.%'
)
SELECT coalesce(s.name, k.name) AS differs, s.value, k.value, s.description, k.description
  FROM shown s FULL JOIN known k ON k.name = s.name
 WHERE (s.value, s.description) IS DISTINCT FROM (k.value, k.description);
-- Wrong names and values are refused.
-- 14 cannot refuse a name that does not exist.
DO $$
BEGIN
	SET scaleout.nonsense = 1;
	ASSERT current_setting('server_version_num')::int < 150000, 'a name that does not exist was accepted';
EXCEPTION WHEN invalid_name THEN
	NULL;
END
$$;
ALTER SYSTEM SET scaleout.key_file = 'relative/path';
ALTER SYSTEM SET scaleout.port_number = 70000;
-- The words differ between majors.
\set VERBOSITY sqlstate
ALTER SYSTEM SET scaleout.lease_interval = '1ms';
\set VERBOSITY default
SELECT min_val, max_val, unit FROM pg_settings WHERE name = 'scaleout.lease_interval';
-- Paths are for administrators of the server.
SET ROLE plain_user;
\set VERBOSITY sqlstate
SHOW scaleout.key_file;
\set VERBOSITY default
SHOW scaleout.lease_interval;
SELECT name FROM pg_settings WHERE name LIKE 'scaleout.%' AND (name LIKE '%file' OR name LIKE '%directory');
RESET ROLE;
