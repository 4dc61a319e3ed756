/*
 * test/unit/test_common_byte_buffer.c
 *
 * Growing buffers, field coding, and readers that never pass the end.
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
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/byte_buffer.h"

static void
test_fields_round_trip(void **state)
{
	SoByteBuffer buffer;
	SoFieldReader reader;
	size_t size;

	(void) state;
	so_byte_buffer_init(&buffer);
	so_put_u8(&buffer, 0xAB);
	so_put_u16(&buffer, 0x1234);
	so_put_u32(&buffer, 0xDEADBEEF);
	so_put_u64(&buffer, UINT64_C(0x0123456789ABCDEF));
	so_put_string(&buffer, "hello");
	so_put_string(&buffer, NULL);
	so_put_block(&buffer, "\0x", 2);
	so_put_bytes(&buffer, "tail", 4);
	so_field_reader_init(&reader, buffer.data, so_byte_buffer_length(&buffer));
	assert_int_equal(so_get_u8(&reader), 0xAB);
	assert_int_equal(so_get_u16(&reader), 0x1234);
	assert_int_equal(so_get_u32(&reader), 0xDEADBEEF);
	assert_true(so_get_u64(&reader) == UINT64_C(0x0123456789ABCDEF));
	assert_memory_equal(so_get_block(&reader, &size), "hello", 5);
	assert_int_equal(size, 5);
	so_get_block(&reader, &size);
	assert_int_equal(size, 0);
	assert_memory_equal(so_get_block(&reader, &size), "\0x", 2);
	assert_false(so_field_reader_done(&reader));
	assert_memory_equal(so_get_bytes(&reader, 4), "tail", 4);
	assert_true(so_field_reader_done(&reader));
	so_byte_buffer_free(&buffer);
}

static void
test_big_endian(void **state)
{
	SoByteBuffer buffer;

	(void) state;
	so_byte_buffer_init(&buffer);
	so_put_u16(&buffer, 0x0102);
	so_put_u32(&buffer, 0x03040506);
	assert_memory_equal(buffer.data, "\1\2\3\4\5\6", 6);
	so_byte_buffer_free(&buffer);
}

/* Every cut of a message fails cleanly; it lies in front of a page that must not be read. */
static void
test_reader_never_passes_the_end(void **state)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SoByteBuffer buffer;

	(void) state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	so_byte_buffer_init(&buffer);
	so_put_u64(&buffer, 1);
	so_put_string(&buffer, "text");
	so_put_u32(&buffer, 2);
	for (size_t length = 0; length <= so_byte_buffer_length(&buffer); length++)
	{
		SoFieldReader reader;
		size_t size;
		bool whole = length == so_byte_buffer_length(&buffer);

		memcpy(pages + page - length, buffer.data, length);
		so_field_reader_init(&reader, pages + page - length, length);
		so_get_u64(&reader);
		so_get_block(&reader, &size);
		so_get_u32(&reader);
		assert_int_equal(so_field_reader_done(&reader), whole);
		assert_int_equal(reader.failed, !whole);
		/* Failed stays failed. */
		if (!whole)
			assert_int_equal(so_get_u8(&reader), 0);
	}
	munmap(pages, 2 * page);
	so_byte_buffer_free(&buffer);
}

static void
test_lying_length(void **state)
{
	SoByteBuffer buffer;
	SoFieldReader reader;
	size_t size = 99;

	(void) state;
	so_byte_buffer_init(&buffer);
	so_put_u32(&buffer, UINT32_MAX);
	so_put_bytes(&buffer, "abc", 3);
	so_field_reader_init(&reader, buffer.data, so_byte_buffer_length(&buffer));
	assert_string_equal(so_get_block(&reader, &size), "");
	assert_int_equal(size, 0);
	assert_true(reader.failed);
	so_byte_buffer_free(&buffer);
}

static void
test_consume_and_grow(void **state)
{
	SoByteBuffer buffer;
	uint32_t put = 0;
	uint32_t got = 0;

	(void) state;
	so_byte_buffer_init(&buffer);
	/* Producer and consumer at different paces; the content is always in order. */
	for (int round = 0; round < 2000; round++)
	{
		for (int i = 0; i < 1 + round % 7; i++)
			so_put_u32(&buffer, put++);
		for (int i = 0; i < round % 8 && got < put; i++)
		{
			SoFieldReader reader;

			so_field_reader_init(&reader, buffer.data + buffer.start, 4);
			assert_int_equal(so_get_u32(&reader), got++);
			so_byte_buffer_consume(&buffer, 4);
		}
		assert_int_equal(so_byte_buffer_length(&buffer), (put - got) * 4);
	}
	assert_false(buffer.failed);
	so_byte_buffer_clear(&buffer);
	assert_int_equal(so_byte_buffer_length(&buffer), 0);
	so_byte_buffer_free(&buffer);
}

static void
test_absurd_size_fails(void **state)
{
	SoByteBuffer buffer;

	(void) state;
	so_byte_buffer_init(&buffer);
	assert_null(so_byte_buffer_reserve(&buffer, SIZE_MAX / 2));
	assert_true(buffer.failed);
	so_put_u8(&buffer, 1);
	assert_int_equal(so_byte_buffer_length(&buffer), 0);
	so_byte_buffer_clear(&buffer);
	so_put_u8(&buffer, 1);
	assert_int_equal(so_byte_buffer_length(&buffer), 1);
	so_byte_buffer_free(&buffer);
}

static void
test_write_until_it_would_block(void **state)
{
	SoByteBuffer buffer;
	int ends[2];
	char drained[65536];
	size_t total = 0;
	size_t sent = 0;
	ssize_t got;

	(void) state;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	so_byte_buffer_init(&buffer);
	for (int i = 0; i < 300000; i++)
		so_put_u8(&buffer, (uint8_t) i);
	while (so_byte_buffer_length(&buffer) > 0)
	{
		got = so_byte_buffer_write(&buffer, ends[1]);
		assert_true(got > 0);
		sent += (size_t) got;
		assert_int_equal(
			so_byte_buffer_length(&buffer) == 0 ? 0 : so_byte_buffer_write(&buffer, ends[1]), 0);
		while ((got = read(ends[0], drained, sizeof(drained))) > 0)
		{
			for (ssize_t i = 0; i < got; i++)
				assert_int_equal((uint8_t) drained[i], (uint8_t) (total + (size_t) i));
			total += (size_t) got;
		}
	}
	assert_int_equal(total, 300000);
	assert_int_equal(sent, 300000);
	close(ends[0]);
	close(ends[1]);
	so_byte_buffer_free(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_round_trip),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_reader_never_passes_the_end),
		cmocka_unit_test(test_lying_length),
		cmocka_unit_test(test_consume_and_grow),
		cmocka_unit_test(test_absurd_size_fails),
		cmocka_unit_test(test_write_until_it_would_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
