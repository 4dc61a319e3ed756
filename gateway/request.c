/*
 * gateway/request.c
 *
 * Checks the requests of agents and writes them as frames.  The
 * master relies on what is checked here: types, ranges, counts, sizes, UTF-8.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/frame.h"
#include "common/uuid.h"
#include "gateway/json_clean.h"
#include "gateway/member.h"

#define MAX_CAPACITY     100000
#define MAX_WAIT_MS      INT_MAX
#define MAX_SHORT_TEXT   1024
#define MAX_CAPABILITIES (64 * 1024)
#define MAX_REASON       256
#define MAX_ASKED        2000
#define MAX_CERTIFICATE  (16 * 1024)
#define MAX_PATH_TEXT    4096
/* What one byte of a log may become, U+FFFD. */
#define MAX_GROWTH   3
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

/* Append a value as compact text of at most limit bytes; SO335 beyond. */
static bool
put_json(SoByteBuffer *out, const json_t *value, size_t limit, const char *pointer, SoError *error)
{
	Dump dump = {.out = out, .limit = limit};

	if (json_dump_callback(value, dump_cb, &dump, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return true;
	if (dump.used > limit)
		return so_error_set(error, SO_ERR_REQUEST_TOO_LARGE, pointer, "%s has more than %zu bytes",
							pointer, limit);
	return so_error_set(error, SO_ERR_OUT_OF_MEMORY, pointer, "out of memory");
}

/* Start and end a block whose length is not known yet; the start is returned. */
static size_t
begin_block(SoByteBuffer *out)
{
	so_put_u32(out, 0);
	return so_byte_buffer_length(out);
}

static void
end_block(SoByteBuffer *out, size_t begin)
{
	size_t length = so_byte_buffer_length(out) - begin;

	if (out->failed)
		return;
	for (size_t i = 0; i < 4; i++)
		out->data[out->start + begin - 4 + i] = (uint8_t) (length >> (24 - 8 * i));
}

static json_t *
parse(const char *body, size_t size, SoError *error)
{
	SoByteBuffer copy;
	const char *clean;
	size_t clean_size;
	json_error_t reason;
	json_t *root = NULL;

	so_byte_buffer_init(&copy);
	if (so_json_clean(body, size, &copy, &clean, &clean_size, error))
	{
		root = json_loadb(clean, clean_size, JSON_REJECT_DUPLICATES, &reason);
		if (root == NULL)
		{
			so_error_set(error, SO_ERR_JSON_MALFORMED, NULL, "the body is not valid JSON");
			so_error_detail(error, "Line %d, column %d: %s.", reason.line, reason.column,
							reason.text);
		}
	}
	so_byte_buffer_free(&copy);
	return root;
}

/* ---- parts of a request ------------------------------------------------------ */

/* The members that lease and report share with each other and, in part, with register. */
typedef struct Fields
{
	SoUuid agent_id;
	SoUuid instance_id;
	int64_t epoch;
	int64_t capacity;
	int64_t wait_ms;
} Fields;

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

	if (!so_member_text(element, pointer, "state", MAX_SHORT_TEXT, &text, error))
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

/* The frame up to the held attempts. */
static void
put_fields(SoByteBuffer *out, SoRequestKind kind, const SoRequestOrigin *origin,
		   const Fields *fields)
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
}

/* The frame up to the body. */
static bool
put_head(SoByteBuffer *out, SoRequestKind kind, const SoRequestOrigin *origin, const Fields *fields,
		 const json_t *root, SoError *error)
{
	put_fields(out, kind, origin, fields);
	return put_held(out, root, error);
}

static bool
read_identity(const json_t *root, Fields *fields, SoError *error)
{
	return so_member_uuid(root, "", "agent_id", &fields->agent_id, error) &&
		   so_member_uuid(root, "", "instance_id", &fields->instance_id, error);
}

/* ---- certificates in requests --------------------------------------------------- */

/* What the master learns of a certificate: it parses none that comes from outside. */
static json_t *
facts_object(const SoCertificateFacts *facts)
{
	json_t *names = json_array();

	for (size_t i = 0; names != NULL && i < facts->name_count; i++)
		json_array_append_new(names, json_string(facts->names[i]));
	return json_pack("{s:s, s:s, s:o, s:I, s:I}", "thumbprint", facts->thumbprint_text, "subject",
					 facts->subject, "names", names, "not_before", (json_int_t) facts->not_before,
					 "not_after", (json_int_t) facts->not_after);
}

/* ---- register ---------------------------------------------------------------- */

/* What the master gets of a registration: the known members only. */
static json_t *
known_members(const json_t *root)
{
	static const char *const names[] = {
		"protocol",       "agent_id",     "instance_id",  "version",
		"display_name",   "description",  "machine_name", "user_account",
		"max_task_count", "capabilities", "held",
	};
	json_t *known = json_object();

	for (size_t i = 0; known != NULL && i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (json_object_set(known, names[i], json_object_get(root, names[i])) != 0)
		{
			json_decref(known);
			known = NULL;
		}
	}
	return known;
}

static bool
check_registration(const json_t *root, SoError *error)
{
	static const char *const texts[] = {
		"version", "display_name", "description", "machine_name", "user_account",
	};
	const char *text;
	int64_t protocol;
	int64_t tasks;

	if (!so_member_integer(root, "", "protocol", 0, INT32_MAX, &protocol, error))
		return false;
	if (protocol < SO_PROTOCOL_OLDEST || protocol > SO_PROTOCOL_VERSION)
	{
		so_error_set(error, SO_ERR_PROTOCOL_UNKNOWN, "/protocol",
					 "version %" PRId64 " of the protocol is not spoken", protocol);
		return so_error_detail(error, "Versions %d to %d are spoken.", SO_PROTOCOL_OLDEST,
							   SO_PROTOCOL_VERSION);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (!so_member_text(root, "", texts[i], MAX_SHORT_TEXT, &text, error))
			return false;
	}
	return so_member_integer(root, "", "max_task_count", 0, MAX_CAPACITY, &tasks, error) &&
		   so_member_object(json_object_get(root, "capabilities"), "/capabilities", error);
}

/*
 * The members that need not be there: pins_version, tasks_root_folder, and
 * next_certificate, a PEM text of which the master gets the facts.
 */
static bool
add_optional_members(json_t *known, const json_t *root, SoError *error)
{
	SoCertificateFacts facts;
	const char *pem;
	const char *folder;
	int64_t version;

	if (json_object_get(root, "pins_version") != NULL)
	{
		if (!so_member_integer(root, "", "pins_version", 0, INT64_MAX, &version, error))
			return false;
		json_object_set_new(known, "pins_version", json_integer(version));
	}
	if (json_object_get(root, "tasks_root_folder") != NULL)
	{
		if (!so_member_text(root, "", "tasks_root_folder", MAX_PATH_TEXT, &folder, error))
			return false;
		json_object_set(known, "tasks_root_folder", json_object_get(root, "tasks_root_folder"));
	}
	if (json_object_get(root, "next_certificate") != NULL)
	{
		if (!so_member_text(root, "", "next_certificate", MAX_CERTIFICATE, &pem, error) ||
			!so_certificate_read(pem, strlen(pem), &facts, error))
			return false;
		json_object_set_new(known, "next_certificate", facts_object(&facts));
	}
	return true;
}

static bool
put_registration(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *known = known_members(root);
	size_t begin = begin_block(out);
	bool ok;

	if (known == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	ok = add_optional_members(known, root, error) &&
		 put_json(out, known, SO_LIMIT_BODY, "the registration", error);
	json_decref(known);
	end_block(out, begin);
	return ok;
}

static bool
check_capabilities(const json_t *root, SoError *error)
{
	SoByteBuffer scratch;
	bool ok;

	so_byte_buffer_init(&scratch);
	ok = put_json(&scratch, json_object_get(root, "capabilities"), MAX_CAPABILITIES,
				  "/capabilities", error);
	so_byte_buffer_free(&scratch);
	return ok;
}

static bool
encode_register(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
				SoError *error)
{
	Fields fields = {.epoch = 0};

	return check_registration(root, error) && check_capabilities(root, error) &&
		   read_identity(root, &fields, error) &&
		   put_head(out, SO_REQUEST_REGISTER, origin, &fields, root, error) &&
		   put_registration(out, root, error);
}

/* ---- lease -------------------------------------------------------------------- */

/* An optional member that must be of the type when it is there. */
static bool
copy_optional(json_t *known, const json_t *root, const char *name, bool is_text, SoError *error)
{
	json_t *value = json_object_get(root, name);

	if (value == NULL || json_is_null(value))
		return true;
	if (is_text ? !json_is_string(value) || json_string_length(value) > MAX_REASON
				: !json_is_number(value))
	{
		so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "/%s must be %s", name,
					 is_text ? "a short string" : "a number");
		snprintf(error->place, sizeof(error->place), "/%s", name);
		return false;
	}
	if (json_object_set(known, name, value) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

/* Why the agent asks for no more, and its load; nothing when it does not say. */
static bool
put_asked(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *known = json_object();
	size_t begin = begin_block(out);
	bool ok;

	if (known == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	ok = copy_optional(known, root, "reason", true, error) &&
		 copy_optional(known, root, "cpu", false, error) &&
		 copy_optional(known, root, "memory_free_mb", false, error) &&
		 copy_optional(known, root, "cpu_pressure", false, error) &&
		 copy_optional(known, root, "memory_pressure", false, error) &&
		 copy_optional(known, root, "io_pressure", false, error) &&
		 (json_object_size(known) == 0 || put_json(out, known, MAX_ASKED, "the poll", error));
	json_decref(known);
	end_block(out, begin);
	return ok;
}

static bool
encode_lease(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out, SoError *error)
{
	Fields fields;

	if (!read_identity(root, &fields, error) ||
		!so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) ||
		!so_member_integer(root, "", "capacity", 0, MAX_CAPACITY, &fields.capacity, error) ||
		!so_member_integer(root, "", "wait_ms", 0, MAX_WAIT_MS, &fields.wait_ms, error))
		return false;
	if (fields.wait_ms > SO_LIMIT_LONG_POLL_MS)
		fields.wait_ms = SO_LIMIT_LONG_POLL_MS;
	return put_head(out, SO_REQUEST_LEASE, origin, &fields, root, error) &&
		   put_asked(out, root, error);
}

/* ---- report ------------------------------------------------------------------- */

/* What the master needs to file an item; the rest is looked at where it is stored. */
static bool
check_item(const json_t *item, const char *pointer, SoError *error)
{
	SoUuid task;
	int64_t number;
	const char *type;

	return so_member_object(item, pointer, error) &&
		   so_member_uuid(item, pointer, "task", &task, error) &&
		   so_member_integer(item, pointer, "attempt", 1, INT32_MAX, &number, error) &&
		   so_member_integer(item, pointer, "sequence", 1, INT64_MAX, &number, error) &&
		   so_member_text(item, pointer, "type", MAX_SHORT_TEXT, &type, error);
}

static bool
put_items(SoByteBuffer *out, const json_t *root, SoError *error)
{
	json_t *items;
	size_t index;
	const json_t *item;
	size_t begin;

	if (!so_member_array(root, "", "items", SO_LIMIT_ITEMS, &items, error))
		return false;
	begin = begin_block(out);
	so_put_u8(out, '[');
	json_array_foreach(items, index, item)
	{
		char pointer[POINTER_SIZE];

		snprintf(pointer, sizeof(pointer), "/items/%zu", index);
		if (index > 0)
			so_put_u8(out, ',');
		if (!check_item(item, pointer, error) ||
			!put_json(out, item, SO_LIMIT_ITEM, pointer, error))
			return false;
	}
	so_put_u8(out, ']');
	end_block(out, begin);
	return true;
}

static bool
encode_report(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out, SoError *error)
{
	Fields fields = {.capacity = 0, .wait_ms = 0};

	return read_identity(root, &fields, error) &&
		   so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) &&
		   put_head(out, SO_REQUEST_REPORT, origin, &fields, root, error) &&
		   put_items(out, root, error);
}

/* ---- task_log ------------------------------------------------------------------- */

/* Why there is no log: {"code", "message", "detail", "hint"}. */
static bool
copy_reason(json_t *known, const json_t *root, SoError *error)
{
	static const char *const names[] = {"code", "message", "detail", "hint"};
	const json_t *reason = json_object_get(root, "error");
	json_t *copy = json_object();
	const char *text;

	if (json_object_set_new(known, "error", copy) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	if (!so_member_object(reason, "/error", error))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (!so_member_text(reason, "/error", names[i], MAX_PATH_TEXT, &text, error))
			return false;
		json_object_set(copy, names[i], json_object_get(reason, names[i]));
	}
	return true;
}

/* A piece of the log. */
static bool
copy_piece(json_t *known, const json_t *root, SoError *error)
{
	static const char *const names[] = {"offset", "bytes", "size", "end", "text"};
	int64_t bytes;
	int64_t number;
	const char *text;

	if (!so_member_integer(root, "", "bytes", 0, SO_LIMIT_TASK_LOG_PIECE, &bytes, error) ||
		!so_member_integer(root, "", "offset", 0, INT64_MAX - bytes, &number, error) ||
		!so_member_integer(root, "", "size", 0, INT64_MAX, &number, error) ||
		!so_member_text(root, "", "text", (size_t) bytes * MAX_GROWTH, &text, error))
		return false;
	if (!json_is_boolean(json_object_get(root, "end")))
		return so_error_set(error, SO_ERR_REQUEST_MALFORMED, "/end", "/end must be true or false");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set(known, names[i], json_object_get(root, names[i]));
	return true;
}

static bool
encode_task_log(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
				SoError *error)
{
	Fields fields = {.capacity = 0, .wait_ms = 0};
	int64_t fetch;
	json_t *known;
	size_t begin;
	bool ok;

	if (!read_identity(root, &fields, error) ||
		!so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) ||
		!so_member_integer(root, "", "fetch", 1, INT64_MAX, &fetch, error))
		return false;
	put_fields(out, SO_REQUEST_TASK_LOG, origin, &fields);
	so_put_u32(out, 0);
	known = json_pack("{s:I}", "fetch", (json_int_t) fetch);
	if (known == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	begin = begin_block(out);
	ok = (json_object_get(root, "error") != NULL ? copy_reason(known, root, error)
												 : copy_piece(known, root, error)) &&
		 put_json(out, known, SO_LIMIT_ITEM, "the piece of a log", error);
	json_decref(known);
	end_block(out, begin);
	return ok;
}

/* ---- join ----------------------------------------------------------------------- */

static bool
encode_join(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out, SoError *error)
{
	Fields fields = {.epoch = 0};
	SoUuid token;
	const char *secret;
	const char *machine;
	const char *token_text;
	json_t *known;
	size_t begin;
	bool ok;

	if (origin->certificate == NULL)
		return so_error_set(error, SO_ERR_CERTIFICATE_REQUIRED, NULL,
							"the client sent no certificate");
	if (!so_member_uuid(root, "", "agent_id", &fields.agent_id, error) ||
		!so_member_uuid(root, "", "token", &token, error) ||
		!so_member_text(root, "", "token", MAX_SHORT_TEXT, &token_text, error) ||
		!so_member_text(root, "", "secret", MAX_SHORT_TEXT, &secret, error) ||
		!so_member_text(root, "", "machine_name", MAX_SHORT_TEXT, &machine, error))
		return false;
	put_fields(out, SO_REQUEST_JOIN, origin, &fields);
	so_put_u32(out, 0);
	known = json_pack("{s:s, s:s, s:s, s:o}", "token", token_text, "secret", secret, "machine_name",
					  machine, "certificate", facts_object(origin->certificate));
	if (known == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	begin = begin_block(out);
	ok = put_json(out, known, SO_LIMIT_BODY, "the request", error);
	json_decref(known);
	end_block(out, begin);
	return ok;
}

/* ---- all of them ---------------------------------------------------------------- */

static bool
encode_kind(SoRequestKind kind, const SoRequestOrigin *origin, const json_t *root,
			SoByteBuffer *out, SoError *error)
{
	switch (kind)
	{
		case SO_REQUEST_REGISTER:
			return encode_register(origin, root, out, error);
		case SO_REQUEST_LEASE:
			return encode_lease(origin, root, out, error);
		case SO_REQUEST_REPORT:
			return encode_report(origin, root, out, error);
		case SO_REQUEST_JOIN:
			return encode_join(origin, root, out, error);
		case SO_REQUEST_TASK_LOG:
			return encode_task_log(origin, root, out, error);
	}
	return so_error_set(error, SO_ERR_INTERNAL, NULL, "unknown kind of request %d", (int) kind);
}

bool
so_request_encode(SoRequestKind kind, const SoRequestOrigin *origin, const char *body, size_t size,
				  SoByteBuffer *out, SoError *error)
{
	json_t *root = parse(body, size, error);
	size_t before = so_byte_buffer_length(out);
	size_t frame;
	bool ok;

	if (root == NULL)
		return false;
	frame = so_frame_begin(out, SO_GATEWAY_REQUEST, 0);
	ok = so_member_object(root, "", error) && encode_kind(kind, origin, root, out, error);
	json_decref(root);
	if (ok && out->failed)
		ok = so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	so_frame_end(out, frame);
	if (!ok && !out->failed)
		out->end = out->start + before;
	return ok;
}
