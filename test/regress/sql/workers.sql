-- Workers and certificates: everything is a request to the master.
\set SHOW_CONTEXT never
SELECT WorkerAgentId, IsEnabled, DisplayName, MachineName, is_online FROM catalog.worker_agents ORDER BY WorkerAgentId;
SELECT WorkerAgentId, MachineName FROM catalog.worker_agents ORDER BY 1;
DELETE FROM internal.request;
SELECT catalog.enable_worker_agent('00000000-0000-0000-0000-000000000001'), catalog.disable_worker_agent(WorkerAgentId => '00000000-0000-0000-0000-000000000001'),
       catalog.remove_worker_agent('00000000-0000-0000-0000-000000000001');
SELECT catalog.set_worker_agent_property('00000000-0000-0000-0000-000000000001', 'DisplayName', 'loader'),
       catalog.set_worker_agent_property(WorkerAgentId => '00000000-0000-0000-0000-000000000001', PropertyName => 'Tags', PropertyValue => NULL);
SELECT kind, agent_id, payload FROM internal.request ORDER BY request_id;
\set VERBOSITY sqlstate
SELECT catalog.enable_worker_agent('00000000-0000-0000-0000-000000000009');
SELECT catalog.disable_worker_agent('00000000-0000-0000-0000-000000000009');
SELECT catalog.remove_worker_agent('00000000-0000-0000-0000-000000000009');
SELECT catalog.set_worker_agent_property('00000000-0000-0000-0000-000000000009', 'Tags', 'x');
SELECT catalog.set_worker_agent_property('00000000-0000-0000-0000-000000000001', 'tags', 'x');
SELECT catalog.set_worker_agent_property('00000000-0000-0000-0000-000000000001', 'Description', repeat('x', 257));
SELECT catalog.trust_worker_certificate('nonsense');
SELECT catalog.trust_worker_certificate('');
\set VERBOSITY default
DELETE FROM internal.request;
\set pem `cat "$PG_ABS_SRCDIR"/data/worker.crt 2>/dev/null`
SELECT catalog.trust_worker_certificate(:'pem') AS thumbprint;
SELECT catalog.trust_worker_certificate(pem => :'pem', enable => true) = thumbprint AS same FROM catalog.worker_certificates;
SELECT subject, names, workeragentid, trusted_by, enable_on_register, revoked, not_before < not_after AS valid FROM catalog.worker_certificates;
SELECT kind, payload FROM internal.request ORDER BY request_id;
