/*
 * test/unit/test_worker_agent_pins.c
 *
 * Announced and retired thumbprints of the master: the command, the file, and
 * what becomes of the pins in the settings.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker_agent/pins.h"

#define ONE   "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO   "2222222222222222222222222222222222222222222222222222222222222222"
#define THREE "3333333333333333333333333333333333333333333333333333333333333333"

static int synchronized_folders;

/* In the place of the library's, counting. */
int
fsync(int fd)
{
	struct stat facts;

	if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode))
		synchronized_folders++;
	return (int) syscall(SYS_fsync, fd);
}

static bool
parse(const char *text, SoPins *pins)
{
	json_t *command = json_loads(text, 0, NULL);
	bool ok = so_pins_parse(command, pins);

	json_decref(command);
	return ok;
}

static void
pin(SoMasterAddress *address, const char *text)
{
	SoError error;

	assert_true(so_thumbprint_parse(text, &address->pins[address->pin_count++], &error));
}

static bool
accepts(const SoMasterAddress *address, const char *text)
{
	SoThumbprint wanted;
	SoError error;

	assert_true(so_thumbprint_parse(text, &wanted, &error));
	for (int i = 0; i < address->pin_count; i++)
	{
		if (so_thumbprint_equal(&address->pins[i], &wanted))
			return true;
	}
	return false;
}

static void
test_command(void **state)
{
	SoPins pins;

	(void) state;
	assert_true(
		parse("{\"version\":3,\"thumbprints\":[\"" ONE "\"],\"retired\":[\"" TWO "\"]}", &pins));
	assert_int_equal(pins.version, 3);
	assert_int_equal(pins.trusted_count, 1);
	assert_int_equal(pins.retired_count, 1);
	assert_false(parse("{\"version\":3,\"thumbprints\":[],\"retired\":[]}", &pins));
	assert_false(parse("{\"version\":3,\"thumbprints\":[\"12\"],\"retired\":[]}", &pins));
	assert_false(parse("{\"version\":3,\"thumbprints\":[\"" ONE "\"]}", &pins));
	assert_false(parse("{}", &pins));
}

static void
test_address(void **state)
{
	SoMasterAddress address = {.endpoints = {.count = 1}};
	SoPins pins;

	(void) state;
	snprintf(address.endpoints.endpoints[0].url, sizeof(address.endpoints.endpoints[0].url),
			 "https://one:8391");
	assert_true(parse("{\"version\":3,\"address\":\"https://etl.example:18391\",\"thumbprints\":"
					  "[\"" ONE "\"],\"retired\":[]}",
					  &pins));
	assert_string_equal(pins.endpoint.host, "etl.example");
	assert_int_equal(pins.endpoint.port, 18391);
	/* What the settings say is tried first; twice the same is once. */
	so_pins_apply(&pins, &address);
	so_pins_apply(&pins, &address);
	assert_int_equal(address.endpoints.count, 2);
	assert_string_equal(address.endpoints.endpoints[1].url, "https://etl.example:18391");
	assert_int_equal(so_endpoint_find(&address.endpoints, "https://one:8391"), 0);
	assert_int_equal(so_endpoint_find(&address.endpoints, "https://two:8391"), -1);
	/* None, and one that is not understood: the thumbprints count all the same. */
	assert_true(parse(
		"{\"version\":3,\"address\":null,\"thumbprints\":[\"" ONE "\"],\"retired\":[]}", &pins));
	assert_string_equal(pins.endpoint.url, "");
	assert_true(parse("{\"version\":3,\"address\":\"ftp://a,b\",\"thumbprints\":[\"" ONE
					  "\"],\"retired\":[]}",
					  &pins));
	assert_string_equal(pins.endpoint.url, "");
	assert_int_equal(pins.trusted_count, 1);
}

static void
test_full_list(void **state)
{
	SoMasterAddress address = {.pin_count = 0};
	SoPins pins;
	SoError error;
	char text[1000] = "";

	(void) state;
	for (int i = 0; i < SO_ENDPOINT_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%shttps://h%d:1",
				 i > 0 ? "," : "", i);
	assert_true(so_endpoint_parse_list(text, &address.endpoints, &error));
	assert_true(parse("{\"version\":3,\"address\":\"https://last:2\",\"thumbprints\":[\"" ONE
					  "\"],\"retired\":[]}",
					  &pins));
	so_pins_apply(&pins, &address);
	assert_int_equal(so_endpoint_find(&address.endpoints, "https://last:2"), SO_ENDPOINT_MAX);
}

static void
test_apply(void **state)
{
	SoMasterAddress address = {.pin_count = 0};
	SoPins pins;

	(void) state;
	pin(&address, ONE);
	pin(&address, TWO);
	assert_true(
		parse("{\"version\":3,\"thumbprints\":[\"" THREE "\"],\"retired\":[\"" ONE "\"]}", &pins));
	so_pins_apply(&pins, &address);
	assert_int_equal(address.pin_count, 2);
	assert_true(accepts(&address, TWO) && accepts(&address, THREE));
	/* Without anything announced nothing changes, and never is the list empty. */
	memset(&pins, 0, sizeof(pins));
	so_pins_apply(&pins, &address);
	assert_int_equal(address.pin_count, 2);
	pins.retired_count = 2;
	memcpy(pins.retired, address.pins, 2 * sizeof(SoThumbprint));
	so_pins_apply(&pins, &address);
	assert_int_equal(address.pin_count, 2);
}

static void
test_file(void **state)
{
	char folder[] = "/tmp/test_pins.XXXXXX";
	char path[100];
	SoSettings settings = {.security_directory = folder};
	SoPins pins;
	SoPins again;
	SoError error;
	FILE *file;

	(void) state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/master_pins", folder);
	assert_true(so_pins_read(&settings, &again, &error));
	assert_int_equal(again.version, 0);
	assert_true(parse("{\"version\":7,\"address\":\"https://[::1]:8391\",\"thumbprints\":[\"" ONE
					  "\",\"" TWO "\"],\"retired\":[\"" THREE "\"]}",
					  &pins));
	synchronized_folders = 0;
	assert_true(so_pins_write(&settings, &pins, &error));
	assert_int_equal(synchronized_folders, 1);
	assert_true(so_pins_read(&settings, &again, &error));
	assert_memory_equal(&pins, &again, sizeof(pins));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("trust nonsense\n", file);
	fclose(file);
	assert_false(so_pins_read(&settings, &again, &error));
	assert_int_equal(again.trusted_count, 0);
	unlink(path);
	rmdir(folder);
}

/* However often certificates were replaced: the pin of the settings stays retired. */
static void
test_many_retired(void **state)
{
	SoMasterAddress address = {.endpoints = {.count = 1}};
	char folder[] = "/tmp/test_pins.XXXXXX";
	char path[100];
	SoSettings settings = {.security_directory = folder};
	char text[256 * 70 + 200];
	size_t used;
	SoPins pins;
	SoPins again;
	SoError error;

	(void) state;
	used = (size_t) snprintf(text, sizeof(text),
							 "{\"version\":9,\"thumbprints\":[\"" TWO "\"],\"retired\":[");
	for (int i = 0; i < 255; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "\"%064x\",", i);
	snprintf(text + used, sizeof(text) - used, "\"" ONE "\"]}");
	assert_true(parse(text, &pins));
	assert_int_equal(pins.retired_count, 256);
	assert_non_null(mkdtemp(folder));
	assert_true(so_pins_write(&settings, &pins, &error));
	assert_true(so_pins_read(&settings, &again, &error));
	assert_int_equal(again.retired_count, 256);
	pin(&address, ONE);
	so_pins_apply(&again, &address);
	assert_true(accepts(&address, TWO));
	assert_false(accepts(&address, ONE));
	snprintf(path, sizeof(path), "%s/master_pins", folder);
	unlink(path);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),   cmocka_unit_test(test_address),
		cmocka_unit_test(test_full_list), cmocka_unit_test(test_apply),
		cmocka_unit_test(test_file),      cmocka_unit_test(test_many_retired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
