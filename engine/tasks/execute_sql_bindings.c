/*
 * engine/tasks/execute_sql_bindings.c
 *
 * Variables in and out of an Execute SQL task: parameters by position and
 * name, a single row or a full result set into variables, output parameters.
 *
 * Process: runner and client, in a task's thread; works on the task's own
 * copies of variables, which the control thread applies when the task ends.
 */
#include "engine/tasks/execute_sql.h"

#include <stdlib.h>
#include <string.h>

/* "0", "1", ... as a number; -1 when it is a name. */
static long
ordinal(const char *name)
{
	char *end;
	long number;

	if (name == NULL || name[0] == '\0')
		return -1;
	if (name[0] == '$')
		name++;
	number = strtol(name, &end, 10);
	return *end == '\0' && number >= 0 && number < 65536 ? number : -1;
}

/* The name without the marker character that people like to write. */
static const char *
bare_name(const char *name)
{
	return name != NULL && (name[0] == ':' || name[0] == '@') ? name + 1 : name;
}

static SoDataType
declared_type(const SoObject *binding)
{
	const char *text = so_object_string(binding, "data_type");

	return text != NULL && text[0] != '\0' ? so_data_type_from_name(text) : SO_TYPE_NONE;
}

static bool
read_input(SoTaskRun *run, const SoObject *binding, SoSqlParameter *parameter, SoError *error)
{
	const char *variable = so_object_string(binding, "variable");
	const SoValue *value = variable != NULL ? so_task_variable(run, variable) : NULL;
	int64_t size = so_object_integer(binding, "size");

	if (value == NULL)
		return so_error_set(error, SO_ERR_TASK_BINDING, "parameter_bindings",
							"there is no variable \"%s\"", variable != NULL ? variable : "");
	parameter->type = declared_type(binding);
	parameter->value = *value;
	if (parameter->type != SO_TYPE_NONE && !value->is_null &&
		!so_value_convert(so_task_context(run), value, parameter->type, &parameter->value, error))
		return false;
	if (size > 0 && !parameter->value.is_null)
	{
		const char *text = so_value_to_text(so_task_context(run), &parameter->value);

		if ((int64_t) strlen(text) > size)
			return so_error_set(error, SO_ERR_TASK_BINDING, "parameter_bindings",
								"the value of \"%s\" is %zu bytes long, the parameter takes %lld",
								variable, strlen(text), (long long) size);
	}
	return true;
}

/* Where binding i stands: its ordinal when it has one, else its place in the list. */
static int
position_of(SoObject **bindings, int count, int i, int inputs_before)
{
	bool zero_based = false;
	long number = ordinal(so_object_string(bindings[i], "name"));

	if (number < 0)
		return inputs_before;
	for (int j = 0; j < count; j++)
		zero_based = zero_based || ordinal(so_object_string(bindings[j], "name")) == 0;
	return (int) number - (zero_based ? 0 : 1);
}

bool
so_execute_sql_inputs(SoTaskRun *run, SoSqlBindings *bindings, SoError *error)
{
	const SoField *field = so_object_field(so_task_properties(run), "parameter_bindings");
	TALLOC_CTX *context = so_task_context(run);
	bool *taken = talloc_zero_array(context, bool, field->count + 1);
	int inputs = 0;

	bindings->names = talloc_zero_array(context, const char *, field->count + 1);
	bindings->parameters = talloc_zero_array(context, SoSqlParameter, field->count + 1);
	bindings->count = 0;
	for (int i = 0; i < field->count; i++)
		bindings->count += so_object_enum(field->objects[i], "direction") == SO_DIRECTION_INPUT;
	for (int i = 0; i < field->count; i++)
	{
		const char *name = so_object_string(field->objects[i], "name");
		int position;

		if (so_object_enum(field->objects[i], "direction") != SO_DIRECTION_INPUT)
			continue;
		position = position_of(field->objects, field->count, i, inputs++);
		if (position < 0 || position >= bindings->count || taken[position])
			return so_error_set(
				error, SO_ERR_TASK_BINDING, "parameter_bindings",
				"the positions of the %d input parameters are not 1 to %d, each once",
				bindings->count, bindings->count);
		taken[position] = true;
		if (name != NULL && name[0] != '\0' && ordinal(name) < 0)
			bindings->names[position] = bare_name(name);
		if (!read_input(run, field->objects[i], &bindings->parameters[position], error))
			return false;
	}
	return true;
}

static int
find_column(const SoSqlResult *result, const char *name)
{
	for (int column = 0; column < result->column_count; column++)
	{
		if (strcmp(result->columns[column].name, name) == 0)
			return column;
	}
	for (int column = 0; column < result->column_count; column++)
	{
		if (strcasecmp(result->columns[column].name, name) == 0)
			return column;
	}
	return -1;
}

static bool
no_column(const SoSqlResult *result, const char *name, SoError *error)
{
	char names[512] = "";

	for (int column = 0; column < result->column_count && strlen(names) < 400; column++)
	{
		strncat(names, column > 0 ? ", " : "", 3);
		strncat(names, result->columns[column].name, 64);
	}
	so_error_set(error, SO_ERR_TASK_BINDING, "result_bindings", "the result has no column \"%s\"",
				 name);
	so_error_detail(error, "Its columns are: %s.", names);
	return so_error_hint(error,
						 "Use one of these names, or the column's position beginning with 0.");
}

/* The column that result_name means; -1 with *error. */
static int
result_column(const SoSqlResult *result, const char *name, int i, SoError *error)
{
	long number;
	int column;

	if (name == NULL || name[0] == '\0')
		column = i;
	else
	{
		column = find_column(result, name);
		number = ordinal(name);
		if (column < 0 && number >= 0)
			column = (int) number;
	}
	if (column >= 0 && column < result->column_count)
		return column;
	no_column(result, name != NULL && name[0] != '\0' ? name : "(by position)", error);
	return -1;
}

static bool
bind_single_row(SoTaskRun *run, const SoField *field, const SoSqlResult *result, SoError *error)
{
	if (result->row_count != 1)
	{
		so_error_set(error, SO_ERR_TASK_RESULT_SHAPE, "result_set",
					 "result_set is single_row, but the statement returned %d rows",
					 result->row_count);
		return so_error_hint(error, result->row_count == 0
										? "Make the statement return one row in every case, for "
										  "example by an aggregate or a LEFT JOIN."
										: "Add a condition or LIMIT 1, or use result_set: full.");
	}
	for (int i = 0; i < field->count; i++)
	{
		int column =
			result_column(result, so_object_string(field->objects[i], "result_name"), i, error);
		SoValue value;

		if (column < 0)
			return false;
		value = so_sql_cell(so_task_context(run), result, 0, column);
		if (!so_task_set_variable(run, so_object_string(field->objects[i], "variable"), &value,
								  error))
			return false;
	}
	return true;
}

static bool
bind_full(SoTaskRun *run, const SoField *field, const SoSqlResult *result, SoError *error)
{
	json_t *json = so_sql_result_json(result);
	bool good = true;

	if (json == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	for (int i = 0; i < field->count && good; i++)
	{
		const char *variable = so_object_string(field->objects[i], "variable");
		const SoValue *old = so_task_variable(run, variable);
		SoValue value;

		if (old != NULL && old->type != SO_TYPE_OBJECT)
		{
			char *text = json_dumps(json, JSON_COMPACT);

			value = so_value_string(so_task_context(run), text != NULL ? text : "");
			free(text);
		}
		else
			value = so_value_object(so_task_context(run), json);
		good = so_task_set_variable(run, variable, &value, error);
	}
	json_decref(json);
	return good;
}

/* Output parameters take the columns of the same name, else the next column. */
static bool
bind_output_parameters(SoTaskRun *run, const SoField *field, const SoSqlResult *result,
					   SoError *error)
{
	int next = 0;

	for (int i = 0; i < field->count; i++)
	{
		int direction = so_object_enum(field->objects[i], "direction");
		const char *name = bare_name(so_object_string(field->objects[i], "name"));
		int column;
		SoValue value;

		if (direction == SO_DIRECTION_INPUT)
			continue;
		if (result == NULL || result->row_count < 1)
			return so_error_set(error, SO_ERR_TASK_RESULT_SHAPE, "parameter_bindings",
								"the statement returned no row for the output parameters");
		column = name != NULL && ordinal(name) < 0 ? find_column(result, name) : -1;
		if (column < 0)
			column = direction == SO_DIRECTION_RETURN_VALUE ? 0 : next++;
		if (column >= result->column_count)
			return so_error_set(error, SO_ERR_TASK_BINDING, "parameter_bindings",
								"the result has %d columns, too few for the output parameters",
								result->column_count);
		value = so_sql_cell(so_task_context(run), result, 0, column);
		if (!so_task_set_variable(run, so_object_string(field->objects[i], "variable"), &value,
								  error))
			return false;
	}
	return true;
}

bool
so_execute_sql_outputs(SoTaskRun *run, const SoSqlResults *results, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	int result_set = so_object_enum(properties, "result_set");
	const SoField *bindings = so_object_field(properties, "result_bindings");
	const SoSqlResult *result = NULL;
	int with_rows = 0;

	for (int i = 0; i < results->count; i++)
	{
		if (results->items[i].column_count > 0 && with_rows++ == 0)
			result = &results->items[i];
	}
	if (with_rows > 1 && result_set != SO_RESULT_SET_NONE)
		so_task_warning(run, SO_ERR_TASK_RESULT_SHAPE,
						"%d statements return rows; the first of them is used", with_rows);
	if (!bind_output_parameters(run, so_object_field(properties, "parameter_bindings"), result,
								error))
		return false;
	if (result_set == SO_RESULT_SET_NONE)
		return true;
	if (result == NULL)
		return so_error_set(error, SO_ERR_TASK_RESULT_SHAPE, "result_set",
							"result_set is %s, but no statement returned rows",
							result_set == SO_RESULT_SET_FULL ? "full" : "single_row");
	if (result_set == SO_RESULT_SET_FULL)
		return bind_full(run, bindings, result, error);
	return bind_single_row(run, bindings, result, error);
}
