/*
 * common/error.c
 *
 * Looks codes up in the error table and fills error values.
 *
 * Process: all of them.  The table is constant data; an error value belongs
 * to its caller, so nothing is shared and nothing is left behind by a crash.
 */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct ErrorEntry
{
	const char *state;
	const char *name;
	int http_status;
	bool retryable;
	const char *summary;
	const char *hint;
} ErrorEntry;

static const ErrorEntry error_entries[SO_ERROR_COUNT] = {
	[SO_OK] = {"00000", "OK", 200, false, "no error", ""},
#define SO_ERROR(symbol, code, http, retry, text, advice)                                          \
	[SO_ERR_##symbol] = {code, #symbol, http, retry, text, advice},
#include "common/error_table.h"
#undef SO_ERROR
};

static const ErrorEntry *
error_entry(SoErrorCode code)
{
	if ((int) code < 0 || code >= SO_ERROR_COUNT)
		code = SO_ERR_INTERNAL;
	return &error_entries[code];
}

const char *
so_error_state(SoErrorCode code)
{
	return error_entry(code)->state;
}

const char *
so_error_name(SoErrorCode code)
{
	return error_entry(code)->name;
}

const char *
so_error_summary(SoErrorCode code)
{
	return error_entry(code)->summary;
}

const char *
so_error_default_hint(SoErrorCode code)
{
	return error_entry(code)->hint;
}

int
so_error_http_status(SoErrorCode code)
{
	return error_entry(code)->http_status;
}

bool
so_error_retryable(SoErrorCode code)
{
	return error_entry(code)->retryable;
}

SoErrorCode
so_error_from_state(const char *state)
{
	for (int i = 1; i < SO_ERROR_COUNT; i++)
	{
		if (strcmp(error_entries[i].state, state) == 0)
			return (SoErrorCode) i;
	}
	return SO_OK;
}

/* Format into a fixed buffer; a cut never leaves half of a UTF-8 character. */
static void
	SO_PRINTF(3, 0) format_bounded(char *buffer, size_t size, const char *format, va_list args)
{
	int written = vsnprintf(buffer, size, format, args);
	size_t end;

	if (written < 0)
	{
		buffer[0] = '\0';
		return;
	}
	if ((size_t) written < size)
		return;
	end = size - 1;
	while (end > 0 && ((unsigned char) buffer[end - 1] & 0xC0) == 0x80)
		end--;
	if (end > 0 && ((unsigned char) buffer[end - 1] & 0x80) != 0)
		end--;
	buffer[end] = '\0';
}

bool
so_error_set(SoError *error, SoErrorCode code, const char *place, const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return false;
	error->code = code;
	snprintf(error->place, sizeof(error->place), "%s", place ? place : "");
	va_start(args, format);
	format_bounded(error->message, sizeof(error->message), format, args);
	va_end(args);
	error->detail[0] = '\0';
	snprintf(error->hint, sizeof(error->hint), "%s", error_entry(code)->hint);
	return false;
}

bool
so_error_detail(SoError *error, const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return false;
	va_start(args, format);
	format_bounded(error->detail, sizeof(error->detail), format, args);
	va_end(args);
	return false;
}

bool
so_error_hint(SoError *error, const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return false;
	va_start(args, format);
	format_bounded(error->hint, sizeof(error->hint), format, args);
	va_end(args);
	return false;
}

void
so_error_clear(SoError *error)
{
	if (error != NULL)
		memset(error, 0, sizeof(*error));
}

char *
so_error_format(const SoError *error, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s: %s%s%s%s%s%s%s%s", so_error_state(error->code), error->message,
			 error->place[0] ? " (" : "", error->place, error->place[0] ? ")" : "",
			 error->detail[0] ? ". " : "", error->detail,
			 error->hint[0] == '\0' ? ""
			 : error->detail[0]     ? " "
									: ". ",
			 error->hint);
	return buffer;
}
