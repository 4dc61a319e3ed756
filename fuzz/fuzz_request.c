/*
 * fuzz/fuzz_request.c
 *
 * Any bytes as the body of a register, lease, report and join request.  Checked
 * besides memory safety: a request that is accepted gives exactly one frame
 * that a strict reader can take apart, whose body is JSON that PostgreSQL can
 * store; one that is refused leaves the buffer as it was and has a code, a
 * message and a JSON answer.
 *
 * Process: the fuzzer (fuzz/run), and the unit test that replays the corpus.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"
#include "gateway/error_body.h"
#include "gateway/request.h"

#define REQUIRE(condition)                                                                         \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			abort();                                                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The body of an accepted request. */
static void
check_body(SoRequestKind kind, const char *body, size_t size)
{
	json_error_t reason;
	json_t *root;

	if (kind == SO_REQUEST_LEASE)
	{
		REQUIRE(size == 0);
		return;
	}
	/* Without JSON_ALLOW_NUL: neither NUL nor invalid UTF-8 passes here. */
	root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &reason);
	REQUIRE(kind == SO_REQUEST_REPORT ? json_is_array(root) : json_is_object(root));
	REQUIRE(memchr(body, '\0', size) == NULL);
	json_decref(root);
}

static void
check_frame(SoRequestKind kind, SoByteBuffer *out)
{
	SoFrame frame;
	SoFieldReader reader;
	SoError error;
	uint32_t held;
	size_t size;
	const char *body;

	REQUIRE(so_frame_next(out, SO_FRAME_MAX_PAYLOAD, &frame, &error) == 1);
	REQUIRE(frame.type == SO_GATEWAY_REQUEST && so_byte_buffer_length(out) == 0);
	so_field_reader_init(&reader, frame.payload, frame.length);
	REQUIRE(so_get_u64(&reader) == 42 && so_get_u8(&reader) == kind);
	so_get_bytes(&reader, SO_THUMBPRINT_SIZE);
	so_get_block(&reader, &size);
	so_get_bytes(&reader, 2 * SO_UUID_SIZE);
	REQUIRE(so_get_u64(&reader) <= INT64_MAX);
	so_get_u32(&reader);
	REQUIRE(so_get_u32(&reader) <= SO_LIMIT_LONG_POLL_MS);
	held = so_get_u32(&reader);
	REQUIRE(held <= SO_LIMIT_HELD);
	for (uint32_t i = 0; i < held; i++)
	{
		uint32_t attempt;
		uint8_t state;

		so_get_bytes(&reader, SO_UUID_SIZE);
		attempt = so_get_u32(&reader);
		state = so_get_u8(&reader);
		REQUIRE(attempt >= 1 && attempt <= INT32_MAX);
		REQUIRE(state >= SO_HELD_RUNNING && state <= SO_HELD_FINISHED);
	}
	body = so_get_block(&reader, &size);
	REQUIRE(so_field_reader_done(&reader));
	check_body(kind, body, size);
}

static void
check_refusal(const SoError *error)
{
	size_t size;
	char *body = so_error_body(error, &size);
	json_t *root = body ? json_loadb(body, size, 0, NULL) : NULL;

	REQUIRE(error->code != SO_OK && error->code != SO_ERR_INTERNAL && error->message[0] != '\0');
	REQUIRE(so_error_http_status(error->code) >= 400);
	REQUIRE(json_is_object(json_object_get(root, "error")));
	json_decref(root);
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const SoCertificateFacts facts = {.subject = "CN=fuzz"};
	static const SoRequestOrigin origin = {
		.request = 42, .peer = "192.0.2.7:41822", .certificate = &facts};

	for (int kind = SO_REQUEST_REGISTER; kind <= SO_REQUEST_TASK_LOG; kind++)
	{
		SoByteBuffer out;
		SoError error;

		so_error_clear(&error);
		so_byte_buffer_init(&out);
		so_put_u8(&out, 0x5A);
		if (so_request_encode((SoRequestKind) kind, &origin, (const char *) data, size, &out,
							  &error))
		{
			so_byte_buffer_consume(&out, 1);
			check_frame((SoRequestKind) kind, &out);
		}
		else
		{
			REQUIRE(so_byte_buffer_length(&out) == 1 && out.data[out.start] == 0x5A);
			check_refusal(&error);
		}
		so_byte_buffer_free(&out);
	}
	return 0;
}
