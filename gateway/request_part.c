/*
 * gateway/request_part.c
 *
 * Writes what the frames of several kinds of requests share.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request_part.h"

#include <stdio.h>
#include <string.h>

#include "gateway/member.h"

/* "/held/1234" */
#define POINTER_SIZE 48

/* ---- JSON text -------------------------------------------------------------- */

/* A buffer with a limit, for json_dump_callback. */
typedef struct Dump
{
	SoByteBuffer *out;
	size_t limit;
	size_t used;
} Dump;

static int
dump_cb(const char *text, size_t size, void *context)
{
	Dump *dump = context;

	dump->used += size;
	if (dump->used > dump->limit)
		return -1;
	so_put_bytes(dump->out, text, size);
	return dump->out->failed ? -1 : 0;
}

bool
so_request_put_json(SoByteBuffer *out, const json_t *value, size_t limit, const char *pointer,
					SoError *error)
{
	Dump dump = {.out = out, .limit = limit};

	if (json_dump_callback(value, dump_cb, &dump, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return true;
	if (dump.used > limit)
		return so_error_set(error, SO_ERR_REQUEST_TOO_LARGE, pointer, "%s has more than %zu bytes",
							pointer, limit);
	return so_error_set(error, SO_ERR_OUT_OF_MEMORY, pointer, "out of memory");
}

bool
so_request_copy_member(json_t *known, const json_t *root, const char *name, SoError *error)
{
	if (json_object_set(known, name, json_object_get(root, name)) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

/* ---- blocks ------------------------------------------------------------------ */

size_t
so_request_begin_block(SoByteBuffer *out)
{
	so_put_u32(out, 0);
	return so_byte_buffer_length(out);
}

void
so_request_end_block(SoByteBuffer *out, size_t begin)
{
	size_t length = so_byte_buffer_length(out) - begin;

	if (out->failed)
		return;
	for (size_t i = 0; i < 4; i++)
		out->data[out->start + begin - 4 + i] = (uint8_t) (length >> (24 - 8 * i));
}

bool
so_request_put_body(SoByteBuffer *out, const json_t *object, size_t limit, const char *pointer,
					SoError *error)
{
	size_t begin = so_request_begin_block(out);

	if (object == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, pointer, "out of memory");
	if (!so_request_put_json(out, object, limit, pointer, error))
		return false;
	so_request_end_block(out, begin);
	return true;
}

/* ---- the head ----------------------------------------------------------------- */

bool
so_request_read_identity(const json_t *root, SoRequestFields *fields, SoError *error)
{
	return so_member_uuid(root, "", "agent_id", &fields->agent_id, error) &&
		   so_member_uuid(root, "", "instance_id", &fields->instance_id, error);
}

static bool
held_state(const json_t *element, const char *pointer, uint8_t *state, SoError *error)
{
	static const struct
	{
		const char *name;
		SoHeldState state;
	} states[] = {
		{"running", SO_HELD_RUNNING},
		{"stopping", SO_HELD_STOPPING},
		{"finished", SO_HELD_FINISHED},
	};
	const char *text;

	if (!so_member_text(element, pointer, "state", SO_REQUEST_MAX_TEXT, &text, error))
		return false;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
	{
		if (strcmp(text, states[i].name) == 0)
		{
			*state = (uint8_t) states[i].state;
			return true;
		}
	}
	return so_error_set(error, SO_ERR_REQUEST_MALFORMED, pointer,
						"%s/state must be running, stopping or finished", pointer);
}

static bool
put_held(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *held;
	size_t index;
	const json_t *element;

	if (!so_member_array(root, "", "held", SO_LIMIT_HELD, &held, error))
		return false;
	so_put_u32(out, (uint32_t) json_array_size(held));
	json_array_foreach(held, index, element)
	{
		char pointer[POINTER_SIZE];
		SoUuid task;
		int64_t attempt;
		uint8_t state = 0;

		snprintf(pointer, sizeof(pointer), "/held/%zu", index);
		if (!so_member_object(element, pointer, error) ||
			!so_member_uuid(element, pointer, "task", &task, error) ||
			!so_member_integer(element, pointer, "attempt", 1, INT32_MAX, &attempt, error) ||
			!held_state(element, pointer, &state, error))
			return false;
		so_put_bytes(out, task.bytes, sizeof(task.bytes));
		so_put_u32(out, (uint32_t) attempt);
		so_put_u8(out, state);
	}
	return true;
}

bool
so_request_put_head(SoByteBuffer *out, SoRequestKind kind, const SoRequestOrigin *origin,
					const SoRequestFields *fields, const json_t *root, SoError *error)
{
	so_put_u64(out, origin->request);
	so_put_u8(out, (uint8_t) kind);
	so_put_bytes(out, origin->thumbprint.bytes, sizeof(origin->thumbprint.bytes));
	so_put_string(out, origin->peer);
	so_put_bytes(out, fields->agent_id.bytes, sizeof(fields->agent_id.bytes));
	so_put_bytes(out, fields->instance_id.bytes, sizeof(fields->instance_id.bytes));
	so_put_u64(out, (uint64_t) fields->epoch);
	so_put_u32(out, (uint32_t) fields->capacity);
	so_put_u32(out, (uint32_t) fields->wait_ms);
	if (root != NULL)
		return put_held(out, root, error);
	so_put_u32(out, 0);
	return true;
}
