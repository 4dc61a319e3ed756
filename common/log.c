/*
 * common/log.c
 *
 * Writes log lines to stderr or to a sink.
 *
 * Process: gateway, agent, runner, client.  Program name, mask and sink are set
 * before threads start; a line is written by one write(2), so lines of several
 * threads and processes do not mix.
 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static char log_program[64] = "scaleout";
static int log_mask = SO_LOG_DEFAULT_MASK;
static SoLogSink log_sink = NULL;
static void *log_sink_context = NULL;

void
so_log_open(const char *program, int mask)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	log_mask = mask;
}

void
so_log_set_mask(int mask)
{
	log_mask = mask;
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

void
so_log(SoLogLevel level, const char *format, ...)
{
	char line[4096];
	char now[32];
	va_list args;
	int used;
	size_t length;
	ssize_t ignored;

	if ((log_mask & level) == 0)
		return;
	used = snprintf(line, sizeof(line) - 1, "%s %s %s[%d] ", so_clock_utc_text(now, sizeof(now)),
					so_log_level_name(level), log_program, (int) getpid());
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - 1 - (size_t) used, format, args);
	va_end(args);
	length = strlen(line);
	for (size_t i = 0; i < length; i++)
	{
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	}
	if (log_sink != NULL)
	{
		log_sink(level, line, log_sink_context);
		return;
	}
	line[length] = '\n';
	ignored = write(STDERR_FILENO, line, length + 1);
	(void) ignored; /* there is nowhere left to complain */
}

void
so_log_error(SoLogLevel level, const SoError *error)
{
	char text[4000];

	so_log(level, "%s", so_error_format(error, text, sizeof(text)));
}
