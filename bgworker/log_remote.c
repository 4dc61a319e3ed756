/*
 * bgworker/log_remote.c
 *
 * What the copy does in the log database: looks whether it may write, learns and
 * moves the position, writes messages.
 *
 * Process: the copying worker.  No shared data.  A connection that is lost
 * half-way takes its transaction along; whether a commit came through is learned
 * from the position that the same transaction moves.
 */
#include "postgres.h"

#include "bgworker/log_remote_private.h"

#include "bgworker/log_remote_error.h"
#include "common/fault.h"
#include "utils/builtins.h"

/* Are the tables there, may we write them, can they hold our texts? */
static bool
check_target(SoLogRemote *remote)
{
	static const char sql[] =
		"SELECT pg_catalog.has_table_privilege('scaleout_log.event_messages', 'INSERT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'SELECT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'INSERT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'UPDATE'),"
		" pg_catalog.current_setting('server_encoding'), current_user";
	PGresult *result;
	bool ok;
	bool encoding;

	if (!so_log_remote_query(remote, sql, 0, NULL, 3, &result))
		return false;
	if (PQntuples(result) != 1)
	{
		PQclear(result);
		return so_log_remote_wrong_answer(remote);
	}
	ok = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	encoding = strcmp(PQgetvalue(result, 0, 1), "UTF8") == 0 ||
			   strcmp(PQgetvalue(result, 0, 1), "SQL_ASCII") == 0;
	if (!ok)
	{
		so_error_set(&remote->error, SO_ERR_LOG_COPY_OBJECTS, NULL,
					 "the login \"%s\" may not write the tables of the copy in the log database",
					 PQgetvalue(result, 0, 2));
		so_log_remote_error_objects(remote->connection, &remote->error);
	}
	else if (!encoding)
		so_error_set(&remote->error, SO_ERR_LOG_COPY_ENCODING, NULL,
					 "the log database is encoded in %s", PQgetvalue(result, 0, 1));
	PQclear(result);
	return (ok && encoding) || so_log_remote_fail(remote);
}

bool
so_log_remote_open(SoLogRemote *remote, const char *connection_string, bool by_superuser)
{
	remote->gave_up = false;
	return so_log_remote_connect(remote, connection_string, by_superuser) &&
		   /* What is confirmed is deleted from the queue: it must be on the disk there. */
		   so_log_remote_run(remote, "SET synchronous_commit = on", 0, NULL, PGRES_COMMAND_OK,
							 NULL) &&
		   check_target(remote);
}

bool
so_log_remote_position(SoLogRemote *remote, const pg_uuid_t *source)
{
	const char *values[1];
	PGresult *result;

	remote->gave_up = false;
	remote->position_known = false;
	remote->source = *source;
	values[0] = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(source)));
	if (!so_log_remote_query(remote,
							 "SELECT p.position FROM scaleout_log.copy_position p"
							 " WHERE p.catalog_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
							 1, values, 1, &result))
		return false;
	remote->position_row = PQntuples(result) == 1;
	remote->position = remote->position_row ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	remote->position_known = true;
	PQclear(result);
	return true;
}

/* First of all, because it makes whoever copies for the same catalog wait for us. */
static bool
move_position(SoLogRemote *remote, int64 position, bool *moved)
{
	char to[32];
	char from[32];
	const char *values[3];
	PGresult *result;

	snprintf(to, sizeof(to), INT64_FORMAT, position);
	snprintf(from, sizeof(from), INT64_FORMAT, remote->position);
	values[0] = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&remote->source)));
	values[1] = to;
	values[2] = from;
	if (!so_log_remote_run(
			remote,
			remote->position_row
				? "UPDATE scaleout_log.copy_position SET position = $2::pg_catalog.int8,"
				  " changed_time = pg_catalog.clock_timestamp()"
				  " WHERE catalog_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid"
				  " AND position OPERATOR(pg_catalog.=) $3::pg_catalog.int8"
				: "INSERT INTO scaleout_log.copy_position (catalog_id, position)"
				  " VALUES ($1::pg_catalog.uuid, $2::pg_catalog.int8) ON CONFLICT DO NOTHING",
			remote->position_row ? 3 : 2, values, PGRES_COMMAND_OK, &result))
		return false;
	*moved = strcmp(PQcmdTuples(result), "1") == 0;
	PQclear(result);
	return true;
}

bool
so_log_remote_copy(SoLogRemote *remote, const char *columns, const char *lines, size_t length,
				   int64 position, bool *moved)
{
	*moved = false;
	remote->gave_up = false;
	if (!so_log_remote_run(remote, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", 0, NULL,
						   PGRES_COMMAND_OK, NULL) ||
		!move_position(remote, position, moved))
		return false;
	if (!*moved)
	{
		remote->position_known = false;
		return so_log_remote_run(remote, "ROLLBACK", 0, NULL, PGRES_COMMAND_OK, NULL);
	}
	if (length > 0 &&
		!so_log_remote_copy_from(
			remote, psprintf("COPY scaleout_log.event_messages (%s) FROM STDIN", columns), lines,
			length))
		return false;
	SO_FAULT("log_copy.before_commit");
	if (!so_log_remote_run(remote, "COMMIT", 0, NULL, PGRES_COMMAND_OK, NULL))
		return false;
	SO_FAULT("log_copy.after_commit");
	remote->position = position;
	remote->position_row = true;
	return true;
}
