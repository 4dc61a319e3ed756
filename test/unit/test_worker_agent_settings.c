/*
 * test/unit/test_worker_agent_settings.c
 *
 * The settings file of the worker: every name, every kind of mistake, reload,
 * and the sample file in packaging/.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker_agent/endpoint.h"
#include "worker_agent/settings.h"
#include "worker_agent/settings_show.h"
#include "worker_agent/settings_table.h"

#define REQUIRED                                                                                   \
	"AgentId = 0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\n"                                             \
	"MasterEndpoint = https://db:8391\n"                                                           \
	"MasterHttpsCertThumbprint = "                                                                 \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static SoSettingsErrors errors;

static SoSettings *
parse(const char *text)
{
	return so_settings_parse(NULL, text, "/etc/scaleout/worker.conf", &errors);
}

/* What is no text would end the agent later, where it writes JSON. */
static void
test_encodings(void **state)
{
	static const struct
	{
		const char *line;
		bool good;
	} rows[] = {
		{"DisplayName = B\xC3\xBCro\n", true},
		{"DisplayName = B\xFCro\n", false}, /* Latin-1 */
		{"TasksRootFolder = '/srv/B\xFCro'\n", false},
		{"Description = \xED\xA0\x80\n", false},
		{"Description = \xC3\n", false},
		{"Description = x # \xFC\n", false},
		{"# only a comment, \xFC\n", true},
		{"\xEF\xBB\xBF"
		 "Description = x\n",
		 false}, /* a byte order mark is no name */
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char text[600];
		SoSettings *settings;

		snprintf(text, sizeof(text), REQUIRED "%s", rows[i].line);
		settings = parse(text);
		assert_int_equal(settings != NULL, rows[i].good);
		if (!rows[i].good)
		{
			assert_int_equal(errors.errors[0].code, SO_ERR_AGENT_SETTING_SYNTAX);
			assert_non_null(strstr(errors.errors[0].place, ":4"));
		}
		talloc_free(settings);
	}
}

/* What Windows' editors do to a file, and what its dialogs do to a thumbprint. */
static void
test_from_windows(void **state)
{
	SoSettings *settings;

	(void) state;
	settings = parse("\xef\xbb\xbf" REQUIRED "MaxTaskCount = 3\r\n");
	assert_non_null(settings);
	assert_int_equal(settings->max_task_count, 3);
	talloc_free(settings);
	assert_null(parse(REQUIRED "WorkerHttpsCertThumbprint = "
							   "BF:10:4E:6C:64:98:62:54:FA:62:71:FC:1F:9E:52:F4:F9:A9:61:D7\n"));
	assert_non_null(strstr(errors.errors[0].detail, "SHA-1 thumbprint; SHA-256 is needed"));
}

/* Read as far as it goes would be read wrongly. */
static void
test_files(void **state)
{
	char name[] = "/tmp/scaleout-settings-XXXXXX";
	int fd = mkstemp(name);
	FILE *file = fdopen(fd, "w");
	SoSettings *settings;

	(void) state;
	assert_non_null(file);
	fputs(REQUIRED, file);
	fflush(file);
	settings = so_settings_load(NULL, name, &errors);
	assert_non_null(settings);
	talloc_free(settings);
	fputc('\0', file);
	fputs("MaxTaskCount = 3\n", file);
	fflush(file);
	assert_null(so_settings_load(NULL, name, &errors));
	assert_non_null(strstr(errors.errors[0].detail, "zero byte"));
	assert_non_null(strstr(errors.errors[0].hint, "iconv -f UTF-16"));
	rewind(file);
	for (int i = 0; i < 1024 * 1024 + 1; i++)
		fputc('#', file);
	fflush(file);
	assert_null(so_settings_load(NULL, name, &errors));
	assert_non_null(strstr(errors.errors[0].detail, "more than"));
	fclose(file);
	unlink(name);
	assert_null(so_settings_load(NULL, name, &errors));
	assert_int_equal(errors.errors[0].code, SO_ERR_FILE_UNREADABLE);
	assert_null(so_settings_load(NULL, "/tmp", &errors));
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.errors[0].code, SO_ERR_FILE_UNREADABLE);
	assert_string_equal(errors.errors[0].detail, "Is a directory.");
}

static void
test_defaults(void **state)
{
	SoSettings *settings = parse(REQUIRED);

	(void) state;
	assert_non_null(settings);
	assert_int_equal(settings->max_task_count, 10);
	assert_int_equal(settings->agent_heartbeat_interval, 60000);
	assert_int_equal(settings->task_heartbeat_interval, 10000);
	assert_int_equal(settings->heartbeat_error_tolerance, 600000);
	assert_int_equal(settings->lease_interval, 60000);
	assert_int_equal(settings->task_log_level, 126);
	assert_int_equal(settings->task_log_segment, 0);
	assert_int_equal(settings->max_buffer_log_count, 10000);
	assert_int_equal(settings->max_in_memory_buffer_count, 10);
	assert_int_equal(settings->log_retry_count, 3);
	assert_true(settings->log_retry_timeout == INT64_C(7) * 86400000);
	assert_true(settings->task_request_max_cpu == 70.0);
	assert_true(settings->task_request_min_memory == 100.0);
	assert_true(settings->task_log_enabled);
	assert_string_equal(settings->store_location, "LocalMachine");
	assert_string_equal(settings->store_name, "My");
	assert_string_equal(settings->tasks_root_folder, "/etc/scaleout/tasks");
	assert_string_equal(settings->spool_folder, "/etc/scaleout/spool");
	assert_string_equal(settings->certificate_file, "/etc/scaleout/worker.crt");
	assert_string_equal(settings->key_file, "/etc/scaleout/worker.key");
	talloc_free(settings);
}

static void
test_both_spellings(void **state)
{
	SoSettings *settings = parse(REQUIRED "LeaseInternval = 00:00:30\n"
										  "heartbeaterrortollerance = 00:01:00\n");

	(void) state;
	assert_non_null(settings);
	assert_int_equal(settings->lease_interval, 30000);
	assert_int_equal(settings->heartbeat_error_tolerance, 60000);
	talloc_free(settings);
	settings = parse(REQUIRED "LeaseInterval=5min\nHeartbeatErrorTolerance = 2s # short\n");
	assert_non_null(settings);
	assert_int_equal(settings->lease_interval, 300000);
	assert_int_equal(settings->heartbeat_error_tolerance, 2000);
	talloc_free(settings);
	/* The two spellings are one setting. */
	assert_null(parse(REQUIRED "LeaseInterval=5min\nLeaseInternval=5min\n"));
	assert_int_equal(errors.count, 1);
}

static void
test_quoting(void **state)
{
	SoSettings *settings = parse(REQUIRED "\n# comment\n  DisplayName = 'it''s # 1'  # remark\n"
										  "Description = plain text # remark\n"
										  "TasksRootFolder = data/tasks\n"
										  "SecurityDirectory = '/secure'\n");

	(void) state;
	assert_non_null(settings);
	assert_string_equal(settings->display_name, "it's # 1");
	assert_string_equal(settings->description, "plain text");
	assert_string_equal(settings->tasks_root_folder, "/etc/scaleout/data/tasks");
	assert_string_equal(settings->certificate_file, "/secure/worker.crt");
	talloc_free(settings);
}

static void
test_all_errors_at_once(void **state)
{
	(void) state;
	assert_null(parse("MaxTaskCont = 3\n"
					  "what is this\n"
					  "MaxTaskCount = 0\n"
					  "TaskRequestMaxCPU = 70.5.1\n"
					  "TaskLogEnabled = perhaps\n"
					  "LeaseInterval = soon\n"
					  "AgentId = 17\n"
					  "MasterEndpoint = http://db:8391\n"
					  "WorkerHttpsCertThumbprint = abc\n"
					  "DisplayName = 'open\n"
					  "TaskLogLevel = 1.5\n"));
	assert_int_equal(errors.count, 12);
	assert_int_equal(errors.errors[0].code, SO_ERR_AGENT_SETTING_UNKNOWN);
	assert_string_equal(errors.errors[0].place, "/etc/scaleout/worker.conf:1");
	assert_non_null(strstr(errors.errors[0].hint, "MaxTaskCount"));
	assert_int_equal(errors.errors[1].code, SO_ERR_AGENT_SETTING_SYNTAX);
	assert_int_equal(errors.errors[2].code, SO_ERR_AGENT_SETTING_INVALID);
	assert_non_null(strstr(errors.errors[2].detail, "between 1 and 1024"));
	for (int i = 3; i < 9; i++)
		assert_int_equal(errors.errors[i].code, SO_ERR_AGENT_SETTING_INVALID);
	assert_int_equal(errors.errors[9].code, SO_ERR_AGENT_SETTING_SYNTAX);
	assert_string_equal(errors.errors[10].place, "/etc/scaleout/worker.conf:11");
	assert_int_equal(errors.errors[11].code, SO_ERR_AGENT_SETTING_MISSING);
	assert_non_null(strstr(errors.errors[11].message, "MasterHttpsCertThumbprint"));
}

static void
test_reload(void **state)
{
	SoSettings *old = parse(REQUIRED);
	SoSettings *new = parse(REQUIRED "MaxTaskCount = 3\nDisplayName = x\nKeyFile = /k\n"
									 "StoreName = Other\n");
	char restart[200];

	(void) state;
	assert_int_equal(so_settings_compare(old, old, restart, sizeof(restart)), 0);
	assert_int_equal(so_settings_compare(old, new, restart, sizeof(restart)), 4);
	assert_string_equal(restart, "KeyFile");
	so_settings_apply_reloadable(old, new);
	assert_int_equal(old->max_task_count, 3);
	assert_string_equal(old->display_name, "x");
	assert_string_equal(old->key_file, "/etc/scaleout/worker.key");
	talloc_free(old);
	talloc_free(new);
}

/* Every line of the sample, uncommented, is the default. */
static void
test_sample_is_the_default(void **state)
{
	char *sample = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&sample, &size);
	char text[32768] = REQUIRED;
	char *rest;
	char *line;
	SoSettings *settings;
	SoSettings *defaults = parse(REQUIRED);
	char restart[200];
	int lines = 0;

	(void) state;
	so_settings_write_sample(file);
	fclose(file);
	rest = sample;
	while ((line = strsep(&rest, "\n")) != NULL)
	{
		if (line[0] != '#' || strstr(line, " = ") == NULL || line[1] == ' ')
			continue;
		lines++;
		if (strstr(REQUIRED, "AgentId") != NULL &&
			(strncmp(line + 1, "AgentId", 7) == 0 || strncmp(line + 1, "MasterE", 7) == 0 ||
			 strncmp(line + 1, "MasterH", 7) == 0))
			continue;
		strcat(text, line + 1);
		strcat(text, "\n");
	}
	assert_int_equal(lines, so_setting_row_count);
	settings = parse(text);
	assert_non_null(settings);
	assert_int_equal(so_settings_compare(defaults, settings, restart, sizeof(restart)), 0);
	talloc_free(settings);
	talloc_free(defaults);
	free(sample);
}

/* packaging/worker.conf.sample is made by scaleout-worker show --settings-sample. */
static void
test_sample_file(void **state)
{
	char *sample = NULL;
	size_t size = 0;
	FILE *made = open_memstream(&sample, &size);
	FILE *file = fopen("packaging/worker.conf.sample", "r");
	char *text = calloc(1, 65536);
	size_t length;

	(void) state;
	so_settings_write_sample(made);
	fclose(made);
	assert_non_null(file);
	length = fread(text, 1, 65535, file);
	fclose(file);
	assert_int_equal(length, size);
	assert_string_equal(text, sample);
	free(text);
	free(sample);
}

static void
test_show_is_readable_again(void **state)
{
	char *shown = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&shown, &size);
	SoSettings *settings = parse(REQUIRED "DisplayName = 'a ''b'' # c'\nMaxTaskCount = 7\n"
										  "ExecutionLogRetryTimeout = 1.02:03:04\n");
	SoSettings *again;
	char restart[200];

	(void) state;
	so_settings_show(settings, file);
	fclose(file);
	again = parse(shown);
	assert_non_null(again);
	assert_int_equal(so_settings_compare(settings, again, restart, sizeof(restart)), 0);
	talloc_free(again);
	talloc_free(settings);
	free(shown);
}

static void
test_endpoints(void **state)
{
	SoEndpointList list;
	SoError error;

	(void) state;
	assert_true(
		so_endpoint_parse_list("https://a:1, https://[::1]:2 ,HTTPS://c.example/", &list, &error));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.endpoints[0].host, "a");
	assert_int_equal(list.endpoints[0].port, 1);
	assert_string_equal(list.endpoints[1].host, "::1");
	assert_string_equal(list.endpoints[1].url, "https://[::1]:2");
	assert_int_equal(list.endpoints[2].port, 8391);
	assert_string_equal(list.endpoints[2].url, "https://c.example:8391");
	assert_false(so_endpoint_parse_list("https://a:0", &list, &error));
	assert_false(so_endpoint_parse_list("https://a:65536", &list, &error));
	assert_false(so_endpoint_parse_list("https://a,", &list, &error));
	assert_false(so_endpoint_parse_list("https://", &list, &error));
	assert_false(so_endpoint_parse_list("https://a/path", &list, &error));
	assert_false(so_endpoint_parse_list("https://[::1", &list, &error));
	assert_int_equal(error.code, SO_ERR_AGENT_ENDPOINT_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_from_windows),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_both_spellings),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_all_errors_at_once),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_sample_is_the_default),
		cmocka_unit_test(test_sample_file),
		cmocka_unit_test(test_show_is_readable_again),
		cmocka_unit_test(test_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
