/*
 * test/unit/test_worker_agent_spool.c
 *
 * The spool: what is added comes back until it is settled, across restarts, torn
 * and damaged records, and many segments.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "worker_agent/spool.h"

static char folder[64];
static char log_text[65536];

static void
remember_log(const SoLogRecord *record, void *context)
{
	const char *line = record->line;

	(void) context;
	if (strlen(log_text) + strlen(line) + 2 < sizeof(log_text))
	{
		strcat(log_text, line);
		strcat(log_text, "\n");
	}
}

static int
set_up(void **state)
{
	(void) state;
	strcpy(folder, "/tmp/scaleout-spool-XXXXXX");
	log_text[0] = '\0';
	so_log_set_sink(remember_log, NULL);
	return mkdtemp(folder) == NULL;
}

static void
each_file(void (*action)(const char *path))
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < count; i++)
	{
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			action(path);
		free(names[i]);
	}
	free(names);
}

static void
remove_file(const char *path)
{
	unlink(path);
}

static int
tear_down(void **state)
{
	(void) state;
	each_file(remove_file);
	rmdir(folder);
	so_log_set_sink(NULL, NULL);
	return 0;
}

static SoSpool *
open_spool(size_t segment_size)
{
	SoError error;
	SoSpool *spool = so_spool_open(NULL, folder, segment_size, &error);

	assert_non_null(spool);
	return spool;
}

static SoUuid
task_number(int number)
{
	SoUuid uuid = {{0}};

	uuid.bytes[0] = (uint8_t) number;
	return uuid;
}

static void
add(SoSpool *spool, int task, uint64_t sequence, SoItemKind kind)
{
	SoUuid uuid = task_number(task);
	char text[200];
	SoError error;

	snprintf(text, sizeof(text), "{\"type\":\"%s\",\"n\":%d}",
			 kind == SO_ITEM_RESULT ? "result" : "event", (int) sequence);
	so_spool_append(spool, &uuid, 1, sequence, kind, text, strlen(text));
	assert_true(so_spool_flush(spool, &error));
}

static void
acknowledge(SoSpool *spool, int task, uint64_t sequence)
{
	SoUuid uuid = task_number(task);
	SoByteBuffer out;
	SoError error;

	/* Only what was sent can be acknowledged. */
	so_byte_buffer_init(&out);
	so_spool_collect(spool, &out, INT32_MAX, SIZE_MAX);
	so_byte_buffer_free(&out);
	so_spool_acknowledge(spool, &uuid, 1, sequence);
	assert_true(so_spool_flush(spool, &error));
}

/* What would be sent: an array of items. */
static json_t *
collect(SoSpool *spool, int max_items, size_t max_bytes)
{
	SoByteBuffer out;
	int count;
	json_t *items;

	so_byte_buffer_init(&out);
	so_put_bytes(&out, "[", 1);
	count = so_spool_collect(spool, &out, max_items, max_bytes);
	so_put_bytes(&out, "]", 1);
	items = json_loadb((char *) out.data + out.start, so_byte_buffer_length(&out), 0, NULL);
	assert_non_null(items);
	assert_int_equal(json_array_size(items), count);
	so_byte_buffer_free(&out);
	return items;
}

static int
collected(SoSpool *spool)
{
	json_t *items = collect(spool, 100000, 1 << 30);
	int count = (int) json_array_size(items);

	json_decref(items);
	return count;
}

static void
test_until_acknowledged(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	SoUuid task = task_number(1);
	json_t *items;
	json_t *item;

	(void) state;
	add(spool, 1, 1, SO_ITEM_STARTED);
	add(spool, 1, 2, SO_ITEM_RESULT);
	assert_true(so_spool_has_result(spool, &task, 1));
	assert_false(so_spool_has_result(spool, &task, 2));
	items = collect(spool, 10, 1000);
	item = json_array_get(items, 1);
	assert_string_equal(json_string_value(json_object_get(item, "task")),
						"01000000-0000-0000-0000-000000000000");
	assert_int_equal(json_integer_value(json_object_get(item, "attempt")), 1);
	assert_int_equal(json_integer_value(json_object_get(item, "sequence")), 2);
	assert_string_equal(json_string_value(json_object_get(item, "type")), "result");
	json_decref(items);
	/* Not settled: the same again. */
	assert_int_equal(collected(spool), 2);
	acknowledge(spool, 1, 1);
	assert_int_equal(collected(spool), 1);
	acknowledge(spool, 1, 2);
	assert_int_equal(so_spool_waiting(spool), 0);
	assert_false(so_spool_has_result(spool, &task, 1));
	so_spool_close(spool);
}

static void
test_survives_restart(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	SoUuid task = task_number(1);
	SoUuid other = task_number(2);

	(void) state;
	for (uint64_t i = 1; i <= 5; i++)
		add(spool, 1, i, SO_ITEM_EVENT);
	add(spool, 2, 1, SO_ITEM_STARTED);
	add(spool, 2, 2, SO_ITEM_RESULT);
	acknowledge(spool, 1, 3);
	so_spool_close(spool);
	for (int i = 0; i < 3; i++)
	{
		spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
		assert_int_equal(so_spool_waiting(spool), 4);
		assert_int_equal(collected(spool), 4);
		assert_false(so_spool_has_result(spool, &task, 1));
		assert_true(so_spool_has_result(spool, &other, 1));
		so_spool_close(spool);
	}
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	so_spool_reject(spool, &task, 1, 4);
	so_spool_discard_result(spool, &other, 1);
	so_spool_close(spool);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(so_spool_waiting(spool), 2);
	assert_false(so_spool_has_result(spool, &other, 1));
	so_spool_close(spool);
	assert_string_equal(log_text, "");
}

static void
cut_tail(const char *path)
{
	struct stat facts;

	if (stat(path, &facts) == 0 && facts.st_size > 0)
		assert_int_equal(truncate(path, facts.st_size - 3), 0);
}

static void
test_torn_record(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	SoUuid task = task_number(1);

	(void) state;
	add(spool, 1, 1, SO_ITEM_STARTED);
	add(spool, 1, 2, SO_ITEM_EVENT);
	add(spool, 1, 3, SO_ITEM_RESULT);
	so_spool_close(spool);
	each_file(cut_tail);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(so_spool_waiting(spool), 2);
	assert_false(so_spool_has_result(spool, &task, 1));
	assert_non_null(strstr(log_text, "SO441"));
	/* New records go to a new segment and are not hidden by the torn one. */
	add(spool, 2, 1, SO_ITEM_RESULT);
	so_spool_close(spool);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(so_spool_waiting(spool), 3);
	so_spool_close(spool);
}

static void
flip_byte(const char *path)
{
	char byte;
	int fd = open(path, O_RDWR);

	if (pread(fd, &byte, 1, 50) == 1)
	{
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, 50), 1);
	}
	close(fd);
}

static void
test_damaged_record(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);

	(void) state;
	add(spool, 1, 1, SO_ITEM_STARTED); /* bytes 0 to 59 */
	add(spool, 1, 2, SO_ITEM_RESULT);
	so_spool_close(spool);
	each_file(flip_byte);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(so_spool_waiting(spool), 0);
	assert_non_null(strstr(log_text, "SO441"));
	so_spool_close(spool);
}

static void
test_gap(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);

	(void) state;
	add(spool, 1, 4, SO_ITEM_EVENT); /* the beginning was acknowledged long ago */
	add(spool, 1, 5, SO_ITEM_EVENT);
	add(spool, 1, 7, SO_ITEM_RESULT);
	so_spool_close(spool);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(so_spool_waiting(spool), 2);
	assert_non_null(strstr(log_text, "does not follow"));
	so_spool_close(spool);
}

static void
test_segments(void **state)
{
	SoSpool *spool = open_spool(500);

	(void) state;
	for (uint64_t i = 1; i <= 100; i++)
		add(spool, 1, i, SO_ITEM_EVENT);
	assert_true(so_spool_segment_count(spool) > 10);
	so_spool_close(spool);
	spool = open_spool(500);
	assert_int_equal(so_spool_waiting(spool), 100);
	assert_int_equal(collected(spool), 100);
	acknowledge(spool, 1, 100);
	acknowledge(spool, 1, 100);
	add(spool, 2, 1, SO_ITEM_EVENT);
	acknowledge(spool, 2, 1);
	assert_in_range(so_spool_segment_count(spool), 1, 2);
	so_spool_close(spool);
	spool = open_spool(500);
	assert_int_equal(so_spool_waiting(spool), 0);
	so_spool_close(spool);
}

static void
test_fair_and_limited(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	json_t *items;
	bool seen = false;

	(void) state;
	for (uint64_t i = 1; i <= 3000; i++)
		add(spool, 1, i, SO_ITEM_EVENT);
	add(spool, 2, 1, SO_ITEM_RESULT);
	items = collect(spool, 2000, 1 << 20);
	for (size_t i = 0; i < json_array_size(items); i++)
		seen = seen || strncmp(json_string_value(json_object_get(json_array_get(items, i), "task")),
							   "02", 2) == 0;
	assert_true(seen);
	json_decref(items);
	items = collect(spool, 2000, 500);
	assert_in_range(json_array_size(items), 1, 20);
	json_decref(items);
	items = collect(spool, 1, 10);
	assert_int_equal(json_array_size(items), 1);
	json_decref(items);
	so_spool_close(spool);
}

static void
test_replace(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	SoUuid task;
	uint32_t attempt;
	uint64_t sequence;
	SoItemKind kind;
	json_t *items;

	(void) state;
	add(spool, 1, 1, SO_ITEM_EVENT);
	add(spool, 2, 1, SO_ITEM_RESULT);
	json_decref(collect(spool, 1, 100));
	assert_true(so_spool_replace_first(spool,
									   "{\"type\":\"replaced, and longer than it was before\"}",
									   &task, &attempt, &sequence, &kind));
	assert_int_equal(task.bytes[0], 1);
	assert_int_equal(kind, SO_ITEM_EVENT);
	assert_int_equal(sequence, 1);
	items = collect(spool, 10, 1000);
	assert_int_equal(json_array_size(items), 2);
	json_decref(items);
	acknowledge(spool, 1, 1);
	assert_int_equal(so_spool_waiting(spool), 1);
	so_spool_close(spool);
}

/* Checkpoints may hold secrets: they are sent, and are not in the files. */
static void
test_checkpoint(void **state)
{
	static const char text[] = "{\"type\":\"checkpoint\",\"secret\":\"hidden words\"}";
	SoUuid uuid = task_number(1);
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	SoError error;
	json_t *items;

	(void) state;
	add(spool, 1, 1, SO_ITEM_EVENT);
	so_spool_append(spool, &uuid, 1, 2, SO_ITEM_CHECKPOINT, text, strlen(text));
	items = collect(spool, 10, 1000);
	assert_int_equal(json_array_size(items), 1); /* nothing unwritten is sent */
	json_decref(items);
	assert_true(so_spool_flush(spool, &error));
	items = collect(spool, 10, 1000);
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 1), "secret")),
						"hidden words");
	json_decref(items);
	so_spool_close(spool);
	/* In another life of the agent its sequence is taken by a stub. */
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	items = collect(spool, 10, 1000);
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 1), "type")),
						"checkpoint");
	assert_null(json_object_get(json_array_get(items, 1), "secret"));
	json_decref(items);
	so_spool_close(spool);
}

/* A full disk: nothing is lost, nothing unwritten is sent, and it goes on when there is room. */
static void
test_full_disk(void **state)
{
	SoSpool *spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	struct rlimit old;
	struct rlimit tight;
	SoUuid task = task_number(1);
	char text[1000];
	SoError error;

	(void) state;
	signal(SIGXFSZ, SIG_IGN);
	add(spool, 1, 1, SO_ITEM_STARTED);
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"a\":1", 6);
	text[sizeof(text) - 1] = '}';
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = 300;
	setrlimit(RLIMIT_FSIZE, &tight);
	so_spool_append(spool, &task, 1, 2, SO_ITEM_EVENT, text, sizeof(text));
	assert_false(so_spool_flush(spool, &error));
	assert_int_equal(error.code, SO_ERR_AGENT_SPOOL_WRITE);
	assert_true(so_spool_unwritten(spool) > 1000);
	assert_int_equal(so_spool_waiting(spool), 2);
	assert_int_equal(collected(spool), 1);
	assert_false(so_spool_flush(spool, &error));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(so_spool_flush(spool, &error));
	assert_int_equal(collected(spool), 2);
	so_spool_close(spool);
	spool = open_spool(SO_SPOOL_SEGMENT_SIZE);
	assert_int_equal(collected(spool), 2);
	so_spool_close(spool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_until_acknowledged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survives_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_segments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fair_and_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_checkpoint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
