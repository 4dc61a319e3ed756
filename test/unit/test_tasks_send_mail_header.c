/*
 * test/unit/test_tasks_send_mail_header.c
 *
 * engine/tasks/send_mail_header.c: encoded words and addresses; and the list
 * of status codes of the HTTP task.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/tasks/http.h"
#include "engine/tasks/send_mail.h"

static void
encodes_headers(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char *longer;

	(void) state;
	assert_string_equal(so_send_mail_header(context, "plain text"), "plain text");
	assert_string_equal(so_send_mail_header(context, "a\r\nBcc: x"), "a  Bcc: x");
	assert_string_equal(so_send_mail_header(context, "Gr\xc3\xbc\xc3\x9f"
													 "e"),
						"=?UTF-8?B?R3LDvMOfZQ==?=");
	assert_string_equal(so_send_mail_header(context, "=?x"), "=?UTF-8?B?PT94?=");
	assert_string_equal(so_send_mail_header(context, ""), "");
	longer = so_send_mail_header(
		context, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
				 "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"
				 "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
	assert_non_null(strstr(longer, "?=\r\n =?UTF-8?B?"));
	/* Words end between characters: 22 of two bytes fit into the first. */
	assert_int_equal(strcspn(longer, "\r"), strlen("=?UTF-8?B?") + 60 + strlen("?="));
	talloc_free(context);
}

static void
finds_addresses(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	assert_string_equal(so_send_mail_address(context, "a@b.c"), "a@b.c");
	assert_string_equal(so_send_mail_address(context, "  a@b.c  "), "a@b.c");
	assert_string_equal(so_send_mail_address(context, "A B <a@b.c>"), "a@b.c");
	assert_null(so_send_mail_address(context, "nobody"));
	assert_null(so_send_mail_address(context, "a b@c"));
	assert_null(so_send_mail_address(context, "a@b\r\nRCPT"));
	assert_null(so_send_mail_address(context, ""));
	talloc_free(context);
}

static void
reads_status_lists(void **state)
{
	(void) state;
	assert_int_equal(so_http_status_matches("200-299", 204), 1);
	assert_int_equal(so_http_status_matches("200-299", 300), 0);
	assert_int_equal(so_http_status_matches("200, 404", 404), 1);
	assert_int_equal(so_http_status_matches("200 - 201 , 404", 201), 1);
	assert_int_equal(so_http_status_matches("", 200), -1);
	assert_int_equal(so_http_status_matches("2xx", 200), -1);
	assert_int_equal(so_http_status_matches("299-200", 200), -1);
	assert_int_equal(so_http_status_matches("200,", 200), -1);
	assert_int_equal(so_http_status_matches("20", 200), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_headers),
		cmocka_unit_test(finds_addresses),
		cmocka_unit_test(reads_status_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
