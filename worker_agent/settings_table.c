/*
 * worker_agent/settings_table.c
 *
 * The settings of WorkerSettings.config with their defaults, and our own.
 *
 * Process: agent; constant data, nothing to lose.
 */
#include "worker_agent/settings_table.h"

#include <strings.h>

#include "common/nearest.h"

#define FIELD(member) offsetof(SoSettings, member)
#define DAY_MS        86400000.0

#define TEXT(name, member, initial, flags, section, description)                                   \
	{                                                                                              \
		name, NULL, SO_SETTING_TEXT, FIELD(member), initial, 0, 0, flags, section, description     \
	}
#define PATH(name, member, initial, flags, section, description)                                   \
	{                                                                                              \
		name, NULL, SO_SETTING_PATH, FIELD(member), initial, 0, 0, flags, section, description     \
	}
#define DURATION(name, alias, member, initial, low, high, flags, section, description)             \
	{                                                                                              \
		name, alias, SO_SETTING_DURATION, FIELD(member), initial, low, high, flags, section,       \
			description                                                                            \
	}
#define INTEGER(name, member, initial, low, high, flags, section, description)                     \
	{                                                                                              \
		name, NULL, SO_SETTING_INTEGER, FIELD(member), initial, low, high, flags, section,         \
			description                                                                            \
	}
#define NUMBER(name, member, initial, low, high, flags, section, description)                      \
	{                                                                                              \
		name, NULL, SO_SETTING_NUMBER, FIELD(member), initial, low, high, flags, section,          \
			description                                                                            \
	}

const SoSettingRow so_setting_rows[] = {
	{"AgentId", NULL, SO_SETTING_UUID, FIELD(agent_id), "", 0, 0, SO_SETTING_REQUIRED, "Identity",
	 "Id of this worker, made once by scaleout-worker init. Never copy it to another machine."},
	TEXT("DisplayName", display_name, "", SO_SETTING_RELOAD, NULL,
		 "Name with which this worker registers; empty: the host name. Once it is known, "
		 "catalog.set_worker_agent_property changes what the catalog shows."),
	TEXT("Description", description, "", SO_SETTING_RELOAD, NULL,
		 "Free text with which this worker registers; afterwards as DisplayName."),
	PATH("SecurityDirectory", security_directory, "", 0, NULL,
		 "Folder of the identity: certificate, key, lock and the last epoch; empty: the folder of "
		 "this file."),
	PATH("CertificateFile", certificate_file, "", 0, NULL,
		 "Certificate of this worker (PEM); empty: worker.crt in SecurityDirectory."),
	PATH("KeyFile", key_file, "", 0, NULL,
		 "Private key of this worker (PEM, mode 600); empty: worker.key in SecurityDirectory."),
	{"WorkerHttpsCertThumbprint", NULL, SO_SETTING_THUMBPRINTS, FIELD(worker_thumbprint), "", 0, 0,
	 0, NULL,
	 "SHA-256 thumbprint of CertificateFile. When set, the worker refuses to start with another "
	 "certificate."},
	TEXT("StoreLocation", store_location, "LocalMachine", SO_SETTING_UNUSED, NULL,
		 "Windows certificate store; CertificateFile and KeyFile take its place."),
	TEXT("StoreName", store_name, "My", SO_SETTING_UNUSED, NULL,
		 "Windows certificate store; CertificateFile and KeyFile take its place."),

	{"MasterEndpoint", NULL, SO_SETTING_ENDPOINTS, FIELD(master_endpoint), "", 0, 0,
	 SO_SETTING_REQUIRED | SO_SETTING_RELOAD, "Master",
	 "https://host:port of the master; several, separated by commas, are tried in turn. The host "
	 "must be one of the names in the master's certificate."},
	{"MasterHttpsCertThumbprint", NULL, SO_SETTING_THUMBPRINTS, FIELD(master_thumbprint), "", 0, 0,
	 SO_SETTING_REQUIRED | SO_SETTING_RELOAD, NULL,
	 "SHA-256 thumbprint of the master's certificate (catalog.master_properties shows it); "
	 "several, separated by commas, while a certificate is replaced or for a cluster."},
	DURATION("AgentHeartbeatInterval", NULL, agent_heartbeat_interval, "00:01:00", 1, DAY_MS,
			 SO_SETTING_UNUSED, NULL,
			 "The master dictates this interval when the worker registers."),
	DURATION("TaskHeartbeatInterval", NULL, task_heartbeat_interval, "00:00:10", 1, DAY_MS,
			 SO_SETTING_UNUSED, NULL,
			 "The master dictates this interval when the worker registers."),
	DURATION("LeaseInterval", "LeaseInternval", lease_interval, "00:01:00", 1, DAY_MS,
			 SO_SETTING_UNUSED, NULL, "The master dictates this interval with every task."),
	DURATION("HeartbeatErrorTolerance", "HeartbeatErrorTollerance", heartbeat_error_tolerance,
			 "00:10:00", 100, 36500 * DAY_MS, SO_SETTING_RELOAD, NULL,
			 "A runner whose lease has not been renewed for this long is killed; the lease "
			 "interval of the task ends it earlier when it is shorter."),

	INTEGER("MaxTaskCount", max_task_count, "10", 1, 1024, SO_SETTING_RELOAD, "Tasks",
			"How many tasks run at the same time."),
	NUMBER(
		"TaskRequestMaxCPU", task_request_max_cpu, "70.0", 0, 100, SO_SETTING_RELOAD, NULL,
		"CPU use in percent, averaged over half a minute, above which no task is requested; 100: "
		"no limit. It is the use of the machine, whoever causes it, or of the cores that the "
		"worker's control group may use (CPUQuota), whichever is more."),
	NUMBER("TaskRequestMinMemory", task_request_min_memory, "100.0", 0, 1e9, SO_SETTING_RELOAD,
		   NULL,
		   "Available memory in MB below which no task is requested; 0: no limit. It is the memory "
		   "of the machine or what the limit of the worker's control group leaves (MemoryMax), "
		   "whichever is less."),
	NUMBER("TaskRequestMaxMemoryPressure", task_request_max_memory_pressure, "25", 0, 100,
		   SO_SETTING_RELOAD, NULL,
		   "Percent of the last ten seconds in which some process waited for memory, above which "
		   "no task is requested; 100: no limit. The figure is \"some avg10\" of the kernel's "
		   "pressure-stall information, of the machine or of the worker's control group; not used "
		   "when the kernel does not tell it."),
	NUMBER("TaskRequestMaxIoPressure", task_request_max_io_pressure, "100", 0, 100,
		   SO_SETTING_RELOAD, NULL,
		   "The same for waiting for I/O; 100: no limit, because loads of data often wait for it."),
	NUMBER("TaskRequestMaxCpuPressure", task_request_max_cpu_pressure, "100", 0, 100,
		   SO_SETTING_RELOAD, NULL,
		   "The same for waiting for a CPU; 100: no limit, because TaskRequestMaxCPU is one."),
	PATH("TasksRootFolder", tasks_root_folder, "", 0, NULL,
		 "Work and log folders of the tasks, one folder per task id; empty: tasks next to this "
		 "file."),
	DURATION("TaskFolderRetention", NULL, task_folder_retention, "7d", 0, 36500 * DAY_MS,
			 SO_SETTING_RELOAD, NULL,
			 "Task folders that have not changed for this long are removed; 0s: they are kept."),
	{"TaskLogEnabled", NULL, SO_SETTING_BOOLEAN, FIELD(task_log_enabled), "true", 0, 0,
	 SO_SETTING_RELOAD, NULL,
	 "Write a log file per attempt into the task's folder: attempt-<n>.log. Running tasks follow "
	 "a change at once."},
	INTEGER("TaskLogLevel", task_log_level, "126", 0, 127, SO_SETTING_RELOAD, NULL,
			"What goes to the task log, a sum of: 1 Verbose, 2 Information, 4 Warning, 8 Error, 16 "
			"Progress, 32 CriticalError, 64 Audit."),
	DURATION("TaskLogSegment", NULL, task_log_segment, "00:00:00", 0, 365 * DAY_MS,
			 SO_SETTING_RELOAD, NULL,
			 "Time that one task log file covers; 00:00:00: one file per attempt."),
	INTEGER("TaskLogMaxSize", task_log_max_size, "100", 0, 1000000, SO_SETTING_RELOAD, NULL,
			"Most MB that the log of one attempt may take, all its files together; what comes "
			"after is counted and not written. 0: no limit."),
	PATH("RunnerProgram", runner_program, "", 0, NULL,
		 "The program that runs packages; empty: the installed scaleout-runner of the worker's "
		 "version."),

	PATH("ExecutionLogCacheFolder", spool_folder, "", 0, "Execution log",
		 "Folder of the spool: what runners report stays here until the master has committed it; "
		 "empty: spool next to this file."),
	INTEGER("ExecutionLogMaxBufferLogCount", max_buffer_log_count, "10000", 1, 1000000,
			SO_SETTING_RELOAD, NULL,
			"Records per buffer. This number times ExecutionLogMaxInMemoryBufferCount records may "
			"wait for the master; then no task is requested until there are fewer."),
	INTEGER("ExecutionLogMaxInMemoryBufferCount", max_in_memory_buffer_count, "10", 1, 1000,
			SO_SETTING_RELOAD, NULL, "See ExecutionLogMaxBufferLogCount."),
	INTEGER("ExecutionLogRetryCount", log_retry_count, "3", 0, 1000000, SO_SETTING_UNUSED, NULL,
			"Writing and sending are tried again until they succeed or ExecutionLogRetryTimeout is "
			"over."),
	DURATION("ExecutionLogRetryTimeout", NULL, log_retry_timeout, "7.00:00:00", 1000,
			 36500 * DAY_MS, SO_SETTING_RELOAD, NULL,
			 "How long a runner waits when the spool cannot be written, before it is killed."),

	{"LogDestination", NULL, SO_SETTING_CHOICE, FIELD(log_destination), "auto", 0, 0,
	 SO_SETTING_RELOAD, "Daemon",
	 "Where the worker's own log goes: file (LogFile), journal, stderr, or auto: to LogFile when "
	 "it is set, else to the journal when standard error is connected to it, as in a service, "
	 "else to standard error.",
	 "auto, file, journal, stderr"},
	TEXT("LogFile", log_file, "", SO_SETTING_RELOAD, NULL,
		 "Log of the worker itself, an absolute path; empty: none. SIGHUP opens it again."),
	INTEGER("LogRotationSize", log_rotation_size, "10", 0, 1000000, SO_SETTING_RELOAD, NULL,
			"MB beyond which LogFile is renamed to LogFile.1 (and that one to LogFile.2) and "
			"begun anew; 0: never, for example because logrotate does it."),
	DURATION("LogRotationAge", NULL, log_rotation_age, "00:00:00", 0, 3650 * DAY_MS,
			 SO_SETTING_RELOAD, NULL, "Time after which that is done as well; 00:00:00: never."),
	INTEGER("LogRotationCount", log_rotation_count, "8", 0, 1000, SO_SETTING_RELOAD, NULL,
			"How many old ones are kept."),
	INTEGER("LogLevel", log_level, "126", 0, 127, SO_SETTING_RELOAD, NULL,
			"What goes to the worker's own log; the numbers of TaskLogLevel."),
	PATH("PressureFolder", pressure_folder, "/proc/pressure", 0, NULL,
		 "Folder of the kernel's pressure files cpu, memory and io."),
	PATH("ControlGroupFolder", control_group_folder, "", 0, NULL,
		 "The control group (version 2) whose limits and pressure count, such as that of a slice; "
		 "empty: the worker's own. The groups around it count as well."),
	DURATION("DrainTimeout", NULL, drain_timeout, "00:00:00", 0, 365 * DAY_MS, SO_SETTING_RELOAD,
			 NULL,
			 "After SIGTERM running tasks may go on for this long before they are killed; "
			 "00:00:00: until they end."),
	{"AllowRoot", NULL, SO_SETTING_BOOLEAN, FIELD(allow_root), "false", 0, 0, SO_SETTING_RELOAD,
	 NULL,
	 "The worker may be run by root, and the programs of packages with it; false: it does, and "
	 "warns of it. The root of a user namespace is no such root."},
};

const size_t so_setting_row_count = sizeof(so_setting_rows) / sizeof(so_setting_rows[0]);

const SoSettingRow *
so_setting_find(const char *name)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (strcasecmp(row->name, name) == 0 ||
			(row->alias != NULL && strcasecmp(row->alias, name) == 0))
			return row;
	}
	return NULL;
}

const char *
so_setting_nearest_name(const char *name)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, name);
	for (size_t i = 0; i < so_setting_row_count; i++)
		so_nearest_offer(&nearest, so_setting_rows[i].name);
	return nearest.name;
}
