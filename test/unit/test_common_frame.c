/*
 * test/unit/test_common_frame.c
 *
 * Frames over a socket pair: whole, byte by byte, malformed, too large.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"

static void
test_round_trip(void **state)
{
	SoByteBuffer buffer;
	SoFrame frame;
	SoError error;
	size_t position;

	(void) state;
	so_byte_buffer_init(&buffer);
	so_frame_put(&buffer, 3, 1, "payload", 7);
	so_frame_put(&buffer, 4, 0, NULL, 0);
	position = so_frame_begin(&buffer, 5, 2);
	so_put_string(&buffer, "later");
	so_frame_end(&buffer, position);
	assert_int_equal(so_frame_next(&buffer, 100, &frame, &error), 1);
	assert_int_equal(frame.type, 3);
	assert_int_equal(frame.flags, 1);
	assert_int_equal(frame.length, 7);
	assert_memory_equal(frame.payload, "payload", 7);
	assert_int_equal(so_frame_next(&buffer, 100, &frame, &error), 1);
	assert_int_equal(frame.type, 4);
	assert_int_equal(frame.length, 0);
	assert_int_equal(so_frame_next(&buffer, 100, &frame, &error), 1);
	assert_int_equal(frame.type, 5);
	assert_memory_equal(frame.payload, "\0\0\0\5later", 9);
	assert_int_equal(so_frame_next(&buffer, 100, &frame, &error), 0);
	so_byte_buffer_free(&buffer);
}

static void
test_byte_by_byte(void **state)
{
	SoByteBuffer whole;
	SoByteBuffer in;
	SoFrame frame;
	SoError error;
	int frames = 0;

	(void) state;
	so_byte_buffer_init(&whole);
	so_byte_buffer_init(&in);
	for (uint8_t i = 1; i <= 20; i++)
		so_frame_put(&whole, i, 0, "0123456789012345678901234567890123456789", i);
	for (size_t i = 0; i < so_byte_buffer_length(&whole); i++)
	{
		so_put_bytes(&in, whole.data + i, 1);
		while (so_frame_next(&in, 100, &frame, &error) == 1)
		{
			frames++;
			assert_int_equal(frame.type, frames);
			assert_int_equal(frame.length, frames);
			assert_memory_equal(frame.payload, "0123456789012345678901234567890123456789", frames);
		}
	}
	assert_int_equal(frames, 20);
	so_byte_buffer_free(&whole);
	so_byte_buffer_free(&in);
}

static void
test_violations(void **state)
{
	static const struct
	{
		const char *bytes;
		SoErrorCode code;
	} rows[] = {
		{"\0\0\0\0\0\0\0\0", SO_ERR_FRAME_MALFORMED},   /* type 0 */
		{"\0\0\0\0\1\0\0\1", SO_ERR_FRAME_MALFORMED},   /* not zero */
		{"\0\0\0\145\1\0\0\0", SO_ERR_FRAME_TOO_LARGE}, /* 101 bytes */
		{"\377\377\377\377\1\0\0\0", SO_ERR_FRAME_TOO_LARGE}, {"POST / H", SO_ERR_FRAME_MALFORMED},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoByteBuffer in;
		SoFrame frame;
		SoError error;

		so_byte_buffer_init(&in);
		so_put_bytes(&in, rows[i].bytes, 8);
		assert_int_equal(so_frame_next(&in, 100, &frame, &error), -1);
		assert_int_equal(error.code, rows[i].code);
		so_byte_buffer_free(&in);
	}
}

/* A large frame through a socket pair; the end of the stream in the middle of one is seen. */
static void
test_socket_pair(void **state)
{
	enum
	{
		SIZE = 3 * 1024 * 1024
	};
	uint8_t *payload = malloc(SIZE);
	SoByteBuffer out;
	SoByteBuffer in;
	SoFrame frame;
	SoError error;
	int ends[2];
	ssize_t got;

	(void) state;
	assert_non_null(payload);
	for (size_t i = 0; i < SIZE; i++)
		payload[i] = (uint8_t) (i * 7);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	so_byte_buffer_init(&out);
	so_byte_buffer_init(&in);
	so_frame_put(&out, 9, 0, payload, SIZE);
	assert_int_equal(so_frame_read(&in, ends[0]), -1);
	assert_int_equal(errno, EAGAIN);
	while (so_frame_next(&in, SO_FRAME_MAX_PAYLOAD, &frame, &error) == 0)
	{
		assert_true(so_byte_buffer_write(&out, ends[1]) >= 0);
		got = so_frame_read(&in, ends[0]);
		assert_true(got > 0);
	}
	assert_int_equal(frame.length, SIZE);
	assert_memory_equal(frame.payload, payload, SIZE);
	so_frame_put(&out, 9, 0, payload, 100);
	out.end -= 50;
	assert_true(so_byte_buffer_write(&out, ends[1]) > 0);
	close(ends[1]);
	assert_true(so_frame_read(&in, ends[0]) > 0);
	assert_int_equal(so_frame_next(&in, SO_FRAME_MAX_PAYLOAD, &frame, &error), 0);
	assert_int_equal(so_frame_read(&in, ends[0]), 0);
	close(ends[0]);
	free(payload);
	so_byte_buffer_free(&out);
	so_byte_buffer_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_violations),
		cmocka_unit_test(test_socket_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
