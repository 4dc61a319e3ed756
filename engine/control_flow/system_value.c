/*
 * engine/control_flow/system_value.c
 *
 * How the value of each system variable is computed; names, types and
 * visibility are in engine/model/system_variables.c.
 *
 * Process: runner and client, control thread only; reads run-time state.
 */
#include "engine/control_flow/system_value.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/property_expression.h"
#include "engine/model/object_types.h"

/* Windows locale of the C library's default: English (United States). */
#define DEFAULT_LOCALE 1033

SoUnit *
so_system_value_handler(const SoUnit *unit)
{
	for (; unit != NULL; unit = unit->parent)
	{
		if (unit->executable->kind == SO_KIND_EVENT_HANDLER)
			break;
	}
	return (SoUnit *) (uintptr_t) unit;
}

static const SoUnit *
task_of(const SoUnit *unit)
{
	while (unit != NULL && unit->executable->kind != SO_KIND_TASK)
		unit = unit->parent;
	return unit;
}

static const SoEventRecord *
event_of(const SoUnit *unit)
{
	const SoUnit *handler = so_system_value_handler(unit);

	return handler->event;
}

static SoValue
text(TALLOC_CTX *context, const char *value)
{
	return so_value_string(context, value != NULL ? value : "");
}

static SoValue
integer(int64_t value)
{
	return so_value_integer(SO_TYPE_I4, value);
}

/* Local time, as SSIS gives it. */
static SoValue
date(int64_t microseconds)
{
	SoValue value = {.type = SO_TYPE_DATE};
	time_t seconds = (time_t) (microseconds / 1000000);
	struct tm local;
	int64_t shifted;

	localtime_r(&seconds, &local);
	shifted = (int64_t) seconds + local.tm_gmtoff;
	value.as.datetime.days = (int32_t) (shifted / 86400);
	value.as.datetime.ticks = (shifted % 86400) * 10000000 + (microseconds % 1000000) * 10;
	return value;
}

static const SoObject *
root_object(const SoUnit *unit)
{
	return unit->package_run->root->properties;
}

static int64_t
root_integer(const SoUnit *unit, const char *name)
{
	return so_property_integer(root_object(unit), name, 0);
}

static const char *
root_text(const SoUnit *unit, const char *name)
{
	return so_property_text(root_object(unit), name);
}

#define VALUE(name) static SoValue value_##name(const SoUnit *unit, TALLOC_CTX *context)
#define UNUSED(x)   ((void) (x))

VALUE(cancel_event)
{
	UNUSED(context);
	return integer(unit->run->cancel.fd);
}

VALUE(container_start_time)
{
	UNUSED(context);
	while (unit->start_us == 0 && unit->parent != NULL)
		unit = unit->parent;
	return date(unit->start_us);
}

VALUE(creation_date)
{
	SoValue value;
	const char *written = root_text(unit, "creation_date");

	if (written != NULL && so_value_from_text(context, SO_TYPE_DATE, written, &value, NULL))
		return value;
	return so_value_default(context, SO_TYPE_DATE);
}

VALUE(creator_computer_name)
{
	return text(context, root_text(unit, "creator_computer_name"));
}

VALUE(creator_name)
{
	return text(context, root_text(unit, "creator_name"));
}

VALUE(execution_instance_guid)
{
	return text(context, unit->run->instance_guid);
}

/* Package configurations of the legacy deployment model do not exist here. */
VALUE(failed_configurations)
{
	UNUSED(unit);
	return text(context, "");
}

VALUE(ignore_configurations_on_load)
{
	UNUSED(unit);
	UNUSED(context);
	return so_value_boolean(false);
}

VALUE(interactive_mode)
{
	UNUSED(context);
	return so_value_boolean(unit->run->options->interactive);
}

VALUE(locale_id)
{
	UNUSED(context);
	for (; unit != NULL; unit = unit->parent)
	{
		int64_t locale = so_property_integer(unit->properties, "locale_id", 0);

		if (locale > 0)
			return integer(locale);
	}
	return integer(DEFAULT_LOCALE);
}

VALUE(machine_name)
{
	char name[256] = "";

	UNUSED(unit);
	gethostname(name, sizeof(name) - 1);
	return text(context, name);
}

VALUE(offline_mode)
{
	UNUSED(unit);
	UNUSED(context);
	return so_value_boolean(false);
}

VALUE(package_id)
{
	return text(context, unit->package_run->package->id);
}

VALUE(package_name)
{
	return text(context, unit->package_run->package->name);
}

VALUE(start_time)
{
	UNUSED(context);
	return date(unit->package_run->start_us);
}

VALUE(server_execution_id)
{
	UNUSED(context);
	return so_value_integer(SO_TYPE_I8, unit->run->options->server_execution_id);
}

VALUE(user_name)
{
	char buffer[4096];
	struct passwd entry;
	struct passwd *found = NULL;
	char number[32];

	UNUSED(unit);
	if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		return text(context, found->pw_name);
	snprintf(number, sizeof(number), "%u", (unsigned) geteuid());
	return text(context, number);
}

VALUE(version_build)
{
	UNUSED(context);
	return integer(root_integer(unit, "version_build"));
}

VALUE(version_comment)
{
	return text(context, root_text(unit, "version_comments"));
}

VALUE(version_guid)
{
	return text(context, root_text(unit, "version_guid"));
}

VALUE(version_major)
{
	UNUSED(context);
	return integer(root_integer(unit, "version_major"));
}

VALUE(version_minor)
{
	UNUSED(context);
	return integer(root_integer(unit, "version_minor"));
}

VALUE(work_folder)
{
	return text(context, unit->run->work_folder);
}

VALUE(creation_name)
{
	const SoUnit *task = task_of(unit);

	return text(context, task->executable->task_type != NULL
							 ? task->executable->task_type->object_type->name
							 : "");
}

VALUE(task_id)
{
	return text(context, task_of(unit)->executable->id);
}

VALUE(task_name)
{
	return text(context, task_of(unit)->executable->name);
}

VALUE(task_transaction_option)
{
	UNUSED(context);
	return integer(so_property_integer(task_of(unit)->properties, "transaction_option",
									   SO_TRANSACTION_SUPPORTED));
}

VALUE(propagate)
{
	UNUSED(context);
	return so_value_boolean(so_system_value_handler(unit)->propagate);
}

VALUE(cancel)
{
	UNUSED(context);
	return so_value_boolean(so_system_value_handler(unit)->cancel_run);
}

VALUE(source_description)
{
	return text(context, event_of(unit)->source->executable->description);
}

VALUE(source_id)
{
	return text(context, event_of(unit)->source->executable->id);
}

VALUE(source_name)
{
	return text(context, event_of(unit)->source->executable->name);
}

VALUE(error_code)
{
	UNUSED(context);
	return integer(event_of(unit)->data.message_code);
}

VALUE(error_description)
{
	return text(context, event_of(unit)->message);
}

VALUE(execution_status)
{
	UNUSED(context);
	return so_value_boolean(event_of(unit)->data.status);
}

VALUE(execution_value)
{
	const SoUnit *source = event_of(unit)->source;

	if (source->has_execution_value)
		return so_value_copy(context, &source->execution_value);
	return text(context, "");
}

VALUE(percent_complete)
{
	UNUSED(context);
	return integer(event_of(unit)->data.percent);
}

VALUE(progress_count_high)
{
	UNUSED(context);
	return integer((int32_t) (event_of(unit)->data.low >> 32));
}

VALUE(progress_count_low)
{
	UNUSED(context);
	return integer((int32_t) event_of(unit)->data.low);
}

VALUE(progress_description)
{
	return text(context, event_of(unit)->message);
}

VALUE(variable_id)
{
	const SoVariable *variable = event_of(unit)->data.variable;
	const char *id = so_property_text(variable->object, "id");

	return id != NULL
			   ? text(context, id)
			   : so_value_string(context, talloc_asprintf(context, "%s::%s", variable->name_space,
														  variable->name));
}

VALUE(variable_name)
{
	return text(context, event_of(unit)->data.variable->name);
}

VALUE(variable_description)
{
	const SoVariable *variable = event_of(unit)->data.variable;

	return text(context, so_property_text(variable->object, "description"));
}

static const struct
{
	const char *name;
	SoValue (*value)(const SoUnit *unit, TALLOC_CTX *context);
} system_values[] = {
	{"CancelEvent", value_cancel_event},
	{"ContainerStartTime", value_container_start_time},
	{"CreationDate", value_creation_date},
	{"CreatorComputerName", value_creator_computer_name},
	{"CreatorName", value_creator_name},
	{"ExecutionInstanceGUID", value_execution_instance_guid},
	{"FailedConfigurations", value_failed_configurations},
	{"IgnoreConfigurationsOnLoad", value_ignore_configurations_on_load},
	{"InteractiveMode", value_interactive_mode},
	{"LocaleId", value_locale_id},
	{"MachineName", value_machine_name},
	{"OfflineMode", value_offline_mode},
	{"PackageID", value_package_id},
	{"PackageName", value_package_name},
	{"StartTime", value_start_time},
	{"ServerExecutionID", value_server_execution_id},
	{"UserName", value_user_name},
	{"VersionBuild", value_version_build},
	{"VersionComment", value_version_comment},
	{"VersionGUID", value_version_guid},
	{"VersionMajor", value_version_major},
	{"VersionMinor", value_version_minor},
	{"WorkFolder", value_work_folder},
	{"CreationName", value_creation_name},
	{"TaskID", value_task_id},
	{"TaskName", value_task_name},
	{"TaskTransactionOption", value_task_transaction_option},
	{"Propagate", value_propagate},
	{"SourceDescription", value_source_description},
	{"SourceID", value_source_id},
	{"SourceName", value_source_name},
	{"Cancel", value_cancel},
	{"ErrorCode", value_error_code},
	{"ErrorDescription", value_error_description},
	{"ExecutionStatus", value_execution_status},
	{"ExecutionValue", value_execution_value},
	{"PercentComplete", value_percent_complete},
	{"ProgressCountHigh", value_progress_count_high},
	{"ProgressCountLow", value_progress_count_low},
	{"ProgressDescription", value_progress_description},
	{"VariableDescription", value_variable_description},
	{"VariableID", value_variable_id},
	{"VariableName", value_variable_name},
};

bool
so_system_value(const SoUnit *unit, const char *name, TALLOC_CTX *context, SoValue *value)
{
	for (size_t i = 0; i < sizeof(system_values) / sizeof(system_values[0]); i++)
	{
		if (strcmp(system_values[i].name, name) == 0)
		{
			*value = system_values[i].value(unit, context);
			return true;
		}
	}
	return false;
}

bool
so_system_value_assign(SoUnit *unit, const char *name, bool value)
{
	SoUnit *handler = so_system_value_handler(unit);

	if (handler == NULL)
		return false;
	if (strcmp(name, "Propagate") == 0)
		handler->propagate = value;
	else if (strcmp(name, "Cancel") == 0)
		handler->cancel_run = value;
	else
		return false;
	return true;
}
