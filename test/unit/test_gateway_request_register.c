/*
 * test/unit/test_gateway_request_register.c
 *
 * Registrations and joins: what the master gets of optional members and of
 * certificates, and what is refused.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/certificate_create.h"
#include "gateway/request_register.h"

#define AGENT "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
/* Bytes of the payload up to the body: "192.0.2.7:41822" and no attempts. */
#define HEAD (8 + 1 + 32 + 4 + 15 + 16 + 16 + 8 + 4 + 4 + 4)

static SoRequestOrigin origin = {.request = 77, .peer = "192.0.2.7:41822"};
static char pem[8192];
static SoCertificateFacts facts;

typedef bool (*PutFunction)(const SoRequestOrigin *origin, const json_t *root, SoByteBuffer *out,
							SoError *error);

/* A registration that is accepted. */
static json_t *
registration(void)
{
	json_t *root =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:{}, s:[]}", "protocol",
				  SO_PROTOCOL_VERSION, "agent_id", AGENT, "instance_id", AGENT, "version", "0.1.0",
				  "display_name", "d", "description", "", "machine_name", "m", "user_account", "u",
				  "max_task_count", 5, "capabilities", "held");

	assert_non_null(root);
	return root;
}

static json_t *
joining(void)
{
	json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s}", "agent_id", AGENT, "token",
							 "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "secret", "s3cret",
							 "machine_name", "m", "password", "not known");

	assert_non_null(root);
	return root;
}

/* The body that the master gets; the caller frees it.  root is given up. */
static json_t *
accepted(PutFunction put, json_t *root)
{
	SoByteBuffer out;
	SoFieldReader reader;
	SoError error;
	const char *text;
	size_t size;
	json_t *body;

	so_byte_buffer_init(&out);
	if (!put(&origin, root, &out, &error))
		fail_msg("%s at %s", error.message, error.place);
	so_field_reader_init(&reader, out.data + out.start, so_byte_buffer_length(&out));
	so_get_bytes(&reader, HEAD);
	text = so_get_block(&reader, &size);
	assert_true(so_field_reader_done(&reader));
	body = json_loadb(text, size, 0, NULL);
	assert_non_null(body);
	so_byte_buffer_free(&out);
	json_decref(root);
	return body;
}

static void
refused(PutFunction put, json_t *root, SoErrorCode code, const char *place)
{
	SoByteBuffer out;
	SoError error;

	so_byte_buffer_init(&out);
	assert_false(put(&origin, root, &out, &error));
	if (error.code != code || strcmp(error.place, place) != 0)
		fail_msg("%s at \"%s\" instead of \"%s\"", so_error_state(error.code), error.place, place);
	so_byte_buffer_free(&out);
	json_decref(root);
}

static json_t *
with(json_t *root, const char *name, json_t *value)
{
	assert_non_null(value);
	assert_int_equal(json_object_set_new(root, name, value), 0);
	return root;
}

static json_t *
without(json_t *root, const char *name)
{
	assert_int_equal(json_object_del(root, name), 0);
	return root;
}

static json_t *
long_text(size_t length)
{
	char *text = calloc(1, length + 1);
	json_t *value;

	assert_non_null(text);
	memset(text, 'x', length);
	value = json_string(text);
	free(text);
	return value;
}

/* The certificate as the master gets it. */
static void
check_facts(const json_t *object)
{
	assert_int_equal(json_object_size(object), 5);
	assert_string_equal(json_string_value(json_object_get(object, "thumbprint")),
						facts.thumbprint_text);
	assert_string_equal(json_string_value(json_object_get(object, "subject")), "CN=loader-1");
	assert_int_equal(json_array_size(json_object_get(object, "names")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(object, "names"), 0)),
						"loader-1");
	assert_string_equal(json_string_value(json_array_get(json_object_get(object, "names"), 1)),
						"192.0.2.7");
	assert_true(json_integer_value(json_object_get(object, "not_before")) == facts.not_before);
	assert_true(json_integer_value(json_object_get(object, "not_after")) == facts.not_after);
}

static void
test_optional_members(void **state)
{
	json_t *body = accepted(so_request_put_register, registration());

	(void) state;
	assert_int_equal(json_object_size(body), 11);
	json_decref(body);
	body = accepted(so_request_put_register,
					with(with(with(registration(), "pins_version", json_integer(INT64_MAX)),
							  "tasks_root_folder", long_text(4096)),
						 "next_certificate", json_string(pem)));
	assert_int_equal(json_object_size(body), 14);
	assert_true(json_integer_value(json_object_get(body, "pins_version")) == INT64_MAX);
	assert_int_equal(json_string_length(json_object_get(body, "tasks_root_folder")), 4096);
	check_facts(json_object_get(body, "next_certificate"));
	json_decref(body);
}

static void
test_register_refused(void **state)
{
	const PutFunction put = so_request_put_register;

	(void) state;
	refused(put, with(registration(), "pins_version", json_integer(-1)), SO_ERR_REQUEST_MALFORMED,
			"/pins_version");
	refused(put, with(registration(), "pins_version", json_null()), SO_ERR_REQUEST_MALFORMED,
			"/pins_version");
	refused(put, with(registration(), "tasks_root_folder", json_true()), SO_ERR_REQUEST_MALFORMED,
			"/tasks_root_folder");
	refused(put, with(registration(), "tasks_root_folder", long_text(4097)),
			SO_ERR_REQUEST_MALFORMED, "/tasks_root_folder");
	refused(put, with(registration(), "next_certificate", json_string("no PEM")),
			SO_ERR_CERTIFICATE_MALFORMED, "");
	refused(put, with(registration(), "next_certificate", long_text(16 * 1024 + 1)),
			SO_ERR_REQUEST_MALFORMED, "/next_certificate");
	refused(put, with(registration(), "display_name", long_text(1025)), SO_ERR_REQUEST_MALFORMED,
			"/display_name");
	refused(put, with(registration(), "max_task_count", json_integer(100001)),
			SO_ERR_REQUEST_MALFORMED, "/max_task_count");
	refused(put, with(registration(), "protocol", json_integer(SO_PROTOCOL_VERSION + 1)),
			SO_ERR_PROTOCOL_UNKNOWN, "/protocol");
	refused(put, with(registration(), "capabilities", json_pack("{s:o}", "a", long_text(65536))),
			SO_ERR_REQUEST_TOO_LARGE, "/capabilities");
	refused(put, without(registration(), "instance_id"), SO_ERR_REQUEST_MALFORMED, "/instance_id");
	refused(put, without(registration(), "held"), SO_ERR_REQUEST_MALFORMED, "/held");
	refused(put, without(registration(), "capabilities"), SO_ERR_REQUEST_MALFORMED,
			"/capabilities");
}

static void
test_join(void **state)
{
	json_t *body;

	(void) state;
	origin.certificate = &facts;
	body = accepted(so_request_put_join, joining());
	assert_int_equal(json_object_size(body), 4);
	assert_string_equal(json_string_value(json_object_get(body, "token")),
						"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	assert_string_equal(json_string_value(json_object_get(body, "secret")), "s3cret");
	assert_string_equal(json_string_value(json_object_get(body, "machine_name")), "m");
	check_facts(json_object_get(body, "certificate"));
	json_decref(body);

	refused(so_request_put_join, without(joining(), "agent_id"), SO_ERR_REQUEST_MALFORMED,
			"/agent_id");
	refused(so_request_put_join, with(joining(), "token", json_string("17")),
			SO_ERR_REQUEST_MALFORMED, "/token");
	refused(so_request_put_join, with(joining(), "secret", json_integer(1)),
			SO_ERR_REQUEST_MALFORMED, "/secret");
	refused(so_request_put_join, with(joining(), "secret", long_text(1025)),
			SO_ERR_REQUEST_MALFORMED, "/secret");
	refused(so_request_put_join, without(joining(), "machine_name"), SO_ERR_REQUEST_MALFORMED,
			"/machine_name");
	origin.certificate = NULL;
	refused(so_request_put_join, joining(), SO_ERR_CERTIFICATE_REQUIRED, "");
}

/* A certificate of a worker, as PEM and as facts. */
static int
make_certificate(void **state)
{
	static const char *const names[] = {"loader-1", "192.0.2.7"};
	const SoCertificateRequest request = {
		.common_name = "loader-1", .names = names, .name_count = 2, .agent_id = AGENT, .days = 30};
	char folder[] = "/tmp/scaleout-request-XXXXXX";
	char certificate[64];
	char key[64];
	SoError error;
	FILE *file;

	(void) state;
	assert_non_null(mkdtemp(folder));
	snprintf(certificate, sizeof(certificate), "%s/worker.crt", folder);
	snprintf(key, sizeof(key), "%s/worker.key", folder);
	assert_true(so_certificate_create(&request, certificate, key, &error));
	file = fopen(certificate, "r");
	assert_non_null(file);
	assert_in_range(fread(pem, 1, sizeof(pem) - 1, file), 1, sizeof(pem) - 2);
	fclose(file);
	assert_true(so_certificate_read(pem, strlen(pem), &facts, &error));
	unlink(certificate);
	unlink(key);
	rmdir(folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_optional_members),
		cmocka_unit_test(test_register_refused),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, make_certificate, NULL);
}
