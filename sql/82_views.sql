-- 82_views.sql
--
-- The public views: SSIS's columns first, ours after them.  Visibility is one
-- array predicate, computed once per query; "OR" would cost the index.

-- current_user is the caller here, also below other views, while the tables
-- are read with the owner's rights.
CREATE VIEW internal.my_projects AS
	SELECT p.project_id FROM internal.project p
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_cluster_executor', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_logreader', 'usage')
	UNION ALL
	SELECT d.project_id FROM internal.deleted_project d
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_logreader', 'usage')
	UNION ALL
	-- What belongs to no project.
	SELECT 0 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW internal.my_projects IS 'Projects that the current user may see; 0 stands for none';

CREATE VIEW catalog.folders WITH (security_barrier) AS
	SELECT f.folder_id AS id, f.name, f.description, f.created_by AS created_by_name, f.created_time
	  FROM internal.folder f
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_cluster_executor', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_logreader', 'usage');
COMMENT ON VIEW catalog.folders IS 'Folders that you may see';

CREATE VIEW catalog.projects WITH (security_barrier) AS
	SELECT p.project_id, p.folder_id, p.name, p.description, p.project_format_version, p.deployed_by AS deployed_by_name,
		   p.last_deployed_time, p.created_time, p.object_version_lsn, p.validation_status::character(1), p.last_validation_time,
		   p.content_hash
	  FROM internal.project p
	 WHERE p.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.projects IS 'Projects and their current version';

CREATE VIEW catalog.packages WITH (security_barrier) AS
	SELECT k.package_id, k.name, k.package_guid, k.description, k.package_format_version, k.version_major, k.version_minor,
		   k.version_build, k.version_comments, k.version_guid, k.project_id, k.entry_point, k.validation_status::character(1),
		   k.last_validation_time, k.required_task_types
	  FROM internal.package k
	 WHERE k.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.packages IS 'Packages of the current version of each project';

CREATE VIEW catalog.object_versions WITH (security_barrier) AS
	SELECT v.object_version_lsn, v.project_id AS object_id, 20::smallint AS object_type, v.project_name AS object_name, v.description,
		   v.created_by, v.created_time, v.restored_by, v.last_restored_time, v.content_hash
	  FROM internal.project_version v
	 WHERE v.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.object_versions IS 'Deployed versions of projects';

CREATE VIEW catalog.object_parameters WITH (security_barrier) AS
	SELECT o.parameter_id, o.project_id, o.object_type, o.object_name, o.parameter_name, coalesce(t.ssis_name, o.data_type) AS data_type,
		   o.required, o.sensitive, o.description, o.design_default_value,
		   CASE WHEN NOT o.sensitive THEN o.default_value END AS default_value, o.value_type::character(1), o.value_set,
		   o.referenced_variable_name, NULL::character(1) AS validation_status, NULL::timestamptz AS last_validation_time
	  FROM internal.object_parameter o LEFT JOIN internal.data_type t ON t.name = o.data_type
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.object_parameters IS 'Parameters of projects (20) and packages (30)';

CREATE VIEW catalog.operations WITH (security_barrier) AS
	SELECT o.operation_id, o.operation_type, o.created_time, o.object_type, o.object_id, o.object_name, o.status::integer AS status,
		   o.start_time, o.end_time, o.caller_name, o.process_id, o.stopped_by_name, o.server_name, o.machine_name, o.project_id
	  FROM internal.operation o
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.operations IS 'Operations; status 1 created, 2 running, 3 canceled, 4 failed, 5 pending, 6 ended unexpectedly, 7 succeeded, 8 stopping, 9 completed';

CREATE VIEW catalog.executions WITH (security_barrier) AS
	SELECT e.execution_id, e.folder_name, e.project_name, e.package_name, e.reference_id, e.reference_type::character(1),
		   e.environment_folder_name, e.environment_name, e.project_version AS project_lsn, e.executed_as_name, e.use32bitruntime,
		   e.object_type, e.object_id, o.status::integer AS status, o.start_time, o.end_time,
		   o.caller_name, o.process_id, o.stopped_by_name, e.total_physical_memory_kb, e.available_physical_memory_kb,
		   e.total_page_file_kb, e.available_page_file_kb, e.cpu_count, o.server_name, o.machine_name, e.dump_id,
		   e.runinscaleout, e.useanyworker, t.agent_id AS worker_agent_id, coalesce(w.display_name, w.machine_name) AS worker_name,
		   nullif(t.attempt, 0) AS attempt, t.failures AS retry, e.retry_count, t.lost AS lost_attempts, e.max_lost_attempts,
		   e.chain_id, t.task_id, e.project_id, o.operation_type, o.created_time
	  FROM internal.execution e
	  JOIN internal.operation o ON o.operation_id = e.execution_id
	  LEFT JOIN internal.task t ON t.execution_id = e.execution_id
	  LEFT JOIN internal.worker_agent w ON w.agent_id = t.agent_id
	 WHERE e.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.executions IS 'Executions; worker, attempt, retry and lost_attempts say where and how often they ran';

CREATE VIEW catalog.execution_attempts WITH (security_barrier) AS
	SELECT a.execution_id, a.attempt, a.retry, a.agent_id AS worker_agent_id, coalesce(w.display_name, w.machine_name) AS worker_name,
		   a.lease_time, a.start_time, a.end_time, a.process_id,
		   (ARRAY['succeeded', 'failed', 'canceled', 'lost', 'superseded'])[a.outcome] AS outcome, a.message, a.task_id
	  FROM internal.task_attempt a
	  JOIN internal.execution e ON e.execution_id = a.execution_id
	  LEFT JOIN internal.worker_agent w ON w.agent_id = a.agent_id
	 WHERE e.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.execution_attempts IS 'Every attempt of an execution: worker, times, outcome';

CREATE VIEW catalog.execution_parameter_values WITH (security_barrier) AS
	SELECT v.execution_parameter_id, v.execution_id, v.object_type, coalesce(t.ssis_name, v.parameter_data_type) AS parameter_data_type,
		   v.parameter_name, CASE WHEN NOT v.sensitive THEN v.parameter_value END AS parameter_value, v.sensitive, v.required,
		   v.value_set, v.runtime_override
	  FROM internal.execution_parameter_value v
	  JOIN internal.execution e ON e.execution_id = v.execution_id
	  LEFT JOIN internal.data_type t ON t.name = v.parameter_data_type
	 WHERE e.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.execution_parameter_values IS 'Parameter values of executions; sensitive ones are NULL';

CREATE VIEW catalog.execution_property_override_values WITH (security_barrier) AS
	SELECT v.property_id, v.execution_id, v.property_path, CASE WHEN NOT v.sensitive THEN v.property_value END AS property_value, v.sensitive
	  FROM internal.execution_property_override v
	  JOIN internal.execution e ON e.execution_id = v.execution_id
	 WHERE e.project_id = ANY ((SELECT pg_catalog.array_agg(m.project_id) FROM internal.my_projects m)::bigint[]);
COMMENT ON VIEW catalog.execution_property_override_values IS 'Property overrides of executions; sensitive ones are NULL';

CREATE VIEW catalog.event_messages WITH (security_barrier) AS
	SELECT m.event_message_id, m.operation_id, m.message_time, m.message_type, m.message_source_type, m.message, m.extended_info_id,
		   m.package_name, m.event_name, m.message_source_name, m.message_source_id, m.subcomponent_name, m.package_path,
		   m.execution_path, m.thread_id AS threadid, m.message_code, m.attempt, m.sequence, m.code, m.percent, m.progress_low,
		   m.progress_high
	  FROM internal.event_message m
	  JOIN internal.operation o ON o.operation_id = m.operation_id
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.event_messages IS 'Events of executions; name an operation_id in WHERE';

CREATE VIEW catalog.operation_messages WITH (security_barrier) AS
	SELECT m.operation_message_id, m.operation_id, m.message_time, m.message_type, m.message_source_type, m.message, m.extended_info_id,
		   m.attempt, m.code
	  FROM internal.operation_message m
	  JOIN internal.operation o ON o.operation_id = m.operation_id
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[])
	UNION ALL
	SELECT m.event_message_id, m.operation_id, m.message_time, m.message_type, m.message_source_type, m.message, m.extended_info_id,
		   m.attempt, m.code
	  FROM internal.event_message m
	  JOIN internal.operation o ON o.operation_id = m.operation_id
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.operation_messages IS 'Messages of operations, events included; name an operation_id in WHERE';

CREATE VIEW catalog.executables WITH (security_barrier) AS
	SELECT x.executable_id, x.operation_id AS execution_id, x.executable_name, x.executable_guid, x.package_name, x.package_path
	  FROM internal.executable x
	  JOIN internal.operation o ON o.operation_id = x.operation_id
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.executables IS 'Executables of each execution; name an execution_id in WHERE';

CREATE VIEW catalog.executable_statistics WITH (security_barrier) AS
	SELECT s.statistics_id, s.operation_id AS execution_id, x.executable_id, s.execution_path, s.start_time, s.end_time,
		   s.execution_duration, s.execution_result, s.execution_value, s.row_count, s.package_name, s.attempt, s.sequence
	  FROM internal.executable_statistic s
	  JOIN internal.operation o ON o.operation_id = s.operation_id
	  LEFT JOIN internal.executable x ON x.operation_id = s.operation_id AND x.package_name = s.package_name
		   AND x.executable_guid = s.executable_guid
	 WHERE o.project_id = ANY ((SELECT pg_catalog.array_agg(p.project_id) FROM internal.my_projects p)::bigint[]);
COMMENT ON VIEW catalog.executable_statistics IS 'One row per run of an executable and loop iteration; execution_duration in milliseconds';

CREATE VIEW catalog.catalog_properties WITH (security_barrier) AS
	SELECT p.property_name, p.property_value FROM internal.effective_property p
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.catalog_properties IS 'Properties of the catalog, for administrators';

CREATE VIEW catalog.master_properties AS
	SELECT v.property_name, v.property_value
	  FROM internal.master_state s
	  JOIN internal.binding b ON b.enabled
	  CROSS JOIN LATERAL (VALUES
		('CLUSTER_LOGDB_SERVER', coalesce((SELECT d.server_name FROM internal.log_database d), s.host)),
		('LAST_ONLINE_TIME', s.last_online_time::text),
		('MACHINE_IP', s.ip),
		('MACHINE_NAME', s.host),
		('MASTER_ADDRESS', coalesce(s.set_address, s.master_address)),
		('MASTER_SERVICE_PORT', s.port::text),
		('SSLCERT_THUMBPRINT', s.thumbprint)) AS v (property_name, property_value);
COMMENT ON VIEW catalog.master_properties IS 'Where the master is; empty while scaleout is not enabled or no master has run';

CREATE VIEW catalog.worker_agents WITH (security_barrier) AS
	SELECT w.agent_id AS workeragentid, w.is_enabled AS isenabled, w.display_name AS displayname, w.description, w.machine_name AS machinename,
		   w.tags, w.user_account AS useraccount, w.last_online_time AS lastonlinetime,
		   coalesce(w.last_online_time > pg_catalog.now() - 2 * pg_catalog.current_setting('scaleout.master_heartbeat_interval', true)::interval
					- pg_catalog.current_setting('scaleout.long_poll_interval', true)::interval, false) AS is_online,
		   w.version, w.max_task_count, w.thumbprint, c.not_after AS certificate_expires, w.registered_time, w.capabilities,
		   w.asked_tasks, w.asked_reason AS why_not_more, w.held_tasks, w.cpu_percent, w.memory_free_mb,
		   w.cpu_pressure, w.memory_pressure, w.io_pressure, w.not_asking_since,
		   CASE WHEN c.thumbprint IS NULL OR c.revoked THEN 'not trusted'
				WHEN c.not_after < pg_catalog.now() THEN 'expired'
				WHEN c.not_before > pg_catalog.now() THEN 'not valid yet'
				WHEN c.not_after < pg_catalog.now() + interval '30 days' THEN 'expires soon'
				ELSE 'valid' END AS certificate_state,
		   t.state AS master_trust, w.settings_file, w.clock_difference_ms
	  FROM internal.worker_agent w LEFT JOIN internal.worker_certificate c ON c.thumbprint = w.thumbprint
	  LEFT JOIN internal.worker_trust t ON t.agent_id = w.agent_id
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage')
		OR pg_catalog.pg_has_role(current_user, 'ssis_cluster_executor', 'usage');
COMMENT ON VIEW catalog.worker_agents IS 'Registered worker agents; is_online: heard of within two heartbeats of the master and a long poll';

CREATE VIEW catalog.worker_certificates WITH (security_barrier) AS
	SELECT c.thumbprint, c.agent_id AS workeragentid, c.subject, c.names, c.not_before, c.not_after, c.trusted_by, c.trusted_time,
		   c.enable_on_register, c.revoked, c.revoked_by, c.revoked_time
	  FROM internal.worker_certificate c
	 WHERE pg_catalog.pg_has_role(current_user, 'ssis_admin', 'usage');
COMMENT ON VIEW catalog.worker_certificates IS 'Certificates of workers that are or were trusted';
