/*
 * common/error.h
 *
 * The one error table of scaleout and the error value that every part outside
 * the server passes around.
 *
 * Every refusal has a stable five-character code (which is also its SQLSTATE,
 * class "SO"), the place where it happened, and what to do.  The codes are
 * listed in common/errors/ (one .def file per room); the same table serves
 * SQL errors, HTTP bodies, agent logs, client output and docs/errors.md.
 *
 * Process: all of them; no PostgreSQL headers, no allocation, no global state.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define SO_WARN_UNUSED  __attribute__((warn_unused_result))
#define SO_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* <sys/socket.h> has a macro of this name, which must survive. */
#pragma push_macro("SO_ERROR")
#undef SO_ERROR

typedef enum SoErrorCode
{
	SO_OK = 0,
#define SO_ERROR(symbol, code, http, retry, summary, hint) SO_ERR_##symbol,
#include "common/error_table.h"
#undef SO_ERROR
	SO_ERROR_COUNT
} SoErrorCode;

#pragma pop_macro("SO_ERROR")

/*
 * An error as a value: fixed size, owned by whoever declares it, never freed.
 * Texts that do not fit are cut at a character boundary.
 */
typedef struct SoError
{
	SoErrorCode code;
	char place[512];    /* file:line:column, executable path, route ... */
	char message[1024]; /* one line, lower case, no final period */
	char detail[2048];  /* sentences; empty when there is nothing to add */
	char hint[512];     /* what to do; the table's hint unless replaced */
} SoError;

/* Static facts about a code, from the table. */
extern const char *so_error_state(SoErrorCode code); /* "SO601" */
extern const char *so_error_name(SoErrorCode code);  /* "DOCUMENT_UNKNOWN_PROPERTY" */
extern const char *so_error_summary(SoErrorCode code);
extern const char *so_error_default_hint(SoErrorCode code);
extern int so_error_http_status(SoErrorCode code);
extern bool so_error_retryable(SoErrorCode code);

/* The code with the given state ("SO601"), or SO_OK when there is none. */
extern SoErrorCode so_error_from_state(const char *state);

/*
 * Fill *error: code, place (may be NULL), formatted message and the table's
 * hint; clears the detail.  error may be NULL.  Always returns false, so that
 * "return so_error_set(...)" reads well in functions that return bool.
 */
extern bool so_error_set(SoError *error, SoErrorCode code, const char *place, const char *format,
						 ...) SO_PRINTF(4, 5);

/* Replace the detail, the hint; error may be NULL. Both return false. */
extern bool so_error_detail(SoError *error, const char *format, ...) SO_PRINTF(2, 3);
extern bool so_error_hint(SoError *error, const char *format, ...) SO_PRINTF(2, 3);

extern void so_error_clear(SoError *error);

/*
 * Write "SO601: message (place). Detail Hint" into buffer (size bytes, always
 * terminated) and return it.
 */
extern char *so_error_format(const SoError *error, char *buffer, size_t size);

#endif /* COMMON_ERROR_H */
