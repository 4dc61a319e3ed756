-- Deployment: checked by the loader in a process of its own, stored in canonical form.
\set SHOW_CONTEXT never
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[
	('empty', '{"name": "empty", "executables": []}'),
	('load', '{"name": "load", "description": "loads", "parameters": [
		{"name": "since", "type": "datetime", "required": true},
		{"name": "batch", "type": "int32", "value": 100},
		{"name": "dry_run", "type": "boolean", "value": false},
		{"name": "rate", "type": "double"},
		{"name": "label", "type": "string", "value": "a"},
		{"name": "password", "type": "string", "sensitive": true}],
		"executables": [{"name": "wait", "type": "execute_process", "executable": "/bin/true"}]}')]::catalog.package_table_type[]) > 0 AS deployed;
SELECT name, description, project_format_version, deployed_by_name, validation_status, length(content_hash) FROM catalog.projects;
SELECT name, description, package_format_version, entry_point, required_task_types, package_guid IS NOT NULL AS guid FROM catalog.packages ORDER BY name;
SELECT object_type, object_name, parameter_name, data_type, required, sensitive, design_default_value, value_set FROM catalog.object_parameters
 ORDER BY object_name, parameter_name;
SELECT operation_type, object_type, object_name, status, caller_name, start_time <= end_time AS times FROM catalog.operations;
-- Incremental: the other package stays, the version changes, the old one is kept.
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('extra', '{"name": "extra", "executables": []}')]::catalog.package_table_type[],
	project_document => '{"description": "every night", "parameters": [{"name": "region", "type": "string", "value": "north"}]}') > 0 AS deployed;
SELECT name FROM catalog.packages ORDER BY name;
SELECT name, description FROM catalog.projects;
SELECT object_type, object_name, parameter_name, design_default_value FROM catalog.object_parameters WHERE object_type = 20;
SELECT count(*), count(DISTINCT content_hash), max(object_version_lsn) = (SELECT object_version_lsn FROM catalog.projects) AS newest FROM catalog.object_versions;
SELECT v.content_hash = encode(sha256(convert_to(v.document::text, 'UTF8')), 'hex') AS hash, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(v.document -> 'packages') k) AS packages
  FROM internal.project_version v ORDER BY object_version_lsn;
-- Refused: nothing to deploy, bad names, twice the same, bad documents (all findings at once).
\set VERBOSITY sqlstate
SELECT catalog.deploy_packages('sales', 'nightly', NULL);
SELECT catalog.deploy_packages('sales', 'nightly', '{}');
SELECT catalog.deploy_packages('nothing', 'nightly', ARRAY[('a', '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', NULL, ARRAY[('a', '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'a|b', ARRAY[('a', '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('a|b', '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[(NULL, '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('a', NULL)]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[NULL]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('a', '{}'), ('a', '{}')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('a', '[1]')]::catalog.package_table_type[]);
SELECT catalog.deploy_packages('sales', 'nightly', ARRAY[('a', '{"name": "a", "nonsense": 1}')]::catalog.package_table_type[]);
\set VERBOSITY default
DO $$
DECLARE
	message text;
	details text;
BEGIN
	PERFORM catalog.deploy_packages('sales', 'nightly', ARRAY[('a', '{"name": "a", "nonsense": 1, "executables": [{"name": "b", "type": "no_such_task"}]}')]::catalog.package_table_type[]);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL;
	RAISE NOTICE '% %', SQLSTATE, message;
	RAISE NOTICE '% findings, with pointer: %', array_length(string_to_array(details, E'\n'), 1), details LIKE '%SO6__ /packages/a%';
END
$$;
-- Nothing of the refused ones is left.
SELECT count(*) FROM catalog.object_versions;
SELECT name FROM catalog.packages ORDER BY name;
