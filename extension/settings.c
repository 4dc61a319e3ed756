/*
 * extension/settings.c
 *
 * Defines the settings scaleout.* and turns the ones that may be empty into
 * what they mean.
 *
 * Process: every process of the server; defined once in the postmaster.
 * Nothing is shared: each process has its own copy of the values.  Check hooks
 * also run in the postmaster, therefore they look at the form of a path only
 * and never open it.
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/protocol.h"
#include "extension/compat.h"
#include "extension/settings.h"
#include "miscadmin.h"
#include "utils/guc.h"

char *so_setting_database;
char *so_setting_listen_addresses;
int so_setting_port_number = SO_DEFAULT_PORT;
char *so_setting_host_name;
int so_setting_max_connections = 1000;
int so_setting_idle_timeout = 75000;
int so_setting_request_timeout = 20000;

char *so_setting_security_directory;
char *so_setting_certificate_file;
char *so_setting_key_file;
char *so_setting_encryption_key_file;
char *so_setting_encryption_key_command;
char *so_setting_program_directory;

int so_setting_lease_interval = 60000;
int so_setting_lease_margin = 5000;
int so_setting_agent_heartbeat_interval = 10000;
int so_setting_long_poll_interval = 25000;
int so_setting_master_heartbeat_interval = 30000;
int so_setting_probe_interval = 5000;
int so_setting_loader_timeout = 60000;
int so_setting_max_lost_attempts = 2;
int so_setting_log_copy_timeout = 30000;

char *so_setting_log_file;
int so_setting_log_level = SO_LOG_DEFAULT_MASK;
int so_setting_log_rotation_size = 10 * 1024;
int so_setting_log_rotation_age = 0;
int so_setting_log_rotation_count = 8;

#define ONE_DAY_MS (24 * 60 * 60 * 1000)

/* A path setting is empty (use the default) or absolute. */
static bool
check_path(char **value, void **extra, GucSource source)
{
	if (*value == NULL || **value == '\0' || **value == '/')
		return true;
	GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	GUC_check_errdetail("The path \"%s\" is not absolute.", *value);
	GUC_check_errhint("Write the whole path, beginning with a slash.");
	return false;
}

static void
define_path(const char *name, const char *description, const char *explanation, char **variable,
			const char *initial)
{
	DefineCustomStringVariable(name, description, explanation, variable, initial, PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY, check_path, NULL, NULL);
}

static void
define_interval(const char *name, const char *description, const char *explanation, int *variable,
				int minimum, int maximum, GucContext context)
{
	DefineCustomIntVariable(name, description, explanation, variable, *variable, minimum, maximum,
							context, GUC_UNIT_MS, NULL, NULL, NULL);
}

static void
define_endpoint(void)
{
	DefineCustomStringVariable("scaleout.database",
							   "The only database in which the master may run.",
							   "Empty: the one in which enable_scaleout was called.",
							   &so_setting_database, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"scaleout.listen_addresses",
		"Addresses on which the master listens for workers, separated by commas.",
		"* stands for all addresses.", &so_setting_listen_addresses, "localhost", PGC_SIGHUP, 0,
		NULL, NULL, NULL);
	DefineCustomIntVariable("scaleout.port_number", "Port on which the master listens for workers.",
							"0 takes any free port; master_properties shows which.",
							&so_setting_port_number, SO_DEFAULT_PORT, 0, 65535, PGC_SIGHUP, 0, NULL,
							NULL, NULL);
	DefineCustomStringVariable(
		"scaleout.host_name", "Name of this host in the master's address and certificate.",
		"Empty: the system's host name, or localhost when the master listens on loopback only.",
		&so_setting_host_name, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("scaleout.max_connections", "Most connections of workers at a time.",
							"A worker needs two. Further ones are answered with 503.",
							&so_setting_max_connections, 1000, 1, 65536, PGC_SIGHUP, 0, NULL, NULL,
							NULL);
	define_interval("scaleout.idle_timeout",
					"Time after which an idle connection of a worker is closed.", NULL,
					&so_setting_idle_timeout, 1000, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.request_timeout",
					"Time within which a request of a worker must have arrived.", NULL,
					&so_setting_request_timeout, 100, ONE_DAY_MS, PGC_SIGHUP);
}

static void
define_files(void)
{
	define_path("scaleout.security_directory",
				"Directory for certificate, keys and binding token; outside the data directory.",
				"Empty: the data directory's path with _scaleout appended.",
				&so_setting_security_directory, "");
	define_path("scaleout.certificate_file", "The master's certificate (PEM).",
				"Empty: master.crt in scaleout.security_directory.", &so_setting_certificate_file,
				"");
	define_path("scaleout.key_file", "The private key of the master's certificate (PEM).",
				"Empty: master.key in scaleout.security_directory.", &so_setting_key_file, "");
	define_path("scaleout.encryption_key_file",
				"The key with which sensitive values are encrypted.",
				"Empty: encryption.key in scaleout.security_directory.",
				&so_setting_encryption_key_file, "");
	DefineCustomStringVariable(
		"scaleout.encryption_key_command", "A command that prints the key of sensitive values.",
		"Empty: the key is in scaleout.encryption_key_file.", &so_setting_encryption_key_command,
		"", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	define_path("scaleout.program_directory", "Directory of the helper programs of this version.",
				"Empty: that of the installation.", &so_setting_program_directory,
				SO_PROGRAM_DIRECTORY);
}

static void
define_intervals(void)
{
	define_interval("scaleout.lease_interval",
					"Time that a task belongs to a worker without a renewal.",
					"The worker kills the task when it has had no renewal for that long.",
					&so_setting_lease_interval, 500, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.lease_margin",
					"Time beyond scaleout.lease_interval after which a task is offered again.",
					"Keeps two attempts apart although clocks run differently.",
					&so_setting_lease_margin, 0, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.agent_heartbeat_interval",
					"Time between two reports of a worker that has nothing to report.", NULL,
					&so_setting_agent_heartbeat_interval, 100, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.long_poll_interval",
					"Time for which a worker's request for work is kept open.", NULL,
					&so_setting_long_poll_interval, 100, SO_LIMIT_LONG_POLL_MS, PGC_SIGHUP);
	define_interval("scaleout.master_heartbeat_interval",
					"Time between two updates of LAST_ONLINE_TIME in master_properties.", NULL,
					&so_setting_master_heartbeat_interval, 100, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.probe_interval",
					"Time between two looks for requests that nobody announced.",
					"Covers restores and direct changes; submitted work is announced at once.",
					&so_setting_probe_interval, 100, ONE_DAY_MS, PGC_SIGHUP);
	define_interval("scaleout.loader_timeout",
					"Time within which deployed documents must be checked.", NULL,
					&so_setting_loader_timeout, 100, ONE_DAY_MS, PGC_USERSET);
	define_interval("scaleout.log_copy_timeout",
					"Time within which the log database must let the server in and answer.",
					"After it the connection is given up and tried again later.",
					&so_setting_log_copy_timeout, 100, ONE_DAY_MS, PGC_SIGHUP);
	DefineCustomIntVariable(
		"scaleout.max_lost_attempts",
		"How many times a new execution may lose its worker and be offered again.",
		"Does not count against retry_count.", &so_setting_max_lost_attempts, 2, 0, 1000,
		PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
define_log(void)
{
	define_path("scaleout.log_file",
				"A file for the lines of the master, its gateway and its helpers alone.",
				"Empty: they are in the server's log only, where they always are.",
				&so_setting_log_file, "");
	DefineCustomIntVariable(
		"scaleout.log_level", "What goes to scaleout.log_file.",
		"A sum of: 1 Verbose, 2 Information, 4 Warning, 8 Error, 16 Progress, 32 CriticalError, "
		"64 Audit; of what log_min_messages lets through.",
		&so_setting_log_level, SO_LOG_DEFAULT_MASK, 0, 127, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("scaleout.log_rotation_size",
							"Size beyond which scaleout.log_file is renamed and begun anew.",
							"0: never.", &so_setting_log_rotation_size, 10 * 1024, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	define_interval("scaleout.log_rotation_age",
					"Age beyond which scaleout.log_file is renamed and begun anew.", "0: never.",
					&so_setting_log_rotation_age, 0, INT_MAX, PGC_SIGHUP);
	DefineCustomIntVariable(
		"scaleout.log_rotation_count", "How many old ones of scaleout.log_file are kept.", NULL,
		&so_setting_log_rotation_count, 8, 0, 1000, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

void
so_settings_init(void)
{
	define_endpoint();
	define_files();
	define_intervals();
	define_log();
	MarkGUCPrefixReserved("scaleout");
}

char *
so_setting_resolved_security_directory(void)
{
	if (so_setting_security_directory[0] != '\0')
		return pstrdup(so_setting_security_directory);
	return psprintf("%s_scaleout", DataDir);
}

/* The file that the setting names, or the default name in the security directory. */
static char *
resolved_file(const char *setting, const char *name)
{
	if (setting != NULL && setting[0] != '\0')
		return pstrdup(setting);
	return psprintf("%s/%s", so_setting_resolved_security_directory(), name);
}

char *
so_setting_resolved_certificate_file(void)
{
	return resolved_file(so_setting_certificate_file, "master.crt");
}

char *
so_setting_resolved_key_file(void)
{
	return resolved_file(so_setting_key_file, "master.key");
}

char *
so_setting_resolved_encryption_key_file(void)
{
	return resolved_file(so_setting_encryption_key_file, "encryption.key");
}

char *
so_setting_resolved_token_file(void)
{
	return resolved_file(NULL, "binding.token");
}

char *
so_setting_resolved_program(const char *program)
{
	const char *directory = so_setting_program_directory;

	return psprintf("%s/%s", directory[0] != '\0' ? directory : SO_PROGRAM_DIRECTORY, program);
}

/* Does the master listen on the loopback interface only? */
static bool
listens_on_loopback_only(void)
{
	static const char *const loopback[] = {"localhost", "127.0.0.1", "::1", "[::1]"};
	char *rest = pstrdup(so_setting_listen_addresses);
	char *part;
	bool any = false;

	while ((part = strsep(&rest, ", ")) != NULL)
	{
		bool found = *part == '\0';

		for (int i = 0; i < lengthof(loopback) && !found; i++)
		{
			found = strcmp(part, loopback[i]) == 0;
			any |= found;
		}
		if (!found)
			return false;
	}
	return any;
}

char *
so_setting_resolved_host_name(void)
{
	/* The host's name often stands for an address that nobody listens on then. */
	if (so_setting_host_name[0] == '\0' && listens_on_loopback_only())
		return pstrdup("localhost");
	return so_setting_machine_name();
}

char *
so_setting_machine_name(void)
{
	char name[HOST_NAME_MAX + 1];

	if (so_setting_host_name[0] != '\0')
		return pstrdup(so_setting_host_name);
	if (gethostname(name, sizeof(name)) != 0)
		return pstrdup("localhost");
	name[HOST_NAME_MAX] = '\0';
	return pstrdup(name);
}
