/*
 * engine/control_flow/loop_foreach.c
 *
 * The Foreach loop: enumerates once, then runs its children for every item
 * with the variable mappings applied.
 *
 * Process: runner and client, control thread only.
 */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control_flow/enumeration.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/loop.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/schedule.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/control_flow/lookup.h"

struct SoLoop
{
	SoEnumeration *enumeration;
	int64_t next;
	int errors_before; /* error_count when this iteration began */
	int64_t skipped;   /* iterations that an earlier attempt has done */
	json_t *seen;      /* how often each value has come up */
};

static const struct
{
	const char *name;
	SoEnumerator make;
} enumerators[] = {
	{"file", so_foreach_file},
	{"item", so_foreach_item},
	{"variable", so_foreach_variable},
	{"node_list", so_foreach_node_list},
	{"result_set", so_foreach_result_set},
	{"json_array", so_foreach_json_array},
};

/* Longer values are replaced by their hash. */
#define ITEM_KEY_LENGTH 200

static void iteration_begin(SoUnit *unit);

static int
free_seen(SoLoop *loop)
{
	json_decref(loop->seen);
	return 0;
}

/*
 * What identifies this iteration in a checkpoint and in markers: the
 * enumerated value, with "#2" for its second occurrence.
 */
static const char *
item_key(const SoLoop *loop)
{
	const SoEnumeration *enumeration = loop->enumeration;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *text = NULL;
	char *key;
	json_int_t count;

	if (enumeration->names != NULL)
		key = talloc_strdup(loop, enumeration->names[loop->next]);
	else
	{
		text = json_dumps(json_array_get(enumeration->array, (size_t) loop->next),
						  JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
		key = talloc_strdup(loop, text != NULL ? text : "");
		free(text);
	}
	if (strlen(key) > ITEM_KEY_LENGTH)
	{
		SHA256((const unsigned char *) key, strlen(key), digest);
		key = talloc_strdup(loop, "sha256:");
		for (size_t i = 0; i < sizeof(digest); i++)
			key = talloc_asprintf_append(key, "%02x", digest[i]);
	}
	count = json_integer_value(json_object_get(loop->seen, key)) + 1;
	json_object_set_new(loop->seen, key, json_integer(count));
	return count == 1 ? key : talloc_asprintf(loop, "%s#%lld", key, (long long) count);
}

static SoEnumeration *
enumerate(SoUnit *unit, SoError *error)
{
	const SoObject *properties = so_property_enumerator(unit, unit->loop, error);

	if (properties == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(enumerators) / sizeof(enumerators[0]); i++)
	{
		if (strcmp(enumerators[i].name, properties->type->name) == 0)
			return enumerators[i].make(unit, properties, unit->loop, error);
	}
	so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
				 "there is no enumerator \"%s\"", properties->type->name);
	return NULL;
}

/* NULL in an item becomes the default of the variable's type: variables are never NULL. */
static bool
apply_mapping(SoUnit *unit, const SoObject *mapping, SoError *error)
{
	const char *name = so_property_text(mapping, "variable");
	const char *column = so_property_text(mapping, "column");
	int index = (int) so_property_integer(mapping, "index", 0);
	TALLOC_CTX *scratch = talloc_new(unit);
	SoError cause = {0};
	SoValue value;
	bool good;

	good = unit->loop->enumeration->value(unit->loop->enumeration, unit->loop->next, index,
										  column != NULL && column[0] != '\0' ? column : NULL,
										  scratch, &value, &cause);
	if (good && value.is_null)
		value = so_value_default(scratch, so_lookup_type(unit, name));
	good = good && so_lookup_assign(unit, name, &value, &cause);
	talloc_free(scratch);
	if (good)
		return true;
	so_error_set(error, SO_ERR_RUN_VARIABLE_MAPPING, unit->executable->path,
				 "item %" PRId64 " cannot be mapped to variable \"%s\": %s", unit->loop->next + 1,
				 name, cause.message);
	return so_error_detail(error, "%s", cause.detail);
}

static bool
apply_mappings(SoUnit *unit)
{
	const SoField *mappings = so_object_field(unit->properties, "variable_mappings");
	SoError error;

	for (int i = 0; mappings != NULL && i < mappings->count; i++)
	{
		if (!apply_mapping(unit, mappings->objects[i], &error))
		{
			so_event_error(unit, &error);
			return false;
		}
	}
	return true;
}

static void
iteration_end(SoUnit *unit)
{
	SoExecutionResult result;
	bool over = so_loop_is_over(unit, &result);
	bool good = unit->error_count == unit->loop->errors_before;

	so_schedule_free(unit);
	if (over)
		so_unit_executed(unit, result);
	else if (good && so_unit_checkpoint_by_item(unit))
		so_unit_checkpoint_item_finished(unit, iteration_begin);
	else
		so_unit_next(unit, iteration_begin);
}

static void
iteration_run(SoUnit *unit)
{
	so_schedule_start(unit, (int) ++unit->loop->next, iteration_end);
}

static void
say_skipped(SoUnit *unit)
{
	if (unit->loop->skipped > 0)
		so_event_message(unit, SO_MESSAGE_INFORMATION,
						 "%" PRId64 " of %" PRId64
						 " iterations of %s are not run again: an earlier "
						 "attempt has finished them.",
						 unit->loop->skipped, unit->loop->enumeration->count, unit->execution_path);
}

static void
iteration_begin(SoUnit *unit)
{
	SoExecutionResult result;

	if (so_loop_is_over(unit, &result))
		so_unit_executed(unit, result);
	else if (unit->loop->next >= unit->loop->enumeration->count)
	{
		say_skipped(unit);
		so_unit_executed(unit, SO_RESULT_SUCCESS);
	}
	else if (so_unit_checkpoint_by_item(unit) && unit->package_run->failing)
		so_unit_executed(unit, SO_RESULT_CANCELED);
	else
	{
		unit->item_key = item_key(unit->loop);
		unit->loop->errors_before = unit->error_count;
		if (so_unit_checkpoint_item_done(unit))
		{
			unit->loop->next++;
			unit->loop->skipped++;
			so_unit_next(unit, iteration_begin);
		}
		else if (!apply_mappings(unit))
			so_unit_executed(unit, SO_RESULT_FAILURE);
		else
			so_unit_next(unit, iteration_run);
	}
}

void
so_loop_foreach_start(SoUnit *unit)
{
	SoError error = {0};

	unit->loop = talloc_zero(unit, SoLoop);
	unit->loop->seen = json_object();
	talloc_set_destructor(unit->loop, free_seen);
	unit->loop->enumeration = enumerate(unit, &error);
	if (unit->loop->enumeration == NULL)
	{
		so_event_error(unit, &error);
		so_unit_executed(unit, SO_RESULT_FAILURE);
		return;
	}
	if (unit->loop->enumeration->count == 0)
		so_event_warning(
			unit, SO_ERR_RUN_ENUMERATOR_EMPTY,
			"The enumerator of \"%s\" is empty: nothing matched, so the loop does not run.",
			unit->executable->name);
	so_unit_next(unit, iteration_begin);
}
