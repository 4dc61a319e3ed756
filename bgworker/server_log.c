/*
 * bgworker/server_log.c
 *
 * Writes what this process sends to the server's log into scaleout.log_file as
 * well; see server_log.h.
 *
 * Process: launcher, master, maintenance; the hook is set in these alone.  Shared
 * data: none but the file.  Nothing here may fail or wait: a file that cannot be
 * written is said once in the server's log and tried again every few seconds.
 */
#include "postgres.h"

#include "bgworker/server_log.h"

#include <unistd.h>

#include "common/log_file.h"
#include "extension/error.h"
#include "extension/settings.h"
#include "postmaster/syslogger.h"

/* A line of another process, while it is reported. */
typedef struct Foreign
{
	bool set;
	SoLogLevel level;
	const char *program;
	int pid;
	const char *text;
} Foreign;

static emit_log_hook_type previous_hook = NULL;
static const char *own_program = NULL;
static SoLogFile log_file = {.fd = -1};
static Foreign foreign;
static bool in_hook = false;

static SoLogLevel
level_of(int elevel)
{
	if (elevel <= DEBUG1)
		return SO_LOG_VERBOSE;
	if (elevel < WARNING)
		return SO_LOG_INFORMATION;
	if (elevel < ERROR)
		return SO_LOG_WARNING;
	return elevel == ERROR ? SO_LOG_ERROR : SO_LOG_CRITICAL;
}

/* Codes of our own always; those of the server where they say more than "warning". */
static void
append_code(char *text, size_t size, const ErrorData *error)
{
	char state[6] = "";

	for (int i = 0; i < 5; i++)
		state[i] = PGUNSIXBIT(error->sqlerrcode >> (6 * i));
	if (strncmp(state, "SO", 2) == 0 || error->elevel >= ERROR)
		snprintf(text, size, "%s: ", state);
	else
		text[0] = '\0';
}

/* "SO240: message. Detail Hint", as everywhere. */
static void
describe(const ErrorData *error, char *text, size_t size)
{
	const char *detail = error->detail_log != NULL ? error->detail_log : error->detail;
	char code[10];

	append_code(code, sizeof(code), error);
	snprintf(text, size, "%s%s%s%s%s%s", code, error->message != NULL ? error->message : "",
			 detail != NULL ? ". " : "", detail != NULL ? detail : "",
			 error->hint == NULL ? ""
			 : detail != NULL    ? " "
								 : ". ",
			 error->hint != NULL ? error->hint : "");
}

/* The settings may have changed since the last line. */
static void
follow_settings(void)
{
	if (strcmp(log_file.path, so_setting_log_file) != 0)
		so_log_file_set(&log_file, so_setting_log_file);
	log_file.rotate_bytes = (int64) so_setting_log_rotation_size * 1024;
	log_file.rotate_age_s = so_setting_log_rotation_age / 1000;
	log_file.keep = so_setting_log_rotation_count;
	log_file.mode = (mode_t) Log_file_mode;
}

static void
complain(const ErrorData *error, const SoError *reason)
{
	/* Not in the middle of an error, which must reach its end. */
	if (error->elevel >= ERROR)
	{
		log_file.failed = false;
		return;
	}
	ereport(WARNING, (so_errcode(reason->code),
					  errmsg("scaleout cannot write \"scaleout.log_file\": %s", reason->message),
					  errdetail("%s: %s", log_file.path, reason->detail),
					  errhint("Correct it; it is tried again. The lines are in this log.")));
}

static void
write_line(const ErrorData *error, SoLogLevel level, const char *program, int pid, const char *text)
{
	char line[SO_LOG_LINE_SIZE];
	size_t length;
	uint64_t lost;
	SoError reason;
	SoLogFileResult result;

	length =
		so_log_build(line, sizeof(line) - 1, NULL, level, program, pid, text, strlen(text), NULL);
	line[length] = '\n';
	result = so_log_file_write(&log_file, line, length + 1, &lost, &reason);
	if (result == SO_LOG_FILE_FAILED)
		complain(error, &reason);
	else if (result == SO_LOG_FILE_RECOVERED && error->elevel < ERROR)
		ereport(LOG, (errmsg("scaleout can write \"scaleout.log_file\" again"),
					  errdetail("%llu lines are only in this log.", (unsigned long long) lost)));
}

static void
hook(ErrorData *error)
{
	char text[SO_LOG_LINE_SIZE];
	SoLogLevel level = foreign.set ? foreign.level : level_of(error->elevel);

	if (previous_hook != NULL)
		previous_hook(error);
	if (in_hook || so_setting_log_file == NULL || so_setting_log_file[0] == '\0' ||
		(so_setting_log_level & level) == 0)
		return;
	in_hook = true;
	follow_settings();
	if (foreign.set)
		write_line(error, level, foreign.program, foreign.pid, foreign.text);
	else
	{
		describe(error, text, sizeof(text));
		write_line(error, level, own_program, (int) getpid(), text);
	}
	in_hook = false;
}

void
so_server_log_init(const char *program)
{
	own_program = program;
	previous_hook = emit_log_hook;
	emit_log_hook = hook;
}

void
so_server_log_foreign(SoLogLevel level, const char *program, int pid, const char *text)
{
	foreign = (Foreign){true, level, program, pid, text};
}

void
so_server_log_own(void)
{
	foreign.set = false;
}
