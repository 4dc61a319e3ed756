-- Values: both overloads, all types, canonical text.
\set SHOW_CONTEXT never
SELECT catalog.deploy_packages('sales', 'types', ARRAY[('all', '{"name": "all", "executables": [], "parameters": [
	{"name": "b", "type": "boolean"}, {"name": "u8", "type": "byte"}, {"name": "i16", "type": "int16"}, {"name": "i32", "type": "int32"},
	{"name": "i64", "type": "int64"}, {"name": "u64", "type": "uint64"}, {"name": "f", "type": "single"}, {"name": "d", "type": "double"},
	{"name": "n", "type": "decimal"}, {"name": "t", "type": "datetime"}, {"name": "s", "type": "string"},
	{"name": "secret", "type": "string", "sensitive": true}]}')]::catalog.package_table_type[]) > 0 AS deployed;
SELECT catalog.create_execution('sales', 'types', 'all') AS id \gset
CREATE FUNCTION public.try(id bigint, object_type integer, name text, value anyelement) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM catalog.set_execution_parameter_value(id, object_type, name, value);
	RETURN (SELECT parameter_value FROM catalog.execution_parameter_values v WHERE v.execution_id = id AND v.object_type = try.object_type AND v.parameter_name = name);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
CREATE FUNCTION public.try(id bigint, object_type integer, name text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM catalog.set_execution_parameter_value(id, object_type, name, value);
	RETURN (SELECT parameter_value FROM catalog.execution_parameter_values v WHERE v.execution_id = id AND v.object_type = try.object_type AND v.parameter_name = name);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SET DateStyle = 'German';
SET TimeZone = 'America/New_York';
SET extra_float_digits = -3;
SELECT try(:id, 30, 'b', true) AS b_true, try(:id, 30, 'b', 'yes') AS b_yes, try(:id, 30, 'b', '0') AS b_0, try(:id, 30, 'b', 1) AS b_1, try(:id, 30, 'b', 'x') AS b_x;
SELECT try(:id, 30, 'u8', 255) AS u8, try(:id, 30, 'u8', 256) AS over, try(:id, 30, 'u8', -1) AS under, try(:id, 30, 'u8', '7') AS text, try(:id, 30, 'u8', 1.5) AS fraction;
SELECT try(:id, 30, 'i16', 32767::smallint) AS i16, try(:id, 30, 'i16', 32768) AS over, try(:id, 30, 'i32', 2147483647) AS i32, try(:id, 30, 'i32', 2147483648) AS over, try(:id, 30, 'i32', 5.00) AS five, try(:id, 30, 'i32', '1e3') AS thousand, try(:id, 30, 'i32', true) AS bool;
SELECT try(:id, 30, 'i64', 9223372036854775807) AS i64, try(:id, 30, 'i64', 9223372036854775808) AS over, try(:id, 30, 'u64', 18446744073709551615) AS u64, try(:id, 30, 'u64', -1) AS under;
SELECT try(:id, 30, 'f', 1.5) AS f, try(:id, 30, 'd', 0.1::float8) AS d, try(:id, 30, 'd', 'Infinity') AS inf, try(:id, 30, 'd', 'x') AS x, try(:id, 30, 'n', 1.10) AS n, try(:id, 30, 'n', 1e10) AS e;
SELECT try(:id, 30, 't', date '2026-01-31') AS date, try(:id, 30, 't', timestamp '2026-01-31 12:00:00.5') AS timestamp, try(:id, 30, 't', timestamptz '2026-01-31 12:00:00+02') AS utc, try(:id, 30, 't', '2026-01-31') AS text, try(:id, 30, 't', time '12:00') AS time, try(:id, 30, 't', 5) AS number, try(:id, 30, 't', 'no') AS x;
SELECT try(:id, 30, 's', 'abc') AS s, try(:id, 30, 's', 'abc'::varchar) AS v, try(:id, 30, 's', 5) AS number, try(:id, 30, 's', '') AS empty, try(:id, 30, 's', '{"a": 1}'::jsonb) AS j, try(:id, 30, 's', 'ä€😀') = 'ä€😀' AS u;
SELECT try(:id, 30, 's', NULL::text) AS null_text, try(:id, 30, 'i32', NULL::int) AS null_int;
RESET DateStyle;
RESET TimeZone;
RESET extra_float_digits;
-- Literals and parameters of unknown type find their overload.
SELECT catalog.set_execution_parameter_value(:id, 30, 's', 'literal');
SELECT catalog.set_execution_parameter_value(execution_id => :id, object_type => 30, parameter_name => 'i32', parameter_value => 5);
PREPARE unknown AS SELECT catalog.set_execution_parameter_value($1, $2, $3, $4);
EXECUTE unknown(:id, 30, 'i16', '12');
-- Sensitive: encrypted, never shown, not even in an error.
SELECT try(:id, 30, 'secret', 'geheim') AS shown;
SELECT sensitive, value_set, parameter_value FROM catalog.execution_parameter_values WHERE execution_id = :id AND parameter_name = 'secret';
SELECT internal.decrypt_secret(parameter_secret, internal.secret_of_execution(execution_id, object_type, parameter_name)), position('geheim'::bytea IN parameter_secret) AS plain
  FROM internal.execution_parameter_value WHERE execution_id = :id AND parameter_name = 'secret';
-- System parameters.
SELECT try(:id, 50, 'LOGGING_LEVEL', 3) AS level, try(:id, 50, 'LOGGING_LEVEL', '100') AS custom, try(:id, 50, 'LOGGING_LEVEL', 5) AS bad, try(:id, 50, 'SYNCHRONIZED', 1) AS int, try(:id, 50, 'SYNCHRONIZED', true) AS bool, try(:id, 50, 'CALLER_INFO', 'cron') AS info,
       try(:id, 50, 'DUMP_ON_ERROR', false) AS dump, try(:id, 50, 'DUMP_EVENT_CODE', '0xC020801C;1') AS codes, try(:id, 50, 'CUSTOMIZED_LOGGING_LEVEL', 'mine') AS level, try(:id, 50, 'nonsense', 1) AS unknown;
SELECT try(:id, 50, 'MAX_LOST_ATTEMPTS', 5) AS lost, try(:id, 50, 'MAX_LOST_ATTEMPTS', -1) AS bad, try(:id, 50, 'LEASE_INTERVAL_MS', 2000) AS lease, try(:id, 50, 'LEASE_INTERVAL_MS', 1) AS bad;
SELECT max_lost_attempts, (SELECT lease_interval_ms FROM internal.execution e WHERE e.execution_id = v.execution_id) FROM catalog.executions v WHERE execution_id = :id;
SELECT try(:id, 40, 's', 1) AS bad_type, try(:id, 20, 's', 'x') AS not_of_project, try(:id, 30, 'S', 'x') AS other_case, try(NULL, 30, 's', 'x') AS no_id, try(-5, 30, 's', 'x') AS unknown_id;
SET scaleout.max_lost_attempts = 9;
SELECT catalog.create_execution('sales', 'types', 'all') > 0 AS created;
SELECT max_lost_attempts FROM catalog.executions WHERE execution_id = (SELECT max(execution_id) FROM catalog.executions);
RESET scaleout.max_lost_attempts;
-- Property overrides.
SELECT catalog.set_execution_property_override_value(:id, '\Package\load.Properties[sql]', 'SELECT 1', false), catalog.set_execution_property_override_value(:id, '\Package.Connections[a].Properties[password]', 'geheim', true);
SELECT catalog.set_execution_property_override_value(:id, '\Package\load.Properties[sql]', 'SELECT 2', false);
SELECT property_path, property_value, sensitive FROM catalog.execution_property_override_values WHERE execution_id = :id ORDER BY property_id;
SELECT internal.decrypt_secret(property_secret, internal.secret_of_override(execution_id, property_path)) FROM internal.execution_property_override WHERE sensitive;
SELECT catalog.set_execution_property_override_value(:id, 'nonsense', 'x', false);
-- What the error says.
DO $$
DECLARE
	id bigint := catalog.create_execution('sales', 'types', 'all');
	message text;
	details text;
	hint text;
BEGIN
	PERFORM catalog.set_execution_parameter_value(id, 30, 'i32', 'secret words');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE NOTICE '% | % | % | %', SQLSTATE, message, details, hint;
END
$$;
DROP FUNCTION public.try(bigint, integer, text, text), public.try(bigint, integer, text, anyelement);
