/*
 * bgworker/log_remote_error.c
 *
 * Turns the failures of the connection to the log database into errors with a
 * code, in one line.  libpq's messages name host, user and database and never
 * the password.
 *
 * Process: the copying worker.  No state.
 */
#include "postgres.h"

#include "bgworker/log_remote_error.h"

#include <ctype.h>

#include "mb/pg_wchar.h"

#define LINE_SIZE 512

/* The first line that says something; LOCATION lines of the verbose form are left out. */
static void
one_line(const char *text, char *line)
{
	size_t n = 0;

	while (*text != '\0' && n < LINE_SIZE - 1)
	{
		if (strncmp(text, "LOCATION:", 9) == 0)
		{
			text += strcspn(text, "\n");
			continue;
		}
		/* Control characters would act on the terminal of whoever reads the log. */
		if (iscntrl((unsigned char) *text) || (*text == ' ' && n > 0 && line[n - 1] == ' '))
		{
			if (n > 0 && line[n - 1] != ' ')
				line[n++] = ' ';
			text++;
			continue;
		}
		line[n++] = *text++;
	}
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '.'))
		n--;
	line[n] = '\0';
	n = (size_t) pg_mbcliplen(line, (int) n, (int) n);
	line[n] = '\0';
	/* Before the login is done that server speaks in an encoding of its own. */
	if (!pg_verifymbstr(line, (int) n, true))
		for (char *byte = line; *byte != '\0'; byte++)
			if (IS_HIGHBIT_SET(*byte))
				*byte = '?';
}

/* The SQLSTATE in "FATAL:  28P01: password authentication failed", or an empty text. */
static void
state_of(const char *text, char *state)
{
	state[0] = '\0';
	for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':'))
	{
		int n = 0;

		if (at[1] != ' ')
			continue;
		for (at++; *at == ' ';)
			at++;
		while (n < 5 && (isdigit((unsigned char) at[n]) || (at[n] >= 'A' && at[n] <= 'Z')))
			n++;
		if (n == 5 && at[5] == ':' && isdigit((unsigned char) at[0]))
		{
			strlcpy(state, at, 6);
			return;
		}
		at--;
	}
}

static SoErrorCode
code_of(const char *state, SoErrorCode otherwise)
{
	if (strncmp(state, "28", 2) == 0 || strcmp(state, "3D000") == 0)
		return SO_ERR_LOG_COPY_LOGIN;
	if (strncmp(state, "42", 2) == 0 || strcmp(state, "3F000") == 0)
		return SO_ERR_LOG_COPY_OBJECTS;
	if (strncmp(state, "53", 2) == 0)
		return SO_ERR_LOG_COPY_SPACE;
	/* It shuts down, starts, or ended our session. */
	if (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0)
		return SO_ERR_LOG_COPY_UNREACHABLE;
	if (strncmp(state, "57", 2) == 0 || strncmp(state, "55", 2) == 0 ||
		strncmp(state, "40", 2) == 0)
		return SO_ERR_LOG_COPY_TIMEOUT;
	return state[0] != '\0' ? SO_ERR_LOG_COPY_REFUSED : otherwise;
}

void
so_log_remote_error_connect(const PGconn *connection, SoError *error)
{
	const char *said = PQerrorMessage(connection);
	char line[LINE_SIZE];
	char state[6];

	one_line(said, line);
	state_of(said, state);
	so_error_set(error, code_of(state, SO_ERR_LOG_COPY_UNREACHABLE), NULL, "%s",
				 line[0] != '\0' ? line : "the connection to the log database was lost");
}

void
so_log_remote_error_objects(const PGconn *connection, SoError *error)
{
	so_error_hint(error,
				  "Run in the log database, as its owner, what SELECT "
				  "catalog.log_database_script(); returns, then GRANT ssis_cluster_worker TO "
				  "\"%s\";",
				  PQuser(connection));
}

void
so_log_remote_error_result(const PGconn *connection, const PGresult *result, SoError *error)
{
	const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *message =
		result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	char line[LINE_SIZE];

	if (state == NULL || message == NULL)
	{
		so_log_remote_error_connect(connection, error);
		return;
	}
	one_line(message, line);
	so_error_set(error, code_of(state, SO_ERR_LOG_COPY_REFUSED), NULL,
				 "the log database says: %s (SQLSTATE %s)", line, state);
	if (error->code == SO_ERR_LOG_COPY_OBJECTS)
		so_log_remote_error_objects(connection, error);
}
