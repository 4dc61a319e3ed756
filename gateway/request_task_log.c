/*
 * gateway/request_task_log.c
 *
 * Checks pieces of task logs and writes their payloads.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request_task_log.h"

#include "gateway/member.h"
#include "gateway/request_part.h"

/* What one byte of a log may become, U+FFFD. */
#define MAX_GROWTH 3

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
		if (!so_member_text(reason, "/error", names[i], SO_REQUEST_MAX_PATH, &text, error) ||
			!so_request_copy_member(copy, reason, names[i], error))
			return false;
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
	{
		if (!so_request_copy_member(known, root, names[i], error))
			return false;
	}
	return true;
}

bool
so_request_put_task_log(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
						SoError *error)
{
	SoRequestFields fields = {.capacity = 0, .wait_ms = 0};
	int64_t fetch;
	json_t *known;
	bool ok;

	if (!so_request_read_identity(root, &fields, error) ||
		!so_member_integer(root, "", "epoch", 0, INT64_MAX, &fields.epoch, error) ||
		!so_member_integer(root, "", "fetch", 1, INT64_MAX, &fetch, error))
		return false;
	known = json_pack("{s:I}", "fetch", (json_int_t) fetch);
	ok = so_request_put_head(out, SO_REQUEST_TASK_LOG, origin, &fields, NULL, error) &&
		 (json_object_get(root, "error") != NULL ? copy_reason(known, root, error)
												 : copy_piece(known, root, error)) &&
		 so_request_put_body(out, known, SO_LIMIT_ITEM, "the piece of a log", error);
	json_decref(known);
	return ok;
}
