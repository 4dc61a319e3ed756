/*
 * engine/connections/odbc_text.c
 *
 * UTF-8 to UTF-16 and back, and diagnostics of ODBC handles as errors.
 *
 * Process: runner and client, in the thread that owns the session.  No state.
 */
#include "engine/connections/odbc.h"

#include <string.h>

/* Decode one character of valid-enough UTF-8; a broken byte gives U+FFFD. */
static uint32_t
next_character(const char **text)
{
	const unsigned char *p = (const unsigned char *) *text;
	int more = *p < 0x80 ? 0 : *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : -1;
	uint32_t c = more == 0 ? *p : more == 1 ? *p & 0x1F : more == 2 ? *p & 0x0F : *p & 0x07;

	for (int i = 1; i <= more; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
		{
			more = -1;
			break;
		}
		c = c << 6 | (p[i] & 0x3F);
	}
	*text += more < 0 ? 1 : more + 1;
	return more < 0 || c > 0x10FFFF ? 0xFFFD : c;
}

SQLWCHAR *
so_odbc_wide(TALLOC_CTX *context, const char *text, size_t *length)
{
	/* A character never takes more units than bytes. */
	SQLWCHAR *wide = talloc_array(context, SQLWCHAR, strlen(text) + 1);
	size_t used = 0;

	while (*text != '\0')
	{
		uint32_t c = next_character(&text);

		if (c >= 0x10000)
		{
			wide[used++] = (SQLWCHAR) (0xD800 + ((c - 0x10000) >> 10));
			wide[used++] = (SQLWCHAR) (0xDC00 + ((c - 0x10000) & 0x3FF));
		}
		else
			wide[used++] = (SQLWCHAR) c;
	}
	wide[used] = 0;
	if (length != NULL)
		*length = used;
	return wide;
}

static size_t
put_character(char *out, uint32_t c)
{
	if (c < 0x80)
	{
		out[0] = (char) c;
		return 1;
	}
	if (c < 0x800)
	{
		out[0] = (char) (0xC0 | c >> 6);
		out[1] = (char) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		out[0] = (char) (0xE0 | c >> 12);
		out[1] = (char) (0x80 | (c >> 6 & 0x3F));
		out[2] = (char) (0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | c >> 18);
	out[1] = (char) (0x80 | (c >> 12 & 0x3F));
	out[2] = (char) (0x80 | (c >> 6 & 0x3F));
	out[3] = (char) (0x80 | (c & 0x3F));
	return 4;
}

char *
so_odbc_narrow(TALLOC_CTX *context, const SQLWCHAR *text, size_t length)
{
	char *out = talloc_array(context, char, length * 3 + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
	{
		uint32_t c = text[i];

		if (c >= 0xD800 && c < 0xDC00 && i + 1 < length && text[i + 1] >= 0xDC00 &&
			text[i + 1] < 0xE000)
			c = 0x10000 + ((c - 0xD800) << 10) + (text[++i] - 0xDC00u);
		else if (c >= 0xD800 && c < 0xE000)
			c = 0xFFFD;
		used += put_character(out + used, c == 0 ? ' ' : c);
	}
	out[used] = '\0';
	return out;
}

/* The error code for an SQLSTATE of ODBC. */
static SoErrorCode
code_for(SoConnection *connection, const char *state, bool connecting)
{
	if (strcmp(state, "28000") == 0)
		return SO_ERR_TASK_LOGIN_REFUSED;
	if (strncmp(state, "IM", 2) == 0)
		return SO_ERR_TASK_CONNECTION_SETTINGS;
	if (connecting)
		return SO_ERR_TASK_CONNECT_FAILED;
	if (strncmp(state, "08", 2) == 0)
	{
		connection->broken = true;
		return SO_ERR_TASK_CONNECTION_LOST;
	}
	if (strcmp(state, "HYT00") == 0)
		return SO_ERR_TASK_TIMED_OUT;
	return SO_ERR_TASK_SQL_FAILED;
}

/* Drivers write newlines into messages; an error message is one line. */
static void
flatten(char *message)
{
	for (char *p = message; *p != '\0'; p++)
	{
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	}
}

bool
so_odbc_error(SoConnection *connection, SQLSMALLINT kind, SQLHANDLE handle, const char *sql,
			  SoError *error)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	SQLWCHAR state[6] = {0};
	SQLWCHAR message[1024] = {0};
	SQLINTEGER native = 0;
	SQLSMALLINT length = 0;
	char *text;
	char *state_text;

	if (!SQL_SUCCEEDED(SQLGetDiagRecW(kind, handle, 1, state, &native, message,
									  sizeof(message) / sizeof(message[0]), &length)))
	{
		talloc_free(scratch);
		return so_error_set(error, SO_ERR_TASK_SQL_FAILED, connection->name,
							"the ODBC driver reported a failure without a reason");
	}
	if (length < 0 || length >= (SQLSMALLINT) (sizeof(message) / sizeof(message[0])))
		length = sizeof(message) / sizeof(message[0]) - 1;
	state_text = so_odbc_narrow(scratch, state, 5);
	text = so_odbc_narrow(scratch, message, (size_t) length);
	flatten(text);
	so_error_set(error, code_for(connection, state_text, kind == SQL_HANDLE_DBC && sql == NULL),
				 connection->name, "%s", text);
	so_error_detail(error, "SQLSTATE %s, native code %d%s%.900s", state_text, (int) native,
					sql != NULL ? ", in the statement:\n" : "", sql != NULL ? sql : "");
	if (error != NULL && error->code == SO_ERR_TASK_CONNECTION_SETTINGS)
		so_error_hint(error, "Check DSN or Driver in connection_string; odbcinst -q -s and "
							 "odbcinst -q -d list what this machine has.");
	talloc_free(scratch);
	return false;
}
