/*
 * test/unit/test_gateway_door_framing.c
 *
 * Headers of which two programs could read different ends of a request.  That the
 * door asks is shown in test/tap/t/011_gateway_malformed.pl.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/door_connection.h"

/* A header as evhttp keeps it, also one that evhttp_add_header would refuse. */
static void
add(struct evkeyvalq *headers, const char *name, const char *value)
{
	struct evkeyval *header = calloc(1, sizeof(*header));

	assert_non_null(header);
	header->key = strdup(name);
	header->value = strdup(value);
	TAILQ_INSERT_TAIL(headers, header, next);
}

static void
test_headers(void **state)
{
	static const struct
	{
		const char *headers[6]; /* name, value ... */
		const char *problem;    /* NULL: clear */
	} rows[] = {
		{{NULL}, NULL},
		{{"Content-Length", "0"}, NULL},
		{{"content-length", "12", "Host", "a"}, NULL},
		{{"Transfer-Encoding", "Chunked"}, NULL},
		{{"X!#$%&'*+-.^_`|~9", ""}, NULL},
		{{"Content-Length", ""}, "must be a number"},
		{{"Content-Length", "+5"}, "must be a number"},
		{{"Content-Length", "-1"}, "must be a number"},
		{{"Content-Length", "5, 5"}, "must be a number"},
		{{"Content-Length", "0x10"}, "must be a number"},
		{{"Content-Length", "5 "}, "must be a number"},
		{{"Content-Length", "5", "Content-Length", "5"}, "more than once"},
		{{"Content-Length", "5", "CONTENT-LENGTH", "6"}, "more than once"},
		{{"Content-Length", "5", "Transfer-Encoding", "chunked"}, "more than once"},
		{{"Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"}, "more than once"},
		{{"Transfer-Encoding", "identity"}, "must be chunked"},
		{{"Transfer-Encoding", "gzip, chunked"}, "must be chunked"},
		{{"Transfer-Encoding", "chunked\t"}, "must be chunked"},
		{{"Transfer-Encoding", ""}, "must be chunked"},
		{{"Content-Length ", "5"}, "name that is none"},
		{{"Transfer-Encoding\t", "chunked"}, "name that is none"},
		{{"", "x"}, "name that is none"},
		{{"Host", "a", "B\xC3\xBCro", "x"}, "name that is none"},
		{{"a(b)", "x"}, "name that is none"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		struct evkeyvalq headers;
		SoError error;
		bool clear;

		TAILQ_INIT(&headers);
		for (size_t j = 0; j < 6 && rows[i].headers[j] != NULL; j += 2)
			add(&headers, rows[i].headers[j], rows[i].headers[j + 1]);
		clear = so_door_framing_is_clear(&headers, &error);
		if (clear != (rows[i].problem == NULL))
			fail_msg("row %zu, %s: %s", i, rows[i].headers[0], rows[i].headers[1]);
		if (!clear)
		{
			assert_int_equal(error.code, SO_ERR_REQUEST_MALFORMED);
			assert_non_null(strstr(error.message, rows[i].problem));
		}
		evhttp_clear_headers(&headers);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
