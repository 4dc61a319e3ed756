/*
 * runner/checkpoint_store.c
 *
 * A store of checkpoints over the channel to the agent.
 *
 * Process: runner, control thread; the channel protects what its thread
 * shares.  If this process dies, the catalog has what was acknowledged, and the
 * next attempt goes on from there.
 */
#include "runner/checkpoint_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/fault.h"

/* Bytes of variables in one item; with the record it stays below SO_LIMIT_ITEM. */
#define PART_BYTES (512 * 1024)

typedef struct CatalogStore
{
	SoCheckpointStore base;
	SoChannel *channel;
	struct CatalogCheckpoint *open; /* list */
	bool lost;
	SoError cause; /* why nothing becomes durable any more */
} CatalogStore;

typedef struct CatalogCheckpoint
{
	SoCheckpoint base;
	struct CatalogCheckpoint *next;
	char *package;
	char *name;
	bool is_child;
	int loaded; /* records that the catalog has */
} CatalogCheckpoint;

static CatalogStore *
store_of(const CatalogCheckpoint *checkpoint)
{
	return (CatalogStore *) checkpoint->base.store;
}

/* An item for this checkpoint, to be completed. */
static json_t *
new_item(const CatalogCheckpoint *checkpoint, const char *action)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "type", "checkpoint", "action", action, "package",
					 checkpoint->package, "name", checkpoint->name);
}

static bool
is_lost(CatalogStore *store, SoError *error)
{
	if (!store->lost && so_channel_gone(store->channel))
	{
		store->lost = true;
		so_error_set(&store->cause, SO_ERR_CHECKPOINT_WRITE, NULL,
					 "the worker agent has gone, the checkpoint cannot be written");
	}
	if (store->lost && error != NULL)
		*error = store->cause;
	return store->lost;
}

/* Send the item (stolen); false with *error when the store is lost. */
static bool
send_item(CatalogStore *store, json_t *item, uint64_t *ticket, SoError *error)
{
	if (is_lost(store, error))
	{
		json_decref(item);
		return false;
	}
	*ticket = so_channel_item_sequence(store->channel, SO_ITEM_CHECKPOINT, item);
	if (*ticket != 0)
		return true;
	if (!is_lost(store, error))
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for the checkpoint");
	return false;
}

/* {"error": {"code", "message", "detail", "hint"}} as an error; false: it is none. */
static bool
read_refusal(const json_t *reply, SoError *error)
{
	const json_t *refusal = json_object_get(reply, "error");
	const char *code = json_string_value(json_object_get(refusal, "code"));
	const char *message = json_string_value(json_object_get(refusal, "message"));
	const char *detail = json_string_value(json_object_get(refusal, "detail"));
	const char *hint = json_string_value(json_object_get(refusal, "hint"));
	SoErrorCode known = code != NULL ? so_error_from_state(code) : SO_OK;

	if (refusal == NULL)
		return false;
	so_error_set(error, known != SO_OK ? known : SO_ERR_CHECKPOINT_WRITE, NULL, "%s",
				 message != NULL ? message : "the catalog refuses the checkpoint");
	if (detail != NULL)
		so_error_detail(error, "%s", detail);
	if (hint != NULL)
		so_error_hint(error, "%s", hint);
	return true;
}

/* ---- open and close ---- */

static bool
is_open(const CatalogStore *store, const SoCheckpointIdentity *identity)
{
	for (const CatalogCheckpoint *other = store->open; other != NULL; other = other->next)
	{
		if (strcmp(other->package, identity->package_name) == 0 &&
			strcmp(other->name, identity->name) == 0)
			return true;
	}
	return false;
}

static CatalogCheckpoint *
new_checkpoint(CatalogStore *store, const SoCheckpointIdentity *identity)
{
	CatalogCheckpoint *checkpoint = talloc_zero(store, CatalogCheckpoint);

	checkpoint->base.store = &store->base;
	checkpoint->package = talloc_strdup(checkpoint, identity->package_name);
	checkpoint->name = talloc_strdup(checkpoint, identity->name);
	checkpoint->is_child = identity->is_child;
	checkpoint->next = store->open;
	store->open = checkpoint;
	return checkpoint;
}

static void
close_checkpoint(SoCheckpoint *closing)
{
	CatalogCheckpoint *checkpoint = (CatalogCheckpoint *) closing;
	CatalogCheckpoint **place = &store_of(checkpoint)->open;

	while (*place != NULL && *place != checkpoint)
		place = &(*place)->next;
	if (*place != NULL)
		*place = checkpoint->next;
	/* The catalog's claim ends with the execution. */
	talloc_free(checkpoint);
}

static bool
ask_catalog(CatalogCheckpoint *checkpoint, const SoCheckpointIdentity *identity, json_t **reply,
			SoError *error)
{
	CatalogStore *store = store_of(checkpoint);
	json_t *item = new_item(checkpoint, "open");
	uint64_t ticket;

	json_object_set_new(item, "package_id", json_string(identity->package_id));
	json_object_set_new(item, "content_hash", json_string(identity->content_hash));
	json_object_set_new(item, "is_child", json_boolean(identity->is_child));
	json_object_set_new(item, "look_only", json_boolean(identity->look_only));
	json_object_set_new(item, "fresh", json_boolean(identity->fresh));
	SO_FAULT("runner.checkpoint.before_open");
	if (!send_item(store, item, &ticket, error))
		return false;
	*reply = so_channel_wait_reply(store->channel, ticket);
	SO_FAULT("runner.checkpoint.after_open");
	if (*reply != NULL)
		return true;
	if (!is_lost(store, error))
		so_error_set(error, SO_ERR_RUN_CANCELED, NULL,
					 "canceled while the catalog was asked for the checkpoint");
	return false;
}

static bool
open_checkpoint(SoCheckpointStore *opening, const SoCheckpointIdentity *identity,
				TALLOC_CTX *context, SoCheckpoint **opened, SoCheckpointState **state,
				SoError *error)
{
	CatalogStore *store = (CatalogStore *) opening;
	CatalogCheckpoint *checkpoint;
	const json_t *json;
	json_t *reply = NULL;
	bool good;

	*opened = NULL;
	*state = NULL;
	if (is_open(store, identity))
		return so_error_set(error, SO_ERR_CHECKPOINT_LOCKED, identity->name,
							"checkpoint \"%s\" of package \"%s\" is in use by this execution",
							identity->name, identity->package_name);
	checkpoint = new_checkpoint(store, identity);
	good = ask_catalog(checkpoint, identity, &reply, error) && !read_refusal(reply, error);
	json = json_object_get(reply, "state");
	if (good && json_is_object(json))
	{
		*state = so_checkpoint_state_from_json(context, json, error);
		good = *state != NULL;
		checkpoint->loaded = good ? (*state)->record_count : 0;
	}
	json_decref(reply);
	if (good)
		*opened = &checkpoint->base;
	else
		close_checkpoint(&checkpoint->base);
	return good;
}

/* ---- begin, append, finish ---- */

static size_t
size_of(const json_t *json)
{
	return json_dumpb(json, NULL, 0, JSON_COMPACT);
}

/*
 * Send variables with the item that ends the change (stolen), in as many parts
 * as it takes: only the last has no "more", and the catalog keeps all of them aside
 * until it has come.
 */
static bool
send_variables(CatalogCheckpoint *checkpoint, json_t *last, const SoCheckpointVariable *variables,
			   int count, uint64_t *ticket, SoError *error)
{
	CatalogStore *store = store_of(checkpoint);
	json_t *list = json_array();
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
	{
		json_t *variable = so_checkpoint_variable_to_json(&variables[i]);
		size_t size = size_of(variable);
		json_t *part;

		if (size > PART_BYTES)
		{
			json_decref(variable);
			json_decref(list);
			json_decref(last);
			so_error_set(error, SO_ERR_CHECKPOINT_WRITE, variables[i].name,
						 "the value of variable \"%s\" is too large for a checkpoint",
						 variables[i].name);
			so_error_detail(error, "It takes %zu bytes of %d.", size, PART_BYTES);
			return so_error_hint(error, "Keep large values in files or tables, or in a variable "
										"of type object, which is not saved.");
		}
		if (bytes + size > PART_BYTES)
		{
			part = new_item(checkpoint, "append");
			json_object_set_new(part, "variables", list);
			json_object_set_new(part, "more", json_true());
			list = json_array();
			bytes = 0;
			if (!send_item(store, part, ticket, error))
			{
				json_decref(variable);
				json_decref(list);
				json_decref(last);
				return false;
			}
		}
		bytes += size + 1;
		json_array_append_new(list, variable);
	}
	json_object_set_new(last, "variables", list);
	return send_item(store, last, ticket, error);
}

static bool
append_checkpoint(SoCheckpoint *appending, const SoCheckpointChange *change, uint64_t *ticket,
				  SoError *error)
{
	CatalogCheckpoint *checkpoint = (CatalogCheckpoint *) appending;
	json_t *item = new_item(checkpoint, "append");
	bool good;

	if (change->record != NULL)
		json_object_set_new(item, "record", so_checkpoint_record_to_json(change->record));
	SO_FAULT("runner.checkpoint.before_append");
	good =
		send_variables(checkpoint, item, change->variables, change->variable_count, ticket, error);
	SO_FAULT("runner.checkpoint.after_append");
	return good;
}

static bool
begin_checkpoint(SoCheckpoint *beginning, const SoCheckpointState *state, uint64_t *ticket,
				 SoError *error)
{
	CatalogCheckpoint *checkpoint = (CatalogCheckpoint *) beginning;
	json_t *item = new_item(checkpoint, "begin");
	bool goes_on = state->record_count > 0 && state->record_count == checkpoint->loaded;

	json_object_set_new(item, "header", so_checkpoint_header_to_json(state));
	/* The catalog has the records that come along. */
	json_object_set_new(item, "reset", json_boolean(!goes_on));
	SO_FAULT("runner.checkpoint.before_begin");
	if (!send_item(store_of(checkpoint), item, ticket, error) ||
		!send_variables(checkpoint, new_item(checkpoint, "append"), state->variables,
						state->variable_count, ticket, error))
		return false;
	for (int i = 0; !goes_on && i < state->record_count; i++)
	{
		item = new_item(checkpoint, "append");
		json_object_set_new(item, "record", so_checkpoint_record_to_json(&state->records[i]));
		if (!send_item(store_of(checkpoint), item, ticket, error))
			return false;
	}
	return true;
}

static bool
flush_checkpoint(SoCheckpoint *checkpoint, SoError *error)
{
	/* Items are on their way as soon as they are made. */
	return !is_lost(store_of((CatalogCheckpoint *) checkpoint), error);
}

/* A refusal of any item: nothing more becomes durable. */
static void
take_refusals(CatalogStore *store)
{
	uint64_t sequence;
	json_t *reply;

	while ((reply = so_channel_next_reply(store->channel, &sequence)) != NULL)
	{
		if (!store->lost && read_refusal(reply, &store->cause))
			store->lost = true;
		json_decref(reply);
	}
}

static uint64_t
durable_ticket(SoCheckpoint *checkpoint)
{
	CatalogStore *store = store_of((CatalogCheckpoint *) checkpoint);
	uint64_t acknowledged = so_channel_acknowledged(store->channel);

	/* What was refused is acknowledged, too: the refusal comes before that. */
	take_refusals(store);
	return store->lost ? 0 : acknowledged;
}

static bool
finish_checkpoint(SoCheckpoint *finishing, SoCheckpointEnd end, uint64_t *ticket, SoError *error)
{
	static const char *const names[] = {"remove", "keep", "discard"};
	CatalogCheckpoint *checkpoint = (CatalogCheckpoint *) finishing;
	json_t *item = new_item(checkpoint, "finish");

	json_object_set_new(item, "end", json_string(names[end]));
	json_object_set_new(item, "is_child", json_boolean(checkpoint->is_child));
	SO_FAULT("runner.checkpoint.before_finish");
	return send_item(store_of(checkpoint), item, ticket, error);
}

static bool
receive_news(SoCheckpointStore *receiving, SoError *error)
{
	CatalogStore *store = (CatalogStore *) receiving;

	so_channel_news_taken(store->channel);
	SO_FAULT("runner.checkpoint.acknowledged");
	take_refusals(store);
	return !is_lost(store, error);
}

static const SoCheckpointStoreType catalog_store = {.name = "catalog",
													.open = open_checkpoint,
													.begin = begin_checkpoint,
													.append = append_checkpoint,
													.flush = flush_checkpoint,
													.durable = durable_ticket,
													.finish = finish_checkpoint,
													.close = close_checkpoint,
													.receive = receive_news};

SoCheckpointStore *
so_runner_checkpoint_store(TALLOC_CTX *context, SoChannel *channel)
{
	CatalogStore *store = talloc_zero(context, CatalogStore);

	store->base.type = &catalog_store;
	store->base.flags = SO_CHECKPOINT_SECRET;
	store->base.wait_fd = so_channel_news_fd(channel);
	store->channel = channel;
	return &store->base;
}
