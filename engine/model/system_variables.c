/*
 * engine/model/system_variables.c
 *
 * The table of System:: variables and who sees which.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/model/system_variables.h"

#include <stdio.h>
#include <string.h>

static const SoSystemVariable system_variables[] = {
	{"CancelEvent", SO_TYPE_I4, SO_SYSTEM_PACKAGE, NULL,
	 "Not zero when the execution is being stopped."},
	{"ContainerStartTime", SO_TYPE_DATE, SO_SYSTEM_PACKAGE, NULL,
	 "When the container around started."},
	{"CreationDate", SO_TYPE_DATE, SO_SYSTEM_PACKAGE, NULL, "When the package was made."},
	{"CreatorComputerName", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Where the package was made."},
	{"CreatorName", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Who made the package."},
	{"ExecutionInstanceGUID", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Identity of this execution."},
	{"FailedConfigurations", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL,
	 "Configurations that could not be applied."},
	{"IgnoreConfigurationsOnLoad", SO_TYPE_BOOL, SO_SYSTEM_PACKAGE, NULL,
	 "Whether configurations were ignored."},
	{"InteractiveMode", SO_TYPE_BOOL, SO_SYSTEM_PACKAGE, NULL,
	 "True when a person runs it at a terminal."},
	{"LocaleId", SO_TYPE_I4, SO_SYSTEM_PACKAGE, NULL, "Windows locale number of the executable."},
	{"MachineName", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL,
	 "Host name of the machine that runs it."},
	{"OfflineMode", SO_TYPE_BOOL, SO_SYSTEM_PACKAGE, NULL, "Always false here."},
	{"PackageID", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Id of the package."},
	{"PackageName", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Name of the package."},
	{"ServerExecutionID", SO_TYPE_I8, SO_SYSTEM_PACKAGE, NULL,
	 "execution_id in the catalog; 0 when it is run by hand."},
	{"StartTime", SO_TYPE_DATE, SO_SYSTEM_PACKAGE, NULL, "When the execution started."},
	{"UserName", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "Account that runs it."},
	{"VersionBuild", SO_TYPE_I4, SO_SYSTEM_PACKAGE, NULL, "version_build of the package."},
	{"VersionComment", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "version_comments of the package."},
	{"VersionGUID", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL, "version_guid of the package."},
	{"VersionMajor", SO_TYPE_I4, SO_SYSTEM_PACKAGE, NULL, "version_major of the package."},
	{"VersionMinor", SO_TYPE_I4, SO_SYSTEM_PACKAGE, NULL, "version_minor of the package."},
	{"WorkFolder", SO_TYPE_WSTR, SO_SYSTEM_PACKAGE, NULL,
	 "Folder for temporary files of this execution; removed with it."},
	{"CreationName", SO_TYPE_WSTR, SO_SYSTEM_TASK, NULL, "Type of the task."},
	{"TaskID", SO_TYPE_WSTR, SO_SYSTEM_TASK, NULL, "Id of the task."},
	{"TaskName", SO_TYPE_WSTR, SO_SYSTEM_TASK, NULL, "Name of the task."},
	{"TaskTransactionOption", SO_TYPE_I4, SO_SYSTEM_TASK, NULL,
	 "0 not_supported, 1 supported, 2 required."},
	{"Propagate", SO_TYPE_BOOL, SO_SYSTEM_EVENT_HANDLER, NULL,
	 "Set it to false and the event does not go up to the parent; starts as true."},
	{"SourceDescription", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, NULL,
	 "Description of the executable that raised the event."},
	{"SourceID", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, NULL,
	 "Id of the executable that raised the event."},
	{"SourceName", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, NULL,
	 "Name of the executable that raised the event."},
	{"Cancel", SO_TYPE_BOOL, SO_SYSTEM_EVENT_HANDLER, " on_error on_warning on_query_cancel ",
	 "Set it to true to stop the execution."},
	{"ErrorCode", SO_TYPE_I4, SO_SYSTEM_EVENT_HANDLER, " on_error on_information on_warning ",
	 "Number of the error, warning or information."},
	{"ErrorDescription", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER,
	 " on_error on_information on_warning ", "Text of the error, warning or information."},
	{"ExecutionStatus", SO_TYPE_BOOL, SO_SYSTEM_EVENT_HANDLER, " on_exec_status_changed ",
	 "The new status."},
	{"ExecutionValue", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, " on_task_failed ",
	 "Execution value of the task, as text."},
	{"PercentComplete", SO_TYPE_I4, SO_SYSTEM_EVENT_HANDLER, " on_progress ", "Per cent done."},
	{"ProgressCountHigh", SO_TYPE_I4, SO_SYSTEM_EVENT_HANDLER, " on_progress ",
	 "Upper 32 bits of the number of units done."},
	{"ProgressCountLow", SO_TYPE_I4, SO_SYSTEM_EVENT_HANDLER, " on_progress ",
	 "Lower 32 bits of the number of units done."},
	{"ProgressDescription", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, " on_progress ",
	 "What is being done."},
	{"VariableDescription", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, " on_variable_value_changed ",
	 "Description of the variable that changed."},
	{"VariableID", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, " on_variable_value_changed ",
	 "Id of the variable that changed."},
	{"VariableName", SO_TYPE_WSTR, SO_SYSTEM_EVENT_HANDLER, " on_variable_value_changed ",
	 "Name of the variable that changed."},
	{NULL, SO_TYPE_NONE, SO_SYSTEM_PACKAGE, NULL, NULL}};

const SoSystemVariable *
so_system_variables(void)
{
	return system_variables;
}

static bool
is_visible(const SoSystemVariable *variable, const SoExecutable *executable)
{
	char wanted[64];

	if (variable->scope == SO_SYSTEM_PACKAGE)
		return true;
	for (; executable != NULL; executable = executable->parent)
	{
		if (variable->scope == SO_SYSTEM_TASK && executable->kind == SO_KIND_TASK)
			return true;
		if (variable->scope == SO_SYSTEM_EVENT_HANDLER && executable->kind == SO_KIND_EVENT_HANDLER)
		{
			snprintf(wanted, sizeof(wanted), " %s ", executable->name);
			if (variable->events == NULL || strstr(variable->events, wanted) != NULL)
				return true;
		}
	}
	return false;
}

const SoSystemVariable *
so_system_variable_find(const char *name, const SoExecutable *executable)
{
	for (const SoSystemVariable *variable = system_variables; variable->name != NULL; variable++)
	{
		if (strcmp(variable->name, name) == 0)
			return is_visible(variable, executable) ? variable : NULL;
	}
	return NULL;
}
