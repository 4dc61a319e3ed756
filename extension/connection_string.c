/*
 * extension/connection_string.c
 *
 * Reads connection strings with libpq's own parser.  Its messages repeat parts
 * of the string, and a forgotten quote makes a part of the password a keyword:
 * therefore ours name only keywords that libpq knows.
 *
 * Process: client backends.  No state, nothing shared; what libpq allocates is
 * freed before an error is raised.
 */
#include "postgres.h"

#include "extension/connection_string.h"

#include "extension/compat.h"
#include "extension/error.h"
#include "fmgr.h"
#include "libpq-fe.h"
#include "pgstat.h"
#include "utils/builtins.h"

SO_SQL_FUNCTION(so_check_log_connection);

/* What everybody may set; the rest reads files or has an identity that is not the caller's. */
static const char *const free_options[] = {"host",
										   "hostaddr",
										   "port",
										   "dbname",
										   "user",
										   "password",
										   "connect_timeout",
										   "client_encoding",
										   "options",
										   "application_name",
										   "fallback_application_name",
										   "keepalives",
										   "keepalives_idle",
										   "keepalives_interval",
										   "keepalives_count",
										   "tcp_user_timeout",
										   "sslmode",
										   "sslnegotiation",
										   "sslcompression",
										   "sslsni",
										   "ssl_min_protocol_version",
										   "ssl_max_protocol_version",
										   "channel_binding",
										   "require_auth",
										   "target_session_attrs",
										   "load_balance_hosts"};

static bool
is_free(const char *keyword)
{
	for (int i = 0; i < lengthof(free_options); i++)
		if (strcmp(keyword, free_options[i]) == 0)
			return true;
	return false;
}

static bool
is_given(const PQconninfoOption *option)
{
	return option->val != NULL && option->val[0] != '\0';
}

/* Of what was given: reserved for whom is no superuser, and is there a password? */
static bool
check_options(const PQconninfoOption *options, bool by_superuser, SoError *error)
{
	bool password = false;

	for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		if (!is_given(option))
			continue;
		if (strcmp(option->keyword, "replication") == 0)
		{
			so_error_set(error, SO_ERR_LOGDB_CONNECTION_STRING, NULL,
						 "the log database cannot be reached by a replication connection");
			return so_error_hint(error, "Leave the option \"replication\" out.");
		}
		if (!by_superuser && !is_free(option->keyword))
			return so_error_set(
				error, SO_ERR_LOGDB_OPTION_RESERVED, NULL,
				"the option \"%s\" of the connection string is reserved to superusers",
				option->keyword);
		password |= strcmp(option->keyword, "password") == 0;
	}
	if (!by_superuser && !password)
		return so_error_set(error, SO_ERR_LOGDB_PASSWORD_REQUIRED, NULL,
							"the connection string has no password");
	return true;
}

bool
so_connection_string_check(const char *text, bool by_superuser, SoError *error)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &why);
	bool ok;

	if (options == NULL)
	{
		bool memory = why == NULL;

		PQfreemem(why);
		if (memory)
			return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		so_error_set(error, SO_ERR_LOGDB_CONNECTION_STRING, NULL,
					 "the connection string of the log database cannot be read");
		return so_error_detail(error, "It is neither a list of keyword=value with keywords that "
									  "libpq knows nor a URI. It is not repeated here, because it "
									  "may hold a password.");
	}
	ok = check_options(options, by_superuser, error);
	PQconninfoFree(options);
	return ok;
}

/* internal.check_log_connection(connection_string text, by_superuser boolean) */
Datum
so_check_log_connection(PG_FUNCTION_ARGS)
{
	SoError error = {0};

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("an argument is NULL")));
	/* The statement of the caller holds the password: from here on nobody sees it. */
	pgstat_report_activity(STATE_RUNNING,
						   "SELECT catalog.update_logdb_info(server_name, connection_string)");
	if (!so_connection_string_check(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1),
									&error))
		so_error_raise(&error);
	PG_RETURN_VOID();
}
