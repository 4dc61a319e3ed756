/*
 * gateway/request.c
 *
 * Parses the body of a request and makes the REQUEST frame for the master; what
 * each kind holds is in request_<kind>.c.  The master relies on what is checked
 * there: types, ranges, counts, sizes, UTF-8.
 *
 * Process: gateway; one thread, no state.  A request that is lost with the
 * gateway is sent again by its agent.
 */
#include "gateway/request.h"

#include <jansson.h>

#include "common/frame.h"
#include "gateway/json_clean.h"
#include "gateway/member.h"
#include "gateway/request_lease.h"
#include "gateway/request_register.h"
#include "gateway/request_report.h"
#include "gateway/request_task_log.h"

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

static bool
put_kind(SoRequestKind kind, const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
		 SoError *error)
{
	switch (kind)
	{
		case SO_REQUEST_REGISTER:
			return so_request_put_register(origin, root, out, error);
		case SO_REQUEST_LEASE:
			return so_request_put_lease(origin, root, out, error);
		case SO_REQUEST_REPORT:
			return so_request_put_report(origin, root, out, error);
		case SO_REQUEST_JOIN:
			return so_request_put_join(origin, root, out, error);
		case SO_REQUEST_TASK_LOG:
			return so_request_put_task_log(origin, root, out, error);
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
	ok = so_member_object(root, "", error) && put_kind(kind, origin, root, out, error);
	json_decref(root);
	if (ok && out->failed)
		ok = so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	so_frame_end(out, frame);
	if (!ok && !out->failed)
		out->end = out->start + before;
	return ok;
}
