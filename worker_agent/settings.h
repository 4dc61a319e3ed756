/*
 * worker_agent/settings.h
 *
 * The settings of a worker agent: a file of "name = value" lines with comments,
 * written like postgresql.conf.  The names are those of WorkerSettings.config
 * (SSIS Scale Out), in Microsoft's spelling and the correct one, plus those that
 * a Linux daemon needs.  One table holds name, alias, type, default, range and
 * description of each (settings_table.h); the parser, the sample file and "show" are
 * made from it.
 *
 * Process: agent.  A settings object is made whole and then replaces the old one.
 */
#ifndef WORKER_AGENT_SETTINGS_H
#define WORKER_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "common/error.h"

typedef struct SoSettings
{
	char *file; /* absolute path of the file it was read from */

	/* texts; never NULL, paths are absolute */
	char *agent_id;
	char *display_name;
	char *description;
	char *master_endpoint;   /* comma-separated */
	char *master_thumbprint; /* comma-separated */
	char *worker_thumbprint;
	char *store_location;
	char *store_name;
	char *tasks_root_folder;
	char *spool_folder;
	char *security_directory;
	char *certificate_file;
	char *key_file;
	char *runner_program;
	char *log_destination; /* auto, file, journal, stderr */
	char *log_file;        /* empty: none */
	char *pressure_folder;
	char *control_group_folder; /* empty: the own one */

	int64_t max_task_count;
	int64_t task_log_level;
	int64_t task_log_max_size; /* MB */
	int64_t log_level;
	int64_t log_rotation_size; /* MB */
	int64_t log_rotation_count;
	int64_t max_buffer_log_count;
	int64_t max_in_memory_buffer_count;
	int64_t log_retry_count;
	double task_request_max_cpu;          /* percent */
	double task_request_min_memory;       /* MB */
	double task_request_max_cpu_pressure; /* percent of the time */
	double task_request_max_memory_pressure;
	double task_request_max_io_pressure;
	bool task_log_enabled;
	bool allow_root;

	/* milliseconds */
	int64_t agent_heartbeat_interval;
	int64_t task_heartbeat_interval;
	int64_t heartbeat_error_tolerance;
	int64_t lease_interval;
	int64_t task_log_segment;
	int64_t log_retry_timeout;
	int64_t drain_timeout;
	int64_t log_rotation_age;
	int64_t task_folder_retention;
} SoSettings;

/* Everything that is wrong with a file, not only the first. */
#define SO_SETTINGS_MAX_ERRORS 32

typedef struct SoSettingsErrors
{
	int count; /* may exceed the array; the rest is only counted */
	SoError errors[SO_SETTINGS_MAX_ERRORS];
} SoSettingsErrors;

/*
 * Parse text (the contents of file, whose folder completes relative paths).
 * Returns a new object below context, or NULL with at least one error, each
 * with "file:line" as its place.  errors is reset first.
 */
extern SoSettings *so_settings_parse(TALLOC_CTX *context, const char *text, const char *file,
									 SoSettingsErrors *errors);

/* The same of a file; SO007 when it cannot be read. */
extern SoSettings *
so_settings_load(TALLOC_CTX *context, const char *file, SoSettingsErrors *errors);

/*
 * Compare what a reload would change.  Names of settings that differ but take
 * effect only at a restart are written comma-separated into needs_restart (size
 * bytes; empty when there are none).  Returns the number of settings that differ.
 */
extern int
so_settings_compare(const SoSettings *old, const SoSettings *new, char *needs_restart, size_t size);

/* Copy the reloadable settings of from into to (texts are copied below to). */
extern void so_settings_apply_reloadable(SoSettings *to, const SoSettings *from);

#endif /* WORKER_AGENT_SETTINGS_H */
