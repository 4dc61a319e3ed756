/*
 * common/log.c
 *
 * Builds log lines and writes them to stderr or to a sink.
 *
 * Process: all of them; in the server only the building is used.  Program name
 * and sink are set before threads start, the mask may change at any time; a line
 * is written by one write(2), so lines of several threads and processes do not
 * mix.
 */
#include "common/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

#define CUT_MARK " ..."

static char log_program[64] = "scaleout";
static atomic_int log_mask = SO_LOG_DEFAULT_MASK;
static SoLogSink log_sink = NULL;
static void *log_sink_context = NULL;

static const SoLogLevel all_levels[] = {SO_LOG_VERBOSE, SO_LOG_INFORMATION, SO_LOG_WARNING,
										SO_LOG_ERROR,   SO_LOG_PROGRESS,    SO_LOG_CRITICAL,
										SO_LOG_AUDIT};

void
so_log_open(const char *program, int mask)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	atomic_store(&log_mask, mask);
}

void
so_log_set_mask(int mask)
{
	atomic_store(&log_mask, mask);
}

bool
so_log_wants(SoLogLevel level)
{
	return (atomic_load(&log_mask) & (int) level) != 0;
}

void
so_log_set_sink(SoLogSink sink, void *context)
{
	log_sink = sink;
	log_sink_context = context;
}

const char *
so_log_level_name(SoLogLevel level)
{
	switch (level)
	{
		case SO_LOG_VERBOSE:
			return "VERBOSE";
		case SO_LOG_INFORMATION:
			return "INFORMATION";
		case SO_LOG_WARNING:
			return "WARNING";
		case SO_LOG_ERROR:
			return "ERROR";
		case SO_LOG_PROGRESS:
			return "PROGRESS";
		case SO_LOG_CRITICAL:
			return "CRITICAL";
		case SO_LOG_AUDIT:
			return "AUDIT";
	}
	return "UNKNOWN";
}

/* ---- building ------------------------------------------------------------------- */

size_t
so_log_build(char *buffer, size_t size, const char *time, SoLogLevel level, const char *program,
			 int pid, const char *text, size_t length, const char **message)
{
	char now[32];
	size_t room = size - sizeof(CUT_MARK) - 1;
	size_t used;

	used = (size_t) snprintf(buffer, size, "%s %s %s[%d] ",
							 time != NULL ? time : so_clock_utc_text(now, sizeof(now)),
							 so_log_level_name(level), program, pid);
	if (message != NULL)
		*message = buffer + used;
	/* Breaks at the end would only make empty lines. */
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	for (size_t i = 0; i < length;)
	{
		unsigned char byte = (unsigned char) text[i];
		size_t width = byte < 0x80 ? 1 : so_utf8_length((const uint8_t *) text + i, length - i);

		if (used + (width > 2 ? width : 2) > room)
		{
			memcpy(buffer + used, CUT_MARK, sizeof(CUT_MARK));
			return used + sizeof(CUT_MARK) - 1;
		}
		if (byte == '\n')
		{
			buffer[used++] = '\n';
			buffer[used++] = '\t';
		}
		else if (byte == '\r' && i + 1 < length && text[i + 1] == '\n')
			;
		/* U+0080 to U+009F control terminals as well. */
		else if (width == 0 || (byte < 0x20 && byte != '\t') || byte == 0x7F ||
				 (byte == 0xC2 && (unsigned char) text[i + 1] < 0xA0))
			buffer[used++] = '?';
		else
		{
			memcpy(buffer + used, text + i, width);
			used += width;
		}
		i += width > 0 ? width : 1;
	}
	buffer[used] = '\0';
	return used;
}

/* "SO401: ..." begins with a code. */
static void
find_code(const char *message, char code[6])
{
	code[0] = '\0';
	if (message[0] == 'S' && message[1] == 'O' && isdigit((unsigned char) message[2]) &&
		isdigit((unsigned char) message[3]) && isdigit((unsigned char) message[4]) &&
		message[5] == ':')
	{
		memcpy(code, message, 5);
		code[5] = '\0';
	}
}

/* ---- writing -------------------------------------------------------------------- */

static void
emit(SoLogRecord *record, char *line, size_t length)
{
	ssize_t ignored;

	find_code(record->message, record->code);
	if (log_sink != NULL)
	{
		log_sink(record, log_sink_context);
		return;
	}
	line[length] = '\n';
	ignored = write(STDERR_FILENO, line, length + 1);
	(void) ignored; /* there is nowhere left to complain */
}

static void
write_event(SoLogRecord *record, const char *text)
{
	char line[SO_LOG_LINE_SIZE];
	size_t length = so_log_build(line, sizeof(line) - 1, NULL, record->level, log_program,
								 (int) getpid(), text, strlen(text), &record->message);

	record->line = line;
	emit(record, line, length);
}

void
so_log_at(const char *file, int line, const char *function, const SoLogSubject *subject,
		  SoLogLevel level, const char *format, ...)
{
	SoLogRecord record = {.level = level,
						  .subject = subject,
						  .file = file,
						  .source_line = line,
						  .function = function};
	char text[SO_LOG_LINE_SIZE];
	va_list args;

	if (!so_log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_event(&record, text);
}

void
so_log_error_at(const char *file, int line, const char *function, const SoLogSubject *subject,
				SoLogLevel level, const SoError *error)
{
	char text[sizeof(SoError) + 64];

	if (so_log_wants(level))
		so_log_at(file, line, function, subject, level, "%s",
				  so_error_format(error, text, sizeof(text)));
}

void
so_log_code_at(const char *file, int line, const char *function, const SoLogSubject *subject,
			   SoLogLevel level, SoErrorCode code, const char *format, ...)
{
	SoError error;
	char message[sizeof(error.message)];
	va_list args;

	if (!so_log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	so_error_set(&error, code, NULL, "%s", message);
	so_log_error_at(file, line, function, subject, level, &error);
}

/* The level that the second word of a line names, 0 when it is not a line of ours. */
static int
level_of_line(const char *line, const char **message)
{
	size_t length = strlen(line);
	const char *end;

	if (length < 30 || line[10] != 'T' || line[26] != 'Z' || line[27] != ' ')
		return 0;
	end = strstr(line + 28, "] ");
	if (end == NULL)
		return 0;
	*message = end + 2;
	for (size_t i = 0; i < sizeof(all_levels) / sizeof(all_levels[0]); i++)
	{
		const char *name = so_log_level_name(all_levels[i]);

		if (strncmp(line + 28, name, strlen(name)) == 0 && line[28 + strlen(name)] == ' ')
			return (int) all_levels[i];
	}
	return 0;
}

void
so_log_relay(const char *program, const char *line)
{
	SoLogRecord record = {.file = __FILE__, .source_line = __LINE__, .function = __func__};
	int level = level_of_line(line, &record.message);
	char copy[SO_LOG_LINE_SIZE];
	size_t length;

	if (level == 0)
	{
		so_log(SO_LOG_WARNING, "%s: %s", program, line);
		return;
	}
	if (!so_log_wants((SoLogLevel) level))
		return;
	length = (size_t) snprintf(copy, sizeof(copy) - 1, "%s", line);
	if (length >= sizeof(copy) - 1)
		length = sizeof(copy) - 2;
	record.level = (SoLogLevel) level;
	record.line = copy;
	record.message = copy + (record.message - line < (ptrdiff_t) length ? record.message - line
																		: (ptrdiff_t) length);
	emit(&record, copy, length);
}
