/*
 * test/unit/test_connections_transfer.c
 *
 * Transfers: which URLs belong to which connection, paths on the server, refused and
 * silent servers, cancel and deadline.
 *
 * Process: unit test; a listening socket on loopback that never answers plays the server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/connections/transfer.h"
#include "engine/model/object_types.h"

static TALLOC_CTX *context;
static SoError error;

static int
begin(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static SoTransfer *
open_transfer(const char *type, const char *url, const SoWait *wait)
{
	static const SoWait for_ever = {.cancel_fd = -1};
	SoObject *object = so_object_new(context, so_connection_type_find(type));
	SoValue value = so_value_string(context, url);

	assert_true(so_object_set(object, "connection_string", &value, &error));
	return so_transfer_new(context, object, "server", wait != NULL ? wait : &for_ever, &error);
}

static void
test_kinds(void **state)
{
	static const struct
	{
		const char *type;
		const char *url;
		const char *scheme;
		const char *base;
	} rows[] = {
		{"ftp", "ftp://h", "ftp", "ftp://h"},
		{"ftp", "SFTP://h/in//", "sftp", "SFTP://h/in"},
		{"ftp", "ftps://h:990/", "ftps", "ftps://h:990"},
		{"http", "https://h/v1/", "https", "https://h/v1"},
		{"smtp", "smtps://h:465", "smtps", "smtps://h:465"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoTransfer *transfer = open_transfer(rows[i].type, rows[i].url, NULL);

		assert_non_null(transfer);
		assert_string_equal(transfer->scheme, rows[i].scheme);
		assert_string_equal(transfer->base, rows[i].base);
		so_transfer_free(transfer);
	}
	so_transfer_free(NULL);
}

/* What is refused is not quoted: a password may be in it. */
static void
test_refused(void **state)
{
	static const char *const rows[][2] = {
		{"ftp", "http://me:secret@h"}, {"http", "ftp://me:secret@h"}, {"http", "secret.example"},
		{"smtp", "https://secret"},    {"http", "file:///secret"},    {"ftp", "secret"},
		{"http", "://secret"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		assert_null(open_transfer(rows[i][0], rows[i][1], NULL));
		assert_string_equal(so_error_state(error.code), "SO830");
		assert_null(strstr(error.message, "secret"));
		assert_null(strstr(error.detail, "secret"));
		assert_null(strstr(error.hint, "secret"));
		assert_non_null(strstr(error.hint, rows[i][0]));
	}
}

/* From the server's root with /, from the folder of the connection without. */
static void
test_url(void **state)
{
	static const char *const rows[][4] = {
		{"http", "https://h/v1", "items", "https://h/v1/items"},
		{"http", "https://h/v1", "/items", "https://h/items"},
		{"http", "https://h", "items", "https://h/items"},
		{"http", "https://h:8443/v1/", "a b/\xc3\xa4?#%",
		 "https://h:8443/v1/a%20b/%C3%A4%3F%23%25"},
		{"ftp", "ftp://h/in", "a.csv", "ftp://h/in/a.csv"},
		{"ftp", "ftp://h/in", "/srv/a.csv", "ftp://h/%2Fsrv/a.csv"},
		{"ftp", "ftp://h", "a.csv", "ftp://h/a.csv"},
		{"ftp", "ftps://h", "/a.csv", "ftps://h/%2Fa.csv"},
		{"ftp", "sftp://h/in", "a.csv", "sftp://h/in/a.csv"},
		{"ftp", "sftp://h", "a.csv", "sftp://h/~/a.csv"},
		{"ftp", "sftp://h/in", "/srv/a.csv", "sftp://h/srv/a.csv"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoTransfer *transfer = open_transfer(rows[i][0], rows[i][1], NULL);

		assert_non_null(transfer);
		assert_string_equal(so_transfer_url(transfer, rows[i][2]), rows[i][3]);
		so_transfer_free(transfer);
	}
}

static void
test_passing(void **state)
{
	(void) state;
	assert_true(so_transfer_is_passing(CURLE_COULDNT_CONNECT));
	assert_true(so_transfer_is_passing(CURLE_PARTIAL_FILE));
	assert_true(so_transfer_is_passing(CURLE_OPERATION_TIMEDOUT));
	assert_false(so_transfer_is_passing(CURLE_OK));
	assert_false(so_transfer_is_passing(CURLE_LOGIN_DENIED));
	assert_false(so_transfer_is_passing(CURLE_REMOTE_FILE_NOT_FOUND));
	assert_false(so_transfer_is_passing(CURLE_ABORTED_BY_CALLBACK));
}

/* A socket on loopback whose backlog takes connections that nobody accepts. */
static int
silent_server(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *) &address, length), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static CURLcode
get(int port, const SoWait *wait)
{
	SoTransfer *transfer =
		open_transfer("http", talloc_asprintf(context, "http://127.0.0.1:%d", port), wait);
	CURLcode code;

	assert_non_null(transfer);
	assert_true(so_transfer_prepare(transfer, so_transfer_url(transfer, "x"), &error));
	code = so_transfer_perform(transfer, &error);
	so_transfer_free(transfer);
	return code;
}

static void
test_nobody_there(void **state)
{
	SoWait wait = {.cancel_fd = -1};
	int port;
	int fd = silent_server(&port);

	(void) state;
	close(fd);
	assert_int_equal(get(port, &wait), CURLE_COULDNT_CONNECT);
	assert_int_equal(error.code, SO_ERR_TASK_CONNECT_FAILED);
	assert_string_equal(error.place, "server");
}

static void
test_deadline(void **state)
{
	int port;
	int fd = silent_server(&port);
	SoWait wait = {.cancel_fd = -1, .time_out_ms = 20};

	(void) state;
	wait.deadline_ms = so_clock_monotonic_ms() + 20;
	assert_int_equal(get(port, &wait), CURLE_ABORTED_BY_CALLBACK);
	assert_string_equal(so_error_state(error.code), "SO806");
	close(fd);
}

static void
test_cancel(void **state)
{
	int port;
	int fd = silent_server(&port);
	SoWait wait = {.cancel_fd = eventfd(1, EFD_CLOEXEC)};

	(void) state;
	assert_int_equal(get(port, &wait), CURLE_ABORTED_BY_CALLBACK);
	assert_string_equal(so_error_state(error.code), "SO807");
	close(wait.cancel_fd);
	close(fd);
}

/* An answer is collected up to its limit, terminated. */
static void
test_write_text(void **state)
{
	SoTransferText text = {.context = context, .limit = 10};
	char bytes[] = "12345";

	(void) state;
	assert_int_equal(so_transfer_write_text(bytes, 1, 5, &text), 5);
	assert_int_equal(so_transfer_write_text(bytes, 5, 1, &text), 5);
	assert_string_equal(text.bytes, "1234512345");
	assert_false(text.overflow);
	assert_int_equal(so_transfer_write_text(bytes, 1, 1, &text), 0);
	assert_true(text.overflow);
	assert_int_equal(text.length, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_url, begin, end),
		cmocka_unit_test_setup_teardown(test_passing, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_there, begin, end),
		cmocka_unit_test_setup_teardown(test_deadline, begin, end),
		cmocka_unit_test_setup_teardown(test_cancel, begin, end),
		cmocka_unit_test_setup_teardown(test_write_text, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
