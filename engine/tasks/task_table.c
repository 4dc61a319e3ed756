/*
 * engine/tasks/task_table.c
 *
 * The table of all task types.  A new task is a file of its own and one line
 * here.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/tasks/task.h"

#include <string.h>

#include "engine/tasks/bulk_insert.h"
#include "engine/tasks/execute_process.h"
#include "engine/tasks/execute_sql.h"
#include "engine/tasks/file_system.h"
#include "engine/tasks/ftp.h"
#include "engine/tasks/http.h"
#include "engine/tasks/script.h"
#include "engine/tasks/send_mail.h"

/* Of the control flow: they need its scheduler or its variables. */
extern const SoTaskType so_task_execute_package;
extern const SoTaskType so_task_expression;
extern const SoTaskType so_task_no_operation;

static const SoTaskType *const task_types[] = {&so_task_bulk_insert,
											   &so_task_execute_package,
											   &so_task_execute_process,
											   &so_task_execute_sql,
											   &so_task_expression,
											   &so_task_file_system,
											   &so_task_ftp,
											   &so_task_http,
											   &so_task_no_operation,
											   &so_task_script,
											   &so_task_send_mail,
											   NULL};

const SoTaskType *const *
so_task_types(void)
{
	return task_types;
}

const SoTaskType *
so_task_type_find(const char *name)
{
	for (int i = 0; task_types[i] != NULL; i++)
	{
		if (strcmp(task_types[i]->object_type->name, name) == 0)
			return task_types[i];
	}
	return NULL;
}
