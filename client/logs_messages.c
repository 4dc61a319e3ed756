/*
 * client/logs_messages.c
 *
 * Prints what the catalog knows about an execution, in the order in which it
 * happened.
 *
 * Process: client; reads only.
 */
#include "client/logs_messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/database.h"

/* message_id is for following and not shown. */
static const char messages_sql[] =
	"SELECT m.message_time, CASE m.message_type WHEN 110 THEN 'Warning' WHEN 120 THEN 'Error' "
	"WHEN 130 THEN 'TaskFailed' ELSE coalesce(m.event_name, 'Message') END AS event, "
	"coalesce(m.execution_path, m.source) AS source, m.message FROM ("
	/* Lines of a program's standard error are marked, as in the task log. */
	"SELECT message_time, message_type, "
	"event_name || CASE subcomponent_name WHEN 'stderr' THEN ' (stderr)' ELSE '' END AS "
	"event_name, "
	"execution_path, NULL AS source, message, "
	"event_message_id AS id FROM catalog.event_messages WHERE operation_id = $1 "
	"UNION ALL "
	"SELECT message_time, message_type, NULL, NULL, 'catalog', message, operation_message_id "
	"FROM catalog.operation_messages WHERE operation_id = $1 AND message_source_type < 30) AS m "
	"WHERE (NOT $2::boolean OR m.message_type IN (110, 120, 130)) AND m.id > $3 AND m.id <= $4 "
	"ORDER BY m.message_time, m.id";

/* One numbering for both kinds. */
static const char newest_sql[] =
	"SELECT coalesce(max(operation_message_id), 0) AS id FROM catalog.operation_messages "
	"WHERE operation_id = $1";

PGresult *
so_messages_next(SoMessageView *view, SoError *error)
{
	char newest_id[24];
	const char *values[4] = {view->execution_id, view->errors_only ? "t" : "f", view->last_id,
							 newest_id};
	PGresult *newest = so_database_query(view->connection, newest_sql, 1, values, error);
	PGresult *result;

	if (newest == NULL)
		return NULL;
	snprintf(newest_id, sizeof(newest_id), "%s", so_database_value(newest, 0, "id"));
	PQclear(newest);
	result = so_database_query(view->connection, messages_sql, 4, values, error);
	if (result != NULL)
		snprintf(view->last_id, sizeof(view->last_id), "%s", newest_id);
	return result;
}

void
so_messages_print_text(const char *text)
{
	static int terminal = -1;

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	if (!terminal)
	{
		fputs(text, stdout);
		return;
	}
	for (const unsigned char *byte = (const unsigned char *) text; *byte != '\0'; byte++)
	{
		/* The controls of ISO 8859-1, as UTF-8. */
		bool high = byte[0] == 0xC2 && byte[1] >= 0x80 && byte[1] < 0xA0;

		if ((*byte < 0x20 && *byte != '\t' && *byte != '\n') || *byte == 0x7F)
			printf("\\x%02X", *byte);
		else if (high)
			printf("\\x%02X", *++byte);
		else
			putchar(*byte);
	}
}

void
so_messages_print(const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
	{
		printf("%s  %-16s ", so_database_value(result, row, "message_time"),
			   so_database_value(result, row, "event"));
		so_messages_print_text(so_database_value(result, row, "source"));
		fputs("  ", stdout);
		so_messages_print_text(so_database_value(result, row, "message"));
		putchar('\n');
	}
}
