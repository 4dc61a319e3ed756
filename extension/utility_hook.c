/*
 * extension/utility_hook.c
 *
 * DROP DATABASE, ALTER DATABASE RENAME and SET TABLESPACE, and CREATE DATABASE
 * with our database as template fail while a worker is connected to it.  The
 * hook takes a hold (SoShared.hold), which makes the master leave, and
 * releases it when the transaction ends: before its commit the launcher would
 * still see the old database and start a master in it.
 *
 * Process: client backends.  SoShared.mutex protects the hold; a backend that
 * is terminated in the middle releases it when its transaction aborts.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "bgworker/launcher.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/seclabel.h"
#include "extension/compat.h"
#include "extension/shared_memory.h"
#include "extension/utility_hook.h"
#include "extension/wake.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

/* How long the master may take to leave before it is terminated, and in all. */
#define LEAVE_POLITELY_MS 3000
#define LEAVE_AT_ALL_MS   8000

static ProcessUtility_hook_type previous_hook = NULL;

/* Holds taken in this transaction. */
static int holds_of_mine = 0;

static const char *
option_text(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/* The database that must be unused for the statement, or NULL. */
static const char *
database_needed(Node *statement)
{
	const char *template_name;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) statement)->subname;
			return NULL;
		case T_AlterDatabaseStmt:
			if (option_text(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				return ((AlterDatabaseStmt *) statement)->dbname;
			return NULL;
		case T_CreatedbStmt:
			template_name = option_text(((CreatedbStmt *) statement)->options, "template");
			return template_name ? template_name : "template1";
		default:
			return NULL;
	}
}

/* Only RENAME may run in a transaction block; the others will be refused, so nobody need leave. */
static bool
will_be_refused(Node *statement, Oid database)
{
	if (!IsA(statement, RenameStmt) && IsTransactionBlock())
		return true;
	return !IsA(statement, CreatedbStmt) && !so_owns_database(database, GetUserId());
}

/* The master's pid when it sits in the database, else 0. */
static pid_t
master_in(Oid database)
{
	pid_t pid;

	SpinLockAcquire(&so_shared->mutex);
	pid = so_shared->master_database == database ? so_shared->master_pid : 0;
	SpinLockRelease(&so_shared->mutex);
	return pid;
}

static void
wait_until_gone(Oid database)
{
	TimestampTz start = GetCurrentTimestamp();
	bool terminated = false;
	pid_t pid;

	ConditionVariablePrepareToSleep(&so_shared->master_gone_cv);
	while ((pid = master_in(database)) != 0)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (TimestampDifferenceExceeds(start, now, LEAVE_AT_ALL_MS))
			break; /* the statement then says itself who is in the way */
		if (!terminated && TimestampDifferenceExceeds(start, now, LEAVE_POLITELY_MS))
		{
			(void) kill(pid, SIGTERM);
			terminated = true;
		}
		(void) ConditionVariableTimedSleep(&so_shared->master_gone_cv, 200,
										   so_wait_event("ScaleoutMasterLeave"));
	}
	ConditionVariableCancelSleep();
}

static void
take_hold(Oid database)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->hold++;
	so_shared->hold_database = database;
	SpinLockRelease(&so_shared->mutex);
	holds_of_mine++;
	so_shared_wake_master();
	wait_until_gone(database);
}

static void
release_holds(XactEvent event, void *argument)
{
	if (holds_of_mine == 0 || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	SpinLockAcquire(&so_shared->mutex);
	so_shared->hold -= holds_of_mine;
	SpinLockRelease(&so_shared->mutex);
	holds_of_mine = 0;
	so_shared_wake_launcher();
}

/* Is the database marked as the one with the active catalog, or the master's? */
static bool
is_ours(Oid database)
{
	ObjectAddress object;

	if (master_in(database) != 0)
		return true;
	ObjectAddressSet(object, DatabaseRelationId, database);
	return GetSecurityLabel(&object, SO_LABEL_PROVIDER) != NULL;
}

/* After DROP EXTENSION: the mark goes with the catalog, and the master at its next tick. */
static void
after_drop_extension(void)
{
	ObjectAddress object;

	if (OidIsValid(get_extension_oid("scaleout", true)))
		return;
	ObjectAddressSet(object, DatabaseRelationId, MyDatabaseId);
	if (GetSecurityLabel(&object, SO_LABEL_PROVIDER) == NULL)
		return;
	SetSecurityLabel(&object, SO_LABEL_PROVIDER, NULL);
	so_wake_master_at_commit();
	so_wake_launcher_at_commit();
}

static void
process_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo parameters,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	Node *node = statement->utilityStmt;
	const char *name = database_needed(node);
	bool drops_extension =
		IsA(node, DropStmt) && ((DropStmt *) node)->removeType == OBJECT_EXTENSION;

	if (name != NULL)
	{
		Oid database = get_database_oid(name, true);

		if (OidIsValid(database) && !will_be_refused(node, database) && is_ours(database))
			take_hold(database);
	}
	if (previous_hook)
		previous_hook(statement, query, read_only_tree, context, parameters, environment,
					  destination, completion);
	else
		standard_ProcessUtility(statement, query, read_only_tree, context, parameters, environment,
								destination, completion);
	if (drops_extension)
		after_drop_extension();
}

void
so_utility_hook_init(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(release_holds, NULL);
}
