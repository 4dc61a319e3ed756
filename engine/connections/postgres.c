/*
 * engine/connections/postgres.c
 *
 * PostgreSQL sessions: connect, wait, cancel, reset.  Every wait is a poll on
 * the session's socket and on the task's cancel descriptor; a statement that
 * must stop is cancelled on the server (PQcancel) and its results are read to
 * the end, so that the session can be used again.
 *
 * Process: runner and client, in the thread that owns the session.  Nothing is
 * shared between sessions.  If the process dies the server notices the closed
 * socket and rolls back.
 */
#include "engine/connections/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"

/* How long a cancelled statement may take to give up before the session is closed. */
#define CANCEL_GRACE_MS 5000

/* Properties of a postgres connection manager that override its connection_string. */
static const struct
{
	const char *property;
	const char *keyword;
} setting_properties[] = {{"server_name", "host"},       {"server_port", "port"},
						  {"initial_catalog", "dbname"}, {"user_name", "user"},
						  {"password", "password"},      {NULL, NULL}};

/* Append keyword='value' with libpq's quoting. */
static char *
append_setting(char *settings, const char *keyword, const char *value)
{
	settings = talloc_asprintf_append_buffer(settings, "%s%s='", settings[0] ? " " : "", keyword);
	for (const char *p = value; *p != '\0' && settings != NULL; p++)
	{
		if (*p == '\'' || *p == '\\')
			settings = talloc_strndup_append_buffer(settings, "\\", 1);
		settings = talloc_strndup_append_buffer(settings, p, 1);
	}
	return talloc_strndup_append_buffer(settings, "'", 1);
}

/* The property that overrides keyword, as text; NULL when none is set. */
static const char *
overriding_property(TALLOC_CTX *context, const SoObject *properties, const char *keyword)
{
	for (int i = 0; setting_properties[i].property != NULL; i++)
	{
		const SoProperty *property;
		const SoField *field;

		if (strcmp(setting_properties[i].keyword, keyword) != 0)
			continue;
		property = so_object_type_find(properties->type, setting_properties[i].property);
		field =
			property != NULL ? so_object_field(properties, setting_properties[i].property) : NULL;
		if (field != NULL && field->value.type != SO_TYPE_NONE && !field->value.is_null)
		{
			const char *text = so_value_to_text(context, &field->value);

			if (text[0] != '\0' && strcmp(text, "0") != 0)
				return text;
		}
	}
	return NULL;
}

char *
so_postgres_settings(TALLOC_CTX *context, const SoObject *properties, SoError *error)
{
	const char *text = so_connection_text(properties, "connection_string");
	char *settings = talloc_strdup(context, "");
	PQconninfoOption *options;

	/* libpq's own message may quote a part of a password, so it is not passed on. */
	options = PQconninfoParse(text != NULL ? text : "", NULL);
	if (options == NULL)
	{
		so_error_set(error, SO_ERR_TASK_CONNECTION_SETTINGS, NULL,
					 "connection_string is not a libpq connection string");
		so_error_hint(
			error,
			"Write keyword=value pairs such as \"host=db.example dbname=warehouse user=load\", "
			"\"service=warehouse\", or a URI such as postgresql://load@db.example/warehouse.");
		return NULL;
	}
	for (PQconninfoOption *option = options; option->keyword != NULL && settings != NULL; option++)
	{
		const char *value = overriding_property(context, properties, option->keyword);

		if (value == NULL)
			value = option->val;
		if (value != NULL)
			settings = append_setting(settings, option->keyword, value);
	}
	PQconninfoFree(options);
	if (settings == NULL)
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return settings;
}

/* NOTICEs and WARNINGs become events of the task that owns the session. */
static void
receive_notice(void *argument, const PGresult *result)
{
	SoConnection *connection = argument;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (connection->run == NULL || message == NULL || severity == NULL)
		return;
	if (strcmp(severity, "WARNING") == 0)
		so_task_warning(connection->run, SO_ERR_TASK_SERVER_WARNING, "%s: %s%s%s (SQLSTATE %s)",
						connection->name, message, detail ? ". " : "", detail ? detail : "",
						state ? state : "?");
	else if (strcmp(severity, "NOTICE") == 0 || strcmp(severity, "INFO") == 0)
		so_task_information(connection->run, "%s: %s%s%s", connection->name, message,
							detail ? ". " : "", detail ? detail : "");
}

/* libpq's message without the newlines at its end, as one line. */
static void
one_line(const char *message, char *buffer, size_t size)
{
	size_t length;

	snprintf(buffer, size, "%s", message != NULL ? message : "");
	length = strlen(buffer);
	while (length > 0 && (buffer[length - 1] == '\n' || buffer[length - 1] == ' '))
		buffer[--length] = '\0';
	for (char *p = buffer; *p != '\0'; p++)
	{
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	}
}

static bool
connect_failed(SoConnection *connection, SoError *error)
{
	char text[900];

	one_line(PQerrorMessage(connection->pg), text, sizeof(text));
	so_error_set(error,
				 strstr(text, "authentication failed") != NULL ||
						 strstr(text, "no password supplied") != NULL
					 ? SO_ERR_TASK_LOGIN_REFUSED
					 : SO_ERR_TASK_CONNECT_FAILED,
				 connection->name, "%s", text);
	if (error != NULL && error->code == SO_ERR_TASK_LOGIN_REFUSED)
		so_error_hint(
			error, "Keep the password in libpq's password file (~/.pgpass of the account that runs "
				   "the task), in a service file, or in a sensitive parameter.");
	return false;
}

/* Drive PQconnectPoll until the session stands or fails. */
static bool
finish_connecting(SoConnection *connection, const SoWait *wait, SoError *error)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK)
	{
		if (status == PGRES_POLLING_FAILED || PQsocket(connection->pg) < 0)
			return connect_failed(connection, error);
		if (!so_wait_poll(wait, PQsocket(connection->pg),
						  status == PGRES_POLLING_READING ? POLLIN : POLLOUT, error))
		{
			if (error != NULL && error->code == SO_ERR_TASK_TIMED_OUT)
				so_error_set(error, SO_ERR_TASK_CONNECT_FAILED, connection->name,
							 "no answer from the server within %.3g s",
							 (double) wait->time_out_ms / 1000);
			return false;
		}
		status = PQconnectPoll(connection->pg);
	}
	return true;
}

bool
so_postgres_open(SoConnection *connection, const char *settings, const char *application_name,
				 int64_t connect_time_out_ms, SoError *error)
{
	/* Later entries win over earlier ones; dbname is expanded where it stands. */
	const char *keywords[] = {
		"fallback_application_name", "client_encoding",  "keepalives_idle", "keepalives_interval",
		"keepalives_count",          "tcp_user_timeout", "dbname",          NULL};
	const char *values[] = {application_name, "UTF8", "30", "10", "3", "60000", settings, NULL};
	SoWait wait = so_connection_wait(connection, connect_time_out_ms);

	connection->pg = PQconnectStartParams(keywords, values, 1);
	if (connection->pg == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	PQsetNoticeReceiver(connection->pg, receive_notice, connection);
	if (PQstatus(connection->pg) == CONNECTION_BAD)
		return connect_failed(connection, error);
	if (!finish_connecting(connection, &wait, error))
		return false;
	if (PQsetnonblocking(connection->pg, 1) != 0)
		return connect_failed(connection, error);
	/* Values are read as text; these make that text independent of the server's settings. */
	return so_postgres_command(connection,
							   "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; "
							   "SET bytea_output = 'hex'; SET extra_float_digits = 1",
							   &wait, error);
}

void
so_postgres_close(SoConnection *connection)
{
	if (connection->pg != NULL)
		PQfinish(connection->pg);
	connection->pg = NULL;
}

/* The session was cut: say so, and never use it again. */
static bool
lost(SoConnection *connection, SoError *error)
{
	char text[600];

	one_line(PQerrorMessage(connection->pg), text, sizeof(text));
	connection->broken = true;
	return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name,
						"the connection to the server was cut%s%s", text[0] ? ": " : "", text);
}

/* Poll for what libpq wants; the statement is cancelled when the wait ends. */
static bool
wait_for_socket(SoConnection *connection, const SoWait *wait, short events, SoError *error)
{
	if (PQsocket(connection->pg) < 0)
		return lost(connection, error);
	if (!so_wait_poll(wait, PQsocket(connection->pg), events, error))
	{
		so_postgres_cancel(connection);
		return false;
	}
	if (PQconsumeInput(connection->pg) == 0)
		return lost(connection, error);
	return true;
}

bool
so_postgres_flush(SoConnection *connection, const SoWait *wait, SoError *error)
{
	for (;;)
	{
		int state = PQflush(connection->pg);

		if (state < 0)
			return lost(connection, error);
		if (state == 0)
			return true;
		if (!wait_for_socket(connection, wait, POLLIN | POLLOUT, error))
			return false;
	}
}

PGresult *
so_postgres_next_result(SoConnection *connection, const SoWait *wait, SoError *error)
{
	PGresult *result;

	so_error_clear(error);
	if (!so_postgres_flush(connection, wait, error))
		return NULL;
	while (PQisBusy(connection->pg))
	{
		if (!wait_for_socket(connection, wait, POLLIN, error))
			return NULL;
	}
	result = PQgetResult(connection->pg);
	if (PQstatus(connection->pg) == CONNECTION_BAD)
	{
		const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

		/* The server's last words (57P01 and the like) are more telling than a closed socket. */
		if (state != NULL)
		{
			connection->broken = true;
			return result;
		}
		PQclear(result);
		lost(connection, error);
		return NULL;
	}
	return result;
}

/* Read and drop results until there are none; false when it takes too long. */
static bool
drain(SoConnection *connection)
{
	SoWait wait = {.cancel_fd = -1, .time_out_ms = CANCEL_GRACE_MS};
	SoError ignored;

	wait.deadline_ms = so_clock_monotonic_ms() + CANCEL_GRACE_MS;
	for (;;)
	{
		PGresult *result;
		ExecStatusType status;

		while (PQflush(connection->pg) > 0 || PQisBusy(connection->pg))
		{
			if (PQsocket(connection->pg) < 0 ||
				!so_wait_poll(&wait, PQsocket(connection->pg), POLLIN, &ignored) ||
				PQconsumeInput(connection->pg) == 0)
				return false;
		}
		result = PQgetResult(connection->pg);
		if (result == NULL)
			return PQstatus(connection->pg) == CONNECTION_OK;
		status = PQresultStatus(result);
		PQclear(result);
		if (status == PGRES_COPY_IN)
			PQputCopyEnd(connection->pg, "cancelled");
		else if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
			return false;
	}
}

void
so_postgres_cancel(SoConnection *connection)
{
	PGcancel *cancel = PQgetCancel(connection->pg);
	char text[256];
	bool sent;

	if (cancel == NULL)
	{
		connection->broken = true;
		return;
	}
	sent = PQcancel(cancel, text, sizeof(text)) != 0;
	PQfreeCancel(cancel);
	if (!sent || !drain(connection))
		connection->broken = true;
}

bool
so_postgres_command(SoConnection *connection, const char *sql, const SoWait *wait, SoError *error)
{
	bool good = true;
	SoError end;

	if (!PQsendQuery(connection->pg, sql))
		return lost(connection, error);
	if (strcmp(sql, "COMMIT") == 0)
		SO_FAULT("engine.transaction.during_commit");
	for (;;)
	{
		PGresult *result = so_postgres_next_result(connection, wait, &end);

		if (result == NULL)
			break;
		if (good && PQresultStatus(result) != PGRES_COMMAND_OK &&
			PQresultStatus(result) != PGRES_TUPLES_OK)
		{
			so_postgres_error(connection, result, NULL, 0, error);
			good = false;
		}
		PQclear(result);
	}
	if (end.code != SO_OK && good)
	{
		if (error != NULL)
			*error = end;
		good = false;
	}
	return good;
}

bool
so_postgres_reset(SoConnection *connection)
{
	SoWait wait = {.cancel_fd = -1, .time_out_ms = CANCEL_GRACE_MS};
	SoError ignored;

	if (connection->broken || PQstatus(connection->pg) != CONNECTION_OK)
		return false;
	wait.deadline_ms = so_clock_monotonic_ms() + CANCEL_GRACE_MS;
	if (PQtransactionStatus(connection->pg) != PQTRANS_IDLE &&
		!so_postgres_command(connection, "ROLLBACK", &wait, &ignored))
		return false;
	/* DISCARD ALL takes the settings of so_postgres_open away as well. */
	return so_postgres_command(connection, "DISCARD ALL", &wait, &ignored) &&
		   so_postgres_command(connection,
							   "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; "
							   "SET bytea_output = 'hex'; SET extra_float_digits = 1",
							   &wait, &ignored);
}
