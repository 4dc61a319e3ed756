/*
 * worker_agent/own_log.c
 *
 * Writes the agent's own log; see own_log.h.
 *
 * Process: agent; the event loop and the thread that sweeps folders.  Shared
 * between them: the file, under the mutex.  A line is written when it is logged,
 * so a crash loses none.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* the place of the caller is known, ours says nothing */
#include "worker_agent/own_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "common/log_file.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MAX_FIELDS     12
#define FIELD_SIZE     512
#define MEGABYTE       (1024 * 1024)

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static SoLogFile log_file = {.fd = -1, .mode = 0640};
static int duplicated = 0;      /* log_file.opened_count that descriptor 2 is a copy of */
static int standard_error = -1; /* what descriptor 2 was at the start */

/* ---- destinations ------------------------------------------------------------------- */

static bool
is_journal_stream(const char *journal_stream)
{
	struct stat facts;
	uintmax_t device;
	uintmax_t inode;

	return journal_stream != NULL &&
		   sscanf(journal_stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
		   fstat(STDERR_FILENO, &facts) == 0 && facts.st_dev == (dev_t) device &&
		   facts.st_ino == (ino_t) inode;
}

SoOwnLogDestination
so_own_log_destination(const SoSettings *settings, const char *journal_stream)
{
	const char *wanted = settings->log_destination;

	if (strcmp(wanted, "stderr") == 0)
		return SO_OWN_LOG_STDERR;
	if (strcmp(wanted, "journal") == 0)
		return SO_OWN_LOG_JOURNAL;
	if (settings->log_file[0] != '\0')
		return SO_OWN_LOG_FILE;
	return strcmp(wanted, "auto") == 0 && is_journal_stream(journal_stream) ? SO_OWN_LOG_JOURNAL
																			: SO_OWN_LOG_STDERR;
}

int
so_own_log_priority(SoLogLevel level)
{
	switch (level)
	{
		case SO_LOG_CRITICAL:
			return LOG_CRIT;
		case SO_LOG_ERROR:
			return LOG_ERR;
		case SO_LOG_WARNING:
			return LOG_WARNING;
		case SO_LOG_AUDIT:
			return LOG_NOTICE;
		case SO_LOG_VERBOSE:
			return LOG_DEBUG;
		default:
			return LOG_INFO;
	}
}

/* ---- the journal ----------------------------------------------------------------------- */

typedef struct Fields
{
	struct iovec parts[MAX_FIELDS];
	int count;
	char texts[MAX_FIELDS][FIELD_SIZE];
} Fields;

static void add_field(Fields *fields, const char *format, ...) SO_PRINTF(2, 3);

static void
add_field(Fields *fields, const char *format, ...)
{
	char *text = fields->texts[fields->count];
	va_list args;

	va_start(args, format);
	vsnprintf(text, FIELD_SIZE, format, args);
	va_end(args);
	fields->parts[fields->count].iov_base = text;
	fields->parts[fields->count].iov_len = strlen(text);
	fields->count++;
}

/* The program of a line: the third word, without its process. */
static void
add_identifier(Fields *fields, const char *line)
{
	const char *word = strchr(line, ' ');

	word = word != NULL ? strchr(word + 1, ' ') : NULL;
	if (word != NULL)
		add_field(fields, "SYSLOG_IDENTIFIER=%.*s", (int) strcspn(word + 1, "[ "), word + 1);
}

bool
so_own_log_send_journal(const SoLogRecord *record)
{
	char message[SO_LOG_LINE_SIZE + 16] = "MESSAGE=";
	size_t length = strlen(message);
	Fields fields = {.count = 0};

	/* The library is silent when there is no journal. */
	if (access(JOURNAL_SOCKET, W_OK) != 0)
		return false;
	/* The tabs are for files; a field knows where it ends. */
	for (const char *from = record->message; *from != '\0'; from++)
	{
		if (*from != '\t' || from == record->message || from[-1] != '\n')
			message[length++] = *from;
	}
	fields.parts[0].iov_base = message;
	fields.parts[0].iov_len = length;
	fields.count = 1;
	add_field(&fields, "PRIORITY=%d", so_own_log_priority(record->level));
	add_field(&fields, "SCALEOUT_LEVEL=%s", so_log_level_name(record->level));
	add_identifier(&fields, record->line);
	add_field(&fields, "CODE_FILE=%s", record->file);
	add_field(&fields, "CODE_LINE=%d", record->source_line);
	add_field(&fields, "CODE_FUNC=%s", record->function);
	if (record->code[0] != '\0')
		add_field(&fields, "SCALEOUT_CODE=%s", record->code);
	if (record->subject != NULL)
	{
		if (record->subject->execution_id != 0)
			add_field(&fields, "SCALEOUT_EXECUTION_ID=%" PRId64, record->subject->execution_id);
		add_field(&fields, "SCALEOUT_TASK=%s", record->subject->task);
		add_field(&fields, "SCALEOUT_ATTEMPT=%u", record->subject->attempt);
	}
	return sd_journal_sendv(fields.parts, fields.count) == 0;
}

/* ---- sinks --------------------------------------------------------------------------------- */

static void
write_line(int fd, const char *line)
{
	struct iovec parts[2] = {{.iov_len = strlen(line)}, {.iov_len = 1}};
	char copy[SO_LOG_LINE_SIZE];
	char newline = '\n';
	ssize_t ignored;

	snprintf(copy, sizeof(copy), "%s", line);
	parts[0].iov_base = copy;
	parts[1].iov_base = &newline;
	ignored = writev(fd, parts, 2);
	(void) ignored; /* there is nowhere left to complain */
}

static void
journal_sink(const SoLogRecord *record, void *context)
{
	(void) context;
	if (!so_own_log_send_journal(record))
		write_line(STDERR_FILENO, record->line);
}

/* A line about the log itself, to where the log does not go. */
static void
say_aside(int fd, SoLogLevel level, const char *text)
{
	char line[SO_LOG_LINE_SIZE];

	so_log_build(line, sizeof(line), NULL, level, "scaleout-worker", (int) getpid(), text,
				 strlen(text), NULL);
	write_line(fd, line);
}

/* What libraries print goes there as well; another file may be open than before. */
static void
duplicate(void)
{
	if (log_file.fd >= 0 && log_file.opened_count != duplicated &&
		dup2(log_file.fd, STDERR_FILENO) >= 0)
		duplicated = log_file.opened_count;
}

static void
file_sink(const SoLogRecord *record, void *context)
{
	char line[SO_LOG_LINE_SIZE + 1];
	size_t length = (size_t) snprintf(line, SO_LOG_LINE_SIZE, "%s", record->line);
	SoLogFileResult result;
	uint64_t lost;
	SoError error;
	char text[sizeof(SoError)];

	(void) context;
	if (length >= SO_LOG_LINE_SIZE)
		length = SO_LOG_LINE_SIZE - 1;
	line[length] = '\n';
	line[length + 1] = '\0';
	pthread_mutex_lock(&log_mutex);
	result = so_log_file_write(&log_file, line, length + 1, &lost, &error);
	duplicate();
	if (result == SO_LOG_FILE_FAILED)
		say_aside(standard_error, SO_LOG_ERROR, so_error_format(&error, text, sizeof(text)));
	if (result == SO_LOG_FILE_FAILED || result == SO_LOG_FILE_LOST)
		write_line(standard_error, record->line);
	if (result == SO_LOG_FILE_RECOVERED)
	{
		snprintf(text, sizeof(text),
				 "the log file can be written again; %" PRIu64 " lines before this one went to "
				 "standard error",
				 lost);
		say_aside(log_file.fd, SO_LOG_WARNING, text);
	}
	pthread_mutex_unlock(&log_mutex);
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool
open_file(const SoSettings *settings, SoError *error)
{
	SoLogFile fresh = log_file;

	fresh.fd = -1;
	so_log_file_set(&fresh, settings->log_file);
	fresh.rotate_bytes = settings->log_rotation_size * MEGABYTE;
	fresh.rotate_age_s = settings->log_rotation_age / 1000;
	fresh.keep = (int) settings->log_rotation_count;
	if (!so_log_file_open(&fresh, error))
		return false;
	so_log_file_close(&log_file);
	log_file = fresh;
	duplicate();
	return true;
}

bool
so_own_log_open(const SoSettings *settings, SoError *error)
{
	SoOwnLogDestination destination;
	bool ok = true;

	if (strcmp(settings->log_destination, "file") == 0 && settings->log_file[0] == '\0')
		return so_error_set(error, SO_ERR_AGENT_SETTING_INVALID, settings->file,
							"LogDestination is file, but LogFile is empty");
	so_log_set_mask((int) settings->log_level);
	pthread_mutex_lock(&log_mutex);
	if (standard_error < 0)
		standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	/* Back from a file: descriptor 2 is what it was. */
	if (log_file.fd >= 0)
		dup2(standard_error, STDERR_FILENO);
	duplicated = 0;
	destination = so_own_log_destination(settings, getenv("JOURNAL_STREAM"));
	if (destination == SO_OWN_LOG_FILE)
		ok = open_file(settings, error);
	if (!ok)
		duplicate();
	else if (destination != SO_OWN_LOG_FILE)
		so_log_file_close(&log_file);
	pthread_mutex_unlock(&log_mutex);
	if (!ok)
		return false;
	so_log_set_sink(destination == SO_OWN_LOG_FILE      ? file_sink
					: destination == SO_OWN_LOG_JOURNAL ? journal_sink
														: NULL,
					NULL);
	if (destination == SO_OWN_LOG_JOURNAL && access(JOURNAL_SOCKET, W_OK) != 0)
		so_log_code(NULL, SO_LOG_WARNING, SO_ERR_AGENT_JOURNAL,
					"there is no journal on this machine (%s); the log goes to standard error",
					JOURNAL_SOCKET);
	return true;
}
