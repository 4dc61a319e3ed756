/*
 * test/unit/test_gateway_settings.c
 *
 * CONFIGURE frames: what is read, and every way to be malformed.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/byte_buffer.h"
#include "gateway/settings.h"

static SoByteBuffer buffer;

/* The fields of a CONFIGURE frame (docs/protocol.md, chapter 3). */
static void
put_settings(const void *addresses, size_t length)
{
	so_byte_buffer_init(&buffer);
	so_put_block(&buffer, addresses, length);
	so_put_u16(&buffer, 8391);
	so_put_string(&buffer, "/etc/scaleout/server.crt");
	so_put_string(&buffer, "/etc/scaleout/server.key");
	so_put_u32(&buffer, 1000);
	so_put_u32(&buffer, 60000);
	so_put_u32(&buffer, 30000);
}

/* Read the first bytes of what was put, from memory of exactly that size. */
static bool
read_first(size_t length, SoSettings *settings)
{
	uint8_t *copy = test_malloc(length + 1);
	SoFrame frame = {.payload = copy, .length = length};
	bool ok;

	memcpy(copy, buffer.data + buffer.start, length);
	ok = so_settings_read(&frame, settings);
	test_free(copy);
	return ok;
}

static void
test_reads(void **state)
{
	SoSettings settings;

	(void) state;
	put_settings("127.0.0.1, ::1", 14);
	assert_true(read_first(so_byte_buffer_length(&buffer), &settings));
	assert_string_equal(settings.addresses, "127.0.0.1, ::1");
	assert_int_equal(settings.port, 8391);
	assert_string_equal(settings.certificate_file, "/etc/scaleout/server.crt");
	assert_string_equal(settings.key_file, "/etc/scaleout/server.key");
	assert_int_equal(settings.limits.max_connections, 1000);
	assert_int_equal(settings.limits.idle_timeout_ms, 60000);
	assert_int_equal(settings.limits.request_timeout_ms, 30000);
	so_byte_buffer_free(&buffer);
}

static void
test_every_length(void **state)
{
	SoSettings settings;

	(void) state;
	put_settings("*", 1);
	for (size_t length = 0; length < so_byte_buffer_length(&buffer); length++)
		assert_false(read_first(length, &settings));
	so_put_u8(&buffer, 0);
	assert_false(read_first(so_byte_buffer_length(&buffer), &settings));
	so_byte_buffer_free(&buffer);
}

/* A text of 1023 bytes fits, one of 1024 does not, one with a NUL never does. */
static void
test_texts(void **state)
{
	char text[1024];
	SoSettings settings;

	(void) state;
	memset(text, 'a', sizeof(text));
	put_settings(text, 1023);
	assert_true(read_first(so_byte_buffer_length(&buffer), &settings));
	assert_int_equal(strlen(settings.addresses), 1023);
	so_byte_buffer_free(&buffer);
	put_settings(text, 1024);
	assert_false(read_first(so_byte_buffer_length(&buffer), &settings));
	so_byte_buffer_free(&buffer);
	put_settings("a\0b", 3);
	assert_false(read_first(so_byte_buffer_length(&buffer), &settings));
	so_byte_buffer_free(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
