/*
 * test/unit/test_worker_agent_endpoint.c
 *
 * The list of masters: hosts, IPv6, ports, and texts that are no endpoints.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "worker_agent/endpoint.h"

static SoEndpointList list;

static void
test_accepts(void **state)
{
	static const struct
	{
		const char *text;
		const char *host;
		int port;
		const char *url;
	} rows[] = {
		{"https://db:8391", "db", 8391, "https://db:8391"},
		{"https://db", "db", 8391, "https://db:8391"},
		{"https://db/", "db", 8391, "https://db:8391"},
		{"HTTPS://Db.example.com:1", "Db.example.com", 1, "https://Db.example.com:1"},
		{"  https://10.0.0.1:65535\t", "10.0.0.1", 65535, "https://10.0.0.1:65535"},
		{"https://[::1]:9000", "::1", 9000, "https://[::1]:9000"},
		{"https://[fe80::1%eth0]", "fe80::1%eth0", 8391, "https://[fe80::1%eth0]:8391"},
		{"https://my_host-2:8391/ClusterManagement/", "my_host-2", 8391, "https://my_host-2:8391"},
		{"https://my_host-2/ClusterManagement", "my_host-2", 8391, "https://my_host-2:8391"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoError error;

		if (!so_endpoint_parse_list(rows[i].text, &list, &error))
			fail_msg("%s: %s", rows[i].text, error.message);
		assert_int_equal(list.count, 1);
		assert_string_equal(list.endpoints[0].host, rows[i].host);
		assert_int_equal(list.endpoints[0].port, rows[i].port);
		assert_string_equal(list.endpoints[0].url, rows[i].url);
	}
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		"db",
		"db:8391",
		"http://db:8391",
		"https://",
		"https://:8391",
		"https:/db",
		"https://db:",
		"https://db:0",
		"https://db:65536",
		"https://db:99999999999999999999",
		"https://db:-1",
		"https://db:+1",
		"https://db: 1",
		"https://db:80a",
		"https://db:80/path",
		"https://user@db",
		"https://d b",
		"https://::1",
		"https://[::1",
		"https://[]",
		"https://[::1]x",
		"https://[db:80",
		"https://[::1,:8391",
		"https://db?x=1",
		"https://a,",
		",https://a",
		"https://a,,https://b",
		"https://a https://b",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoError error;

		if (so_endpoint_parse_list(rows[i], &list, &error))
			fail_msg("\"%s\" was accepted", rows[i]);
		assert_string_equal(so_error_state(error.code), "SO409");
	}
}

static void
test_address_without_brackets(void **state)
{
	SoError error;

	(void) state;
	assert_false(so_endpoint_parse_list("https://2001:db8::1:8391", &list, &error));
	assert_non_null(strstr(error.message, "an IPv6 address stands in brackets"));
}

static void
test_several(void **state)
{
	SoError error;

	(void) state;
	assert_true(so_endpoint_parse_list("https://a:1, https://b ,\thttps://[::2]:3", &list, &error));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.endpoints[0].url, "https://a:1");
	assert_string_equal(list.endpoints[1].url, "https://b:8391");
	assert_string_equal(list.endpoints[2].url, "https://[::2]:3");
}

static void
test_limits(void **state)
{
	char text[6000] = "";
	size_t used = 0;
	SoError error;

	(void) state;
	for (int i = 0; i < SO_ENDPOINT_MAX; i++)
		used +=
			(size_t) snprintf(text + used, sizeof(text) - used, "%shttps://h%d", i ? "," : "", i);
	assert_true(so_endpoint_parse_list(text, &list, &error));
	assert_int_equal(list.count, SO_ENDPOINT_MAX);
	snprintf(text + used, sizeof(text) - used, ",https://more");
	assert_false(so_endpoint_parse_list(text, &list, &error));
	assert_string_equal(so_error_state(error.code), "SO409");

	/* A host of 255 characters fits, 256 do not. */
	memset(text, 'h', 300);
	memcpy(text, "https://", 8);
	text[8 + 255] = '\0';
	assert_true(so_endpoint_parse_list(text, &list, &error));
	assert_int_equal(strlen(list.endpoints[0].host), 255);
	assert_int_equal(strlen(list.endpoints[0].url), 8 + 255 + 5);
	text[8 + 255] = 'h';
	text[8 + 256] = '\0';
	assert_false(so_endpoint_parse_list(text, &list, &error));

	/* As long as can be, with a bracket that nothing closes: nobody looks behind the end. */
	for (size_t length = 4090; length < 4100; length++)
	{
		memset(text, ' ', length);
		memcpy(text + length - 12, "https://[::1", 12);
		text[length] = '\0';
		assert_false(so_endpoint_parse_list(text, &list, &error));
		assert_string_equal(so_error_state(error.code), "SO409");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_address_without_brackets),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
