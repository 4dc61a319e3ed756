/*
 * bgworker/gateway_frames.c
 *
 * Decodes what the gateway sends and encodes what it is sent.  The gateway has
 * checked everything; the master checks lengths and counts all the same,
 * because it is attached to shared memory and the gateway faces the network.
 *
 * Process: master.  Shared data: none; decoded frames belong to the memory
 * context of the turn.  A crash half-way loses requests that nobody has been
 * answered yet: the agents repeat them.
 */
#include "postgres.h"

#include "bgworker/gateway_frames.h"

#include "extension/settings.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

/* What stands before the body of an answer. */
#define ANSWER_HEAD 64
/* Wire size of an entry of the list of held attempts. */
#define HELD_SIZE (SO_UUID_SIZE + 4 + 1)

static char *
copy_string(SoFieldReader *reader)
{
	size_t size;
	const char *text = so_get_block(reader, &size);

	return text == NULL ? NULL : pnstrdup(text, size);
}

static void
copy_bytes(SoFieldReader *reader, void *to, size_t size)
{
	const uint8_t *bytes = so_get_bytes(reader, size);

	if (bytes != NULL)
		memcpy(to, bytes, size);
}

/* The list of held attempts; the count is checked against what is there. */
static bool
read_held(SoFieldReader *reader, SoRequest *request)
{
	request->n_held = so_get_u32(reader);
	if (reader->failed || request->n_held > SO_LIMIT_HELD ||
		(size_t) (reader->end - reader->position) < (size_t) request->n_held * HELD_SIZE)
		return false;
	request->held = palloc(sizeof(SoHeld) * Max(request->n_held, 1));
	for (uint32 i = 0; i < request->n_held; i++)
	{
		copy_bytes(reader, &request->held[i].task, SO_UUID_SIZE);
		request->held[i].attempt = so_get_u32(reader);
		request->held[i].state = so_get_u8(reader);
		if (request->held[i].attempt > PG_INT32_MAX)
			return false;
	}
	return !reader->failed;
}

static bool
read_request(SoFieldReader *reader, SoRequest *request)
{
	const char *body;

	request->request = so_get_u64(reader);
	request->kind = so_get_u8(reader);
	copy_bytes(reader, request->thumbprint, SO_THUMBPRINT_SIZE);
	request->peer = copy_string(reader);
	copy_bytes(reader, &request->agent_id, SO_UUID_SIZE);
	copy_bytes(reader, &request->instance_id, SO_UUID_SIZE);
	request->epoch = so_get_u64(reader);
	request->capacity = so_get_u32(reader);
	request->wait_ms = so_get_u32(reader);
	request->capacity = Min(request->capacity, SO_LIMIT_HELD);
	request->wait_ms = Min(request->wait_ms, SO_LIMIT_LONG_POLL_MS);
	if (reader->failed || !read_held(reader, request))
		return false;
	body = so_get_block(reader, &request->body_size);
	if (body == NULL || request->body_size > SO_LIMIT_BODY || !so_field_reader_done(reader))
		return false;
	/* What is not valid in the server's encoding must not get near a datum. */
	if (!pg_verify_mbstr(PG_UTF8, body, request->body_size, true))
		return false;
	request->body = pnstrdup(body, request->body_size);
	return request->request != 0 && request->kind >= SO_REQUEST_REGISTER &&
		   request->kind <= SO_REQUEST_TASK_LOG;
}

SoRequest *
so_gateway_frames_request(const SoFrame *frame, SoError *error)
{
	SoRequest *request = palloc0(sizeof(SoRequest));
	SoFieldReader reader;

	so_field_reader_init(&reader, frame->payload, frame->length);
	if (read_request(&reader, request))
		return request;
	so_error_set(error, SO_ERR_FRAME_MALFORMED, "master",
				 "a request frame of the gateway is malformed (%zu bytes)", frame->length);
	return NULL;
}

bool
so_gateway_frames_abandoned(const SoFrame *frame, uint64 *request)
{
	SoFieldReader reader;

	so_field_reader_init(&reader, frame->payload, frame->length);
	*request = so_get_u64(&reader);
	return so_field_reader_done(&reader);
}

bool
so_gateway_frames_strings(const SoFrame *frame, size_t skip, char **strings, int n)
{
	SoFieldReader reader;

	so_field_reader_init(&reader, frame->payload, frame->length);
	(void) so_get_bytes(&reader, skip);
	for (int i = 0; i < n; i++)
	{
		strings[i] = copy_string(&reader);
		if (strings[i] == NULL || !pg_verify_mbstr(PG_UTF8, strings[i], strlen(strings[i]), true))
			return false;
	}
	return !reader.failed;
}

void
so_gateway_frames_answer(SoByteBuffer *out, uint64 request, int status, const char *body,
						 size_t size)
{
	size_t position;

	/* The gateway would end on it; the agent sends less at a time. */
	if (size > SO_FRAME_MAX_PAYLOAD - ANSWER_HEAD)
	{
		so_gateway_frames_refuse(out, request, SO_ERR_FRAME_TOO_LARGE,
								 "the answer is larger than an answer can be", NULL);
		return;
	}
	position = so_frame_begin(out, SO_GATEWAY_ANSWER, 0);
	so_put_u64(out, request);
	so_put_u16(out, (uint16) status);
	so_put_block(out, body, size);
	so_frame_end(out, position);
}

void
so_gateway_frames_refuse(SoByteBuffer *out, uint64 request, SoErrorCode code, const char *message,
						 const char *detail)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"error\":{\"code\":");
	escape_json(&body, so_error_state(code));
	appendStringInfoString(&body, ",\"message\":");
	escape_json(&body, message != NULL ? message : so_error_summary(code));
	appendStringInfoString(&body, ",\"detail\":");
	escape_json(&body, detail != NULL ? detail : "");
	appendStringInfoString(&body, ",\"hint\":");
	escape_json(&body, so_error_default_hint(code));
	appendStringInfo(&body, ",\"retryable\":%s}}", so_error_retryable(code) ? "true" : "false");
	so_gateway_frames_answer(out, request, so_error_http_status(code), body.data, body.len);
	pfree(body.data);
}

void
so_gateway_frames_configure(SoByteBuffer *out, int kept_port)
{
	size_t position = so_frame_begin(out, SO_GATEWAY_CONFIGURE, 0);

	so_put_string(out, so_setting_listen_addresses);
	so_put_u16(out, (uint16) (so_setting_port_number != 0 ? so_setting_port_number : kept_port));
	so_put_string(out, so_setting_resolved_certificate_file());
	so_put_string(out, so_setting_resolved_key_file());
	so_put_u32(out, (uint32) so_setting_max_connections);
	so_put_u32(out, (uint32) so_setting_idle_timeout);
	so_put_u32(out, (uint32) so_setting_request_timeout);
	so_frame_end(out, position);
}

void
so_gateway_frames_trust(SoByteBuffer *out, const uint8 *thumbprints, uint32 n, bool enrollment_open)
{
	size_t position =
		so_frame_begin(out, SO_GATEWAY_TRUST, enrollment_open ? SO_TRUST_ENROLLMENT_OPEN : 0);

	so_put_u32(out, n);
	so_put_bytes(out, thumbprints, (size_t) n * SO_THUMBPRINT_SIZE);
	so_frame_end(out, position);
}
