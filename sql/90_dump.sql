-- 90_dump.sql
--
-- What pg_dump writes out: every table with data of users or of the master,
-- and every sequence.  Constant tables are not among them, because the script
-- fills them again, nor copies of task logs, nor who was refused.  One statement each: two in one statement fail.

DO $dump$
DECLARE
	name pg_catalog.text;
BEGIN
	FOR name IN
		SELECT c.relname FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) 'internal'::pg_catalog.regnamespace
		   AND c.relkind IN ('r', 'p', 'S')
		   AND c.relname NOT IN ('catalog_property_default', 'data_type', 'system_parameter', 'task_log', 'task_log_part', 'refused_connection')
		 ORDER BY c.relname
	LOOP
		EXECUTE pg_catalog.format('SELECT pg_catalog.pg_extension_config_dump(%L, %L)', 'internal.' || pg_catalog.quote_ident(name), '');
	END LOOP;
END
$dump$;
