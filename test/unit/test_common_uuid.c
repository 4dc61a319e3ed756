/*
 * test/unit/test_common_uuid.c
 *
 * UUIDs: version and variant of new ones, both spellings, texts that are none.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/uuid.h"

static void
test_generate(void **state)
{
	SoUuid first;
	SoUuid second;
	SoError error;

	(void) state;
	for (int i = 0; i < 64; i++)
	{
		assert_true(so_uuid_generate(&first, &error));
		assert_int_equal(first.bytes[6] >> 4, 4);
		assert_int_equal(first.bytes[8] >> 6, 2);
		assert_true(so_uuid_generate(&second, &error));
		assert_false(so_uuid_equal(&first, &second));
	}
}

static void
test_parse_and_format(void **state)
{
	static const char *const texts[] = {
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11",
		"0F1E7D2C-5A0B-4C55-9D5E-0D6F6F1C2A11",
		"{0f1e7d2c-5A0B-4c55-9D5E-0d6f6f1c2a11}",
	};
	static const uint8_t bytes[SO_UUID_SIZE] = {0x0f, 0x1e, 0x7d, 0x2c, 0x5a, 0x0b, 0x4c, 0x55,
												0x9d, 0x5e, 0x0d, 0x6f, 0x6f, 0x1c, 0x2a, 0x11};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		char buffer[SO_UUID_TEXT_SIZE];
		SoUuid uuid;

		assert_true(so_uuid_parse(texts[i], &uuid));
		assert_memory_equal(uuid.bytes, bytes, sizeof(bytes));
		assert_ptr_equal(so_uuid_format(&uuid, buffer), buffer);
		assert_string_equal(buffer, texts[0]);
	}
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"{}",
		"0f1e7d2c",
		"0f1e7d2c5a0b4c559d5e0d6f6f1c2a11",
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a1",
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a111",
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a1g",
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11 ",
		" 0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11",
		"{0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11",
		"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11}",
		"{0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11}}",
		"0f1e7d2c5-a0b-4c55-9d5e-0d6f6f1c2a11",
		"0f1e7d2c-5a0b-4c55-9d5e_0d6f6f1c2a11",
		"0f1e7d2c--a0b-4c55-9d5e-0d6f6f1c2a11",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		/* A copy of exactly this size, so that reading behind its end is noticed. */
		char *text = test_malloc(strlen(rows[i]) + 1);
		SoUuid uuid;

		memcpy(text, rows[i], strlen(rows[i]) + 1);
		if (so_uuid_parse(text, &uuid))
			fail_msg("\"%s\" was accepted", rows[i]);
		test_free(text);
	}
}

/* Every byte counts. */
static void
test_equal(void **state)
{
	SoUuid one = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

	(void) state;
	for (int i = 0; i < SO_UUID_SIZE; i++)
	{
		SoUuid other = one;

		assert_true(so_uuid_equal(&one, &other));
		other.bytes[i] ^= 0x80;
		assert_false(so_uuid_equal(&one, &other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
