/*
 * engine/checkpoint/exactly_once.c
 *
 * Marker rows and the fence, in the schema scaleout_exactly_once of the
 * database that the task writes to.
 *
 * Process: runner and client, in the task's thread.  If the process dies the
 * server rolls the transaction back, marker and data together; if it dies
 * after the commit, both are there.
 */
#include "engine/checkpoint/exactly_once.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "engine/connections/postgres.h"
#include "engine/control_flow/task_outputs.h"

/* Longer than a chain can live: the catalog keeps executions for a year. */
#define RETENTION "400 days"

/* The lock keeps two first users apart; docs/checkpoints.md shows this text to owners of databases. */
#define CREATE_BEGIN "BEGIN;\nSET LOCAL client_min_messages = warning;\n"
static const char create_script[] =
	CREATE_BEGIN "SELECT pg_advisory_xact_lock(hashtext('scaleout_exactly_once'));\n"
				 "CREATE SCHEMA IF NOT EXISTS scaleout_exactly_once;\n"
				 "CREATE TABLE IF NOT EXISTS scaleout_exactly_once.chain (\n"
				 "  chain text PRIMARY KEY,\n"
				 "  attempt integer NOT NULL,\n"
				 "  seen timestamptz NOT NULL DEFAULT now());\n"
				 "CREATE TABLE IF NOT EXISTS scaleout_exactly_once.marker (\n"
				 "  chain text NOT NULL REFERENCES scaleout_exactly_once.chain ON DELETE CASCADE,\n"
				 "  executable text NOT NULL,\n"
				 "  item text NOT NULL,\n"
				 "  statement text NOT NULL,\n"
				 "  attempt integer NOT NULL,\n"
				 "  statement_hash text NOT NULL,\n"
				 "  outputs jsonb,\n"
				 "  created timestamptz NOT NULL DEFAULT now(),\n"
				 "  PRIMARY KEY (chain, executable, item, statement));\n"
				 "COMMIT;";

static bool
execute(SoExactlyOnce *once, const char *sql, const char *const *texts, int count,
		SoSqlResults *results, SoError *error)
{
	TALLOC_CTX *context = so_task_context(once->run);
	SoSqlParameter *parameters = talloc_zero_array(context, SoSqlParameter, count + 1);
	SoSqlRequest request = {
		.text = sql, .parameters = parameters, .parameter_count = count, .bypass_prepare = true};

	for (int i = 0; i < count; i++)
		parameters[i].value = so_value_string(context, texts[i]);
	results->items = NULL;
	results->count = 0;
	return so_sql_execute(once->connection, context, &request, once->wait, results, error);
}

/* The first cell, NULL when there is no row or it is NULL. */
static const char *
first_cell(const SoSqlResults *results)
{
	if (results->count == 0 || results->items[0].row_count == 0 ||
		results->items[0].column_count == 0)
		return NULL;
	return results->items[0].cells[0];
}

/* The server's words, with what they mean for the task. */
static bool
marker_error(const SoExactlyOnce *once, const SoError *cause, SoError *error)
{
	if (cause->code == SO_ERR_TASK_CANCELLED || cause->code == SO_ERR_TASK_CONNECTION_LOST)
	{
		*error = *cause;
		return false;
	}
	so_error_set(error, SO_ERR_EXACTLY_ONCE_MARKER, once->connection->name,
				 "the marker of exactly_once cannot be written: %s", cause->message);
	return so_error_detail(error, "%s", cause->detail);
}

/* ---- the tables ---- */

static bool
roll_back(SoExactlyOnce *once)
{
	SoWait unhindered = {.cancel_fd = -1};
	SoError ignored;

	if (!once->connection->broken &&
		!so_postgres_command(once->connection, "ROLLBACK", &unhindered, &ignored))
		once->connection->broken = true;
	return false;
}

static bool
ensure_tables(SoExactlyOnce *once, SoError *error)
{
	SoSqlResults results;
	SoError cause = {0};
	const char *script = create_script;

	if (!execute(once, "SELECT to_regclass('scaleout_exactly_once.marker')", NULL, 0, &results,
				 &cause))
		return marker_error(once, &cause, error);
	if (first_cell(&results) != NULL)
		return true;
	/* Inside somebody else's transaction the tables are made in it. */
	if (!once->own_transaction)
	{
		char *inner =
			talloc_strdup(so_task_context(once->run), create_script + strlen(CREATE_BEGIN));

		inner[strlen(inner) - strlen("COMMIT;")] = '\0';
		script = inner;
	}
	if (so_postgres_command(once->connection, script, once->wait, &cause))
		return true;
	if (once->own_transaction)
		roll_back(once);
	return marker_error(once, &cause, error);
}

/* ---- the fence ---- */

static bool
fenced(const SoTaskIdentity *identity, int seen, SoError *error)
{
	return so_error_set(error, SO_ERR_EXACTLY_ONCE_FENCED, identity->path,
						"attempt %d of chain %s must not write: attempt %d has taken over",
						identity->attempt, identity->chain_id, seen);
}

/* Tell the chain's row of this attempt; once per attempt, outside of the data's transaction. */
static bool
register_attempt(SoExactlyOnce *once, const SoTaskIdentity *identity, SoError *error)
{
	char number[16];
	const char *texts[] = {identity->chain_id, number};
	SoSqlResults results;
	SoError cause = {0};
	const char *seen;

	snprintf(number, sizeof(number), "%d", identity->attempt);
	if (!execute(once, "SELECT attempt FROM scaleout_exactly_once.chain WHERE chain = $1", texts, 1,
				 &results, &cause))
		return marker_error(once, &cause, error);
	seen = first_cell(&results);
	if (seen != NULL && atoi(seen) > identity->attempt)
		return fenced(identity, atoi(seen), error);
	if (seen != NULL && atoi(seen) == identity->attempt)
		return true;
	/* Waits for transactions of an earlier attempt that are under way. */
	if (!execute(once,
				 "INSERT INTO scaleout_exactly_once.chain AS c (chain, attempt) "
				 "VALUES ($1, $2::integer) ON CONFLICT (chain) DO UPDATE "
				 "SET attempt = excluded.attempt, seen = now() WHERE c.attempt < excluded.attempt",
				 texts, 2, &results, &cause))
		return marker_error(once, &cause, error);
	if (seen == NULL && once->own_transaction &&
		!execute(once,
				 "DELETE FROM scaleout_exactly_once.chain WHERE seen < now() - interval '" RETENTION
				 "'",
				 NULL, 0, &results, &cause))
		return marker_error(once, &cause, error);
	return true;
}

static bool
hold_fence(SoExactlyOnce *once, const SoTaskIdentity *identity, SoError *error)
{
	const char *texts[] = {identity->chain_id};
	SoSqlResults results;
	SoError cause = {0};
	const char *seen;

	if (!execute(once, "SELECT attempt FROM scaleout_exactly_once.chain WHERE chain = $1 FOR SHARE",
				 texts, 1, &results, &cause))
		return marker_error(once, &cause, error);
	seen = first_cell(&results);
	if (seen == NULL)
		return so_error_set(error, SO_ERR_EXACTLY_ONCE_MARKER, identity->path,
							"the row of chain %s has disappeared", identity->chain_id);
	return atoi(seen) <= identity->attempt || fenced(identity, atoi(seen), error);
}

/* ---- the marker ---- */

static char *
hash_of(TALLOC_CTX *context, const char *text)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *hash = talloc_zero_array(context, char, 2 * sizeof(digest) + 1);

	SHA256((const unsigned char *) text, strlen(text), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hash + 2 * i, 3, "%02x", digest[i]);
	return hash;
}

static bool
give_outputs(SoExactlyOnce *once, const char *const *key, const char *hash, SoError *error)
{
	SoSqlResults results;
	SoError cause = {0};
	const char *text;
	json_t *outputs;
	bool good;

	if (!execute(once,
				 "SELECT coalesce(outputs, '{}'::jsonb)::text, statement_hash, attempt, created "
				 "FROM scaleout_exactly_once.marker WHERE chain = $1 AND executable = $2 "
				 "AND item = $3 AND statement = $4",
				 key, 4, &results, &cause))
		return marker_error(once, &cause, error);
	text = first_cell(&results);
	outputs = text != NULL ? json_loads(text, 0, NULL) : NULL;
	if (outputs == NULL)
		return so_error_set(error, SO_ERR_EXACTLY_ONCE_MARKER, key[1],
							"the marker of \"%s\" cannot be read", key[1]);
	if (strcmp(results.items[0].cells[1], hash) != 0)
		so_task_warning(once->run, SO_ERR_CHECKPOINT_NO_EFFECT,
						"The statement has changed since attempt %s committed it at %s; what was "
						"committed counts.",
						results.items[0].cells[2], results.items[0].cells[3]);
	so_task_information(once->run,
						"exactly_once: attempt %s has committed this at %s; it is not done again.",
						results.items[0].cells[2], results.items[0].cells[3]);
	good = so_task_set_outputs(once->run, outputs, error);
	json_decref(outputs);
	once->done = true;
	return good;
}

static bool
insert_marker(SoExactlyOnce *once, const SoTaskIdentity *identity, SoError *error)
{
	const char *hash = hash_of(so_task_context(once->run), once->text);
	char number[16];
	const char *texts[] = {identity->chain_id, identity->path, identity->items,
						   once->ordinal,      number,         hash};
	SoSqlResults results;
	SoError cause = {0};

	snprintf(number, sizeof(number), "%d", identity->attempt);
	if (!execute(once,
				 "INSERT INTO scaleout_exactly_once.marker "
				 "(chain, executable, item, statement, attempt, statement_hash) "
				 "VALUES ($1, $2, $3, $4, $5::integer, $6) ON CONFLICT DO NOTHING RETURNING true",
				 texts, 6, &results, &cause))
		return marker_error(once, &cause, error);
	return first_cell(&results) != NULL || give_outputs(once, texts, hash, error);
}

bool
so_exactly_once_begin(SoExactlyOnce *once, SoError *error)
{
	SoTaskIdentity identity = so_task_identity(once->run);

	if (once->connection->kind != SO_CONNECTION_POSTGRES)
		return so_error_set(error, SO_ERR_EXACTLY_ONCE_USE, once->connection->name,
							"exactly_once needs a connection manager of type postgres");
	once->own_transaction = once->connection->transaction == NULL &&
							PQtransactionStatus(once->connection->pg) == PQTRANS_IDLE;
	if (!ensure_tables(once, error) || !register_attempt(once, &identity, error))
		return false;
	if (once->own_transaction &&
		!so_postgres_command(once->connection, "BEGIN ISOLATION LEVEL READ COMMITTED", once->wait,
							 error))
		return false;
	if (!hold_fence(once, &identity, error) || !insert_marker(once, &identity, error))
	{
		so_exactly_once_abort(once);
		return false;
	}
	if (once->done && once->own_transaction)
		return so_postgres_command(once->connection, "COMMIT", once->wait, error);
	return true;
}

bool
so_exactly_once_end(SoExactlyOnce *once, SoError *error)
{
	SoTaskIdentity identity = so_task_identity(once->run);
	json_t *outputs = so_task_outputs(once->run);
	char *text = json_dumps(outputs, JSON_COMPACT);
	const char *texts[] = {identity.chain_id, identity.path, identity.items, once->ordinal,
						   text != NULL ? text : "{}"};
	SoSqlResults results;
	SoError cause = {0};
	bool good = execute(once,
						"UPDATE scaleout_exactly_once.marker SET outputs = $5::jsonb "
						"WHERE chain = $1 AND executable = $2 AND item = $3 AND statement = $4",
						texts, 5, &results, &cause);

	json_decref(outputs);
	free(text);
	if (!good)
	{
		so_exactly_once_abort(once);
		return marker_error(once, &cause, error);
	}
	if (!once->own_transaction)
		return true;
	SO_FAULT("engine.transaction.before_commit");
	if (!so_postgres_command(once->connection, "COMMIT", once->wait, error))
		return roll_back(once);
	SO_FAULT("engine.transaction.after_commit");
	return true;
}

void
so_exactly_once_abort(SoExactlyOnce *once)
{
	if (once->own_transaction)
		roll_back(once);
}
