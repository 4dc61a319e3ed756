/*
 * engine/control_flow/unit_transaction.c
 *
 * Transactions of containers and tasks with transaction_option = required.
 *
 * Process: runner and client, control thread; commit and rollback in a thread
 * of their own.  If the process dies the server rolls back.
 */
#include "engine/control_flow/unit_transaction.h"

#include <string.h>

#include "common/fault.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/task_thread.h"
#include "engine/model/object_types.h"

static int64_t
option_of(const SoUnit *unit)
{
	return so_unit_integer(unit, "transaction_option", SO_TRANSACTION_SUPPORTED);
}

bool
so_unit_transaction_begin(SoUnit *unit)
{
	const SoUnit *outer = so_unit_outer(unit);
	SoTransaction *around = outer != NULL ? outer->transaction : NULL;
	int64_t option = option_of(unit);
	SoError error;

	if (option == SO_TRANSACTION_NOT_SUPPORTED)
		return true;
	unit->transaction = around;
	if (around != NULL || option != SO_TRANSACTION_REQUIRED)
		return true;
	unit->transaction =
		so_transaction_new(unit->run->pool, unit->executable,
						   so_property_enum_name(unit->properties, "isolation_level"));
	unit->owns_transaction = unit->transaction != NULL;
	if (unit->owns_transaction)
		return true;
	so_error_set(&error, SO_ERR_RUN_TRANSACTION_BEGIN, unit->executable->path,
				 "no memory for a transaction");
	so_event_error(unit, &error);
	return false;
}

static SoExecutionResult
commit_in_thread(SoTaskRun *run)
{
	SoError error = {0};
	SoError outer;

	SO_FAULT("engine.transaction.before_commit");
	if (so_transaction_commit(run->transaction, &error))
	{
		SO_FAULT("engine.transaction.after_commit");
		return SO_RESULT_SUCCESS;
	}
	so_error_set(&outer, SO_ERR_RUN_TRANSACTION_COMMIT, run->executable->path,
				 "the transaction of \"%s\" was not committed: %s (%s)", run->executable->name,
				 error.message, so_error_state(error.code));
	so_error_detail(&outer, "%s", error.detail);
	if (error.hint[0] != '\0')
		so_error_hint(&outer, "%s", error.hint);
	so_task_error(run, &outer);
	return SO_RESULT_FAILURE;
}

static SoExecutionResult
roll_back_in_thread(SoTaskRun *run)
{
	so_transaction_rollback(run->transaction);
	return SO_RESULT_SUCCESS;
}

static void
transaction_ended(SoUnit *unit, SoExecutionResult result)
{
	if (result != SO_RESULT_SUCCESS)
		unit->result = SO_RESULT_FAILURE;
	so_unit_next(unit, so_unit_finish);
}

void
so_unit_transaction_end(SoUnit *unit, bool good)
{
	SoTransaction *transaction = unit->transaction;

	/* Handlers of OnPostExecute are outside. */
	unit->transaction = NULL;
	if (!unit->owns_transaction)
	{
		so_unit_next(unit, so_unit_finish);
		return;
	}
	if (so_transaction_is_begun(transaction))
	{
		so_task_thread_job(unit, transaction, good ? commit_in_thread : roll_back_in_thread,
						   transaction_ended);
		return;
	}
	so_transaction_rollback(transaction);
	so_unit_next(unit, so_unit_finish);
}

/* ---- validation ---- */

typedef struct Users
{
	const SoProject *project;
	const SoPackage *package;
	json_t *children;                   /* names of the child packages that were looked at */
	const SoConnectionManager *manager; /* the first one that is used */
	const SoExecutable *user;
	SoError *error;
	const SoExecutable *owner;
	bool good;
} Users;

static void
check_task(Users *users, const SoExecutable *task)
{
	if (task->task_type == NULL || (task->task_type->flags & SO_TASK_TRANSACTIONAL) == 0)
		return;
	for (int i = 0; i < task->object->field_count && users->good; i++)
	{
		const SoField *field = &task->object->fields[i];
		const SoConnectionManager *manager;

		if (field->property->kind != SO_PROPERTY_CONNECTION || !field->is_set ||
			field->value.is_null)
			continue;
		manager = so_package_connection(users->package, field->value.as.text.bytes);
		if (manager == NULL || !so_connection_pool_supports(manager->object))
			continue;
		if (users->manager == NULL)
		{
			users->manager = manager;
			users->user = task;
		}
		else if (users->manager != manager)
		{
			users->good =
				so_error_set(users->error, SO_ERR_RUN_TRANSACTION_CONNECTIONS, users->owner->path,
							 "\"%s\" would need one transaction over two connection managers, "
							 "\"%s\" and \"%s\"",
							 users->owner->name, users->manager->name, manager->name);
			so_error_detail(users->error,
							"\"%s\" is used by %s of package \"%s\", \"%s\" by %s of "
							"package \"%s\".",
							users->manager->name, users->user->path, users->user->package->name,
							manager->name, task->path, task->package->name);
		}
	}
}

static void check_subtree(Users *users, const SoExecutable *executable);

/* A child package joins the transaction of the task that runs it; each is looked at once. */
static void
check_child(Users *users, const SoExecutable *task)
{
	const SoPackage *package = users->package;
	const SoPackage *child;
	const char *name = so_property_text(task->object, "package_name");

	for (int i = 0; i < task->expression_count; i++)
	{
		if (strcmp(task->expressions[i].property->name, "package_name") == 0)
			return; /* known when it runs, and refused then */
	}
	child = name != NULL ? so_project_package(users->project, name) : NULL;
	if (child == NULL || json_object_get(users->children, name) != NULL)
		return;
	json_object_set_new(users->children, name, json_true());
	users->package = child;
	check_subtree(users, child->root);
	users->package = package;
}

static void
check_subtree(Users *users, const SoExecutable *executable)
{
	if (so_executable_boolean(executable, "disable"))
		return;
	if (executable != users->owner &&
		so_property_integer(executable->object, "transaction_option", SO_TRANSACTION_SUPPORTED) ==
			SO_TRANSACTION_NOT_SUPPORTED)
		return;
	if (executable->kind == SO_KIND_TASK && executable->task_type == &so_task_execute_package)
		check_child(users, executable);
	else if (executable->kind == SO_KIND_TASK)
		check_task(users, executable);
	for (int i = 0; i < executable->child_count && users->good; i++)
		check_subtree(users, executable->children[i]);
	for (int i = 0; i < executable->event_handler_count && users->good; i++)
		check_subtree(users, executable->event_handlers[i]);
}

bool
so_unit_transaction_validate(const SoUnit *unit, SoError *error)
{
	Users users = {.project = unit->run->project,
				   .package = unit->executable->package,
				   .error = error,
				   .owner = unit->executable,
				   .good = true};

	/* Inside another required container its check covers this one. */
	if (option_of(unit) == SO_TRANSACTION_REQUIRED)
	{
		users.children = json_object();
		check_subtree(&users, unit->executable);
		json_decref(users.children);
	}
	return users.good;
}
