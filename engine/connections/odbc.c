/*
 * engine/connections/odbc.c
 *
 * ODBC sessions for the pool: connect, transactions, liveness.  ODBC has no
 * way to reset a session that all drivers know, so a session that cannot be
 * reset is closed when it comes back; retain_same_connection keeps it.
 *
 * Process: runner and client, in the thread that owns the session.  If the
 * process dies the server rolls back.
 */
#include "engine/connections/odbc.h"

#include <stdlib.h>
#include <string.h>

/* ODBC 3.8; unixODBC's headers may lack the names. */
#ifndef SQL_ATTR_RESET_CONNECTION
#define SQL_ATTR_RESET_CONNECTION 116
#define SQL_RESET_CONNECTION_YES  1UL
#endif

static SQLPOINTER
attribute_value(SQLULEN value)
{
	return (SQLPOINTER) (uintptr_t) value;
}

/* A value with braces, as connection strings quote. */
static char *
append_attribute(char *text, const char *keyword, const char *value)
{
	text = talloc_asprintf_append_buffer(
		text, "%s%s={", text[0] != '\0' && text[strlen(text) - 1] != ';' ? ";" : "", keyword);
	for (const char *p = value; *p != '\0'; p++)
		text = talloc_strndup_append_buffer(text, *p == '}' ? "}}" : p, *p == '}' ? 2 : 1);
	return talloc_strdup_append_buffer(text, "}");
}

static char *
odbc_settings(TALLOC_CTX *context, const SoObject *properties, SoError *error)
{
	const char *text = so_connection_text(properties, "connection_string");
	const char *user = so_connection_text(properties, "user_name");
	const char *password = so_connection_text(properties, "password");
	char *settings;

	if (text == NULL)
	{
		so_error_set(error, SO_ERR_TASK_CONNECTION_SETTINGS, NULL, "connection_string is empty");
		so_error_hint(error, "Write DSN=name, or Driver=... with the settings of that driver.");
		return NULL;
	}
	settings = talloc_strdup(context, text);
	if (user != NULL)
		settings = append_attribute(settings, "UID", user);
	if (password != NULL)
		settings = append_attribute(settings, "PWD", password);
	return settings;
}

static void
odbc_close(SoConnection *connection)
{
	SoOdbcSession *session = connection->odbc;

	if (session == NULL)
		return;
	if (session->connected)
	{
		SQLEndTran(SQL_HANDLE_DBC, session->database, SQL_ROLLBACK);
		SQLDisconnect(session->database);
	}
	if (session->database != SQL_NULL_HDBC)
		SQLFreeHandle(SQL_HANDLE_DBC, session->database);
	if (session->environment != SQL_NULL_HENV)
		SQLFreeHandle(SQL_HANDLE_ENV, session->environment);
	free(session);
	connection->odbc = NULL;
}

static bool
odbc_open(SoConnection *connection, const char *settings, const char *application_name,
		  int64_t connect_time_out_ms, SoError *error)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoOdbcSession *session = calloc(1, sizeof(*session));
	SQLULEN seconds = (SQLULEN) ((connect_time_out_ms + 999) / 1000);
	SQLRETURN result = SQL_ERROR;
	SQLWCHAR *wide;
	size_t length;

	(void) application_name; /* ODBC has no common place for it */
	connection->odbc = session;
	if (session == NULL ||
		!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &session->environment)) ||
		!SQL_SUCCEEDED(SQLSetEnvAttr(session->environment, SQL_ATTR_ODBC_VERSION,
									 attribute_value(SQL_OV_ODBC3), 0)) ||
		!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, session->environment, &session->database)))
	{
		talloc_free(scratch);
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for an ODBC session");
	}
	if (seconds > 0)
		SQLSetConnectAttrW(session->database, SQL_ATTR_LOGIN_TIMEOUT, attribute_value(seconds), 0);
	wide = so_odbc_wide(scratch, settings, &length);
	result = SQLDriverConnectW(session->database, NULL, wide, (SQLSMALLINT) length, NULL, 0, NULL,
							   SQL_DRIVER_NOPROMPT);
	explicit_bzero(wide, length * sizeof(SQLWCHAR));
	session->connected = SQL_SUCCEEDED(result);
	if (!session->connected)
		so_odbc_error(connection, SQL_HANDLE_DBC, session->database, NULL, error);
	talloc_free(scratch);
	return session->connected;
}

static bool
odbc_alive(SoConnection *connection)
{
	SQLINTEGER dead = SQL_CD_FALSE;

	if (connection->odbc == NULL || !connection->odbc->connected)
		return false;
	if (!SQL_SUCCEEDED(SQLGetConnectAttrW(connection->odbc->database, SQL_ATTR_CONNECTION_DEAD,
										  &dead, sizeof(dead), NULL)))
		return true;
	return dead != SQL_CD_TRUE;
}

static bool
odbc_reset(SoConnection *connection)
{
	SQLHDBC database = connection->odbc->database;

	return SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, database, SQL_ROLLBACK)) &&
		   SQL_SUCCEEDED(SQLSetConnectAttrW(database, SQL_ATTR_RESET_CONNECTION,
											attribute_value(SQL_RESET_CONNECTION_YES),
											SQL_IS_UINTEGER));
}

/* SQL_TXN_... for the name of an isolation level; 0 = the driver's default. */
static SQLULEN
isolation(const char *level)
{
	if (level == NULL || strcmp(level, "unspecified") == 0)
		return 0;
	if (strcmp(level, "chaos") == 0 || strcmp(level, "read_uncommitted") == 0)
		return SQL_TXN_READ_UNCOMMITTED;
	if (strcmp(level, "read_committed") == 0)
		return SQL_TXN_READ_COMMITTED;
	if (strcmp(level, "serializable") == 0)
		return SQL_TXN_SERIALIZABLE;
	return SQL_TXN_REPEATABLE_READ;
}

static bool
odbc_begin(SoConnection *connection, const char *isolation_level, SoError *error)
{
	SQLHDBC database = connection->odbc->database;
	SQLULEN level = isolation(isolation_level);

	if (level != 0 && !SQL_SUCCEEDED(SQLSetConnectAttrW(database, SQL_ATTR_TXN_ISOLATION,
														attribute_value(level), SQL_IS_UINTEGER)))
		return so_odbc_error(connection, SQL_HANDLE_DBC, database, "(setting the isolation level)",
							 error);
	if (!SQL_SUCCEEDED(SQLSetConnectAttrW(database, SQL_ATTR_AUTOCOMMIT,
										  attribute_value(SQL_AUTOCOMMIT_OFF), SQL_IS_UINTEGER)))
		return so_odbc_error(connection, SQL_HANDLE_DBC, database, "(beginning a transaction)",
							 error);
	return true;
}

static bool
end_transaction(SoConnection *connection, SQLSMALLINT how, SoError *error)
{
	SQLHDBC database = connection->odbc->database;

	if (!SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, database, how)) ||
		!SQL_SUCCEEDED(SQLSetConnectAttrW(database, SQL_ATTR_AUTOCOMMIT,
										  attribute_value(SQL_AUTOCOMMIT_ON), SQL_IS_UINTEGER)))
		return so_odbc_error(connection, SQL_HANDLE_DBC, database,
							 how == SQL_COMMIT ? "(commit)" : "(rollback)", error);
	return true;
}

static bool
odbc_commit(SoConnection *connection, SoError *error)
{
	return end_transaction(connection, SQL_COMMIT, error);
}

static bool
odbc_rollback(SoConnection *connection)
{
	return !connection->broken && end_transaction(connection, SQL_ROLLBACK, NULL);
}

static bool
odbc_enter_task(SoConnection *connection, SoError *error)
{
	if (odbc_alive(connection))
		return true;
	return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name,
						"the session of the transaction was cut");
}

/* ODBC has no savepoints of its own: a failed task spoils the whole transaction. */
static bool
odbc_leave_task(SoConnection *connection, bool failed, SoError *error)
{
	if (!failed)
		return true;
	so_error_set(error, SO_ERR_TASK_TRANSACTION_BROKEN, connection->name,
				 "a task of the transaction failed, and an ODBC session cannot undo it alone");
	return so_error_hint(error,
						 "The transaction was rolled back; correct the task that failed first.");
}

const SoConnectionOps so_odbc_connection_ops = {
	.kind = SO_CONNECTION_ODBC,
	.type_name = "odbc",
	.settings = odbc_settings,
	.open = odbc_open,
	.close = odbc_close,
	.alive = odbc_alive,
	.reset = odbc_reset,
	.begin = odbc_begin,
	.commit = odbc_commit,
	.rollback = odbc_rollback,
	.enter_task = odbc_enter_task,
	.leave_task = odbc_leave_task,
};
