/*
 * test/unit/test_worker_agent_log_reader.c
 *
 * Reading task logs: segments in their order, pieces that end with lines, the
 * end of a long log, and nothing outside of the folder of the task.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/protocol.h"
#include "worker_agent/log_reader.h"
#include "worker_agent/task_log.h"

#define TASK "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"

static char folder[40];
static SoLogWanted wanted;

static const char *
path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/" TASK "/%s", folder, name);
	return path;
}

static void
write_file(const char *name, const char *bytes, size_t size)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t) size);
	close(fd);
}

static void
write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static int
setup(void **state)
{
	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_log_reader.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	memset(&wanted, 0, sizeof(wanted));
	wanted.root = folder;
	wanted.attempt = 1;
	wanted.from = 0;
	wanted.limit = 1 << 22;
	if (!so_uuid_parse(TASK, &wanted.task))
		return -1;
	return mkdir(path_of(""), 0700);
}

static int
teardown(void **state)
{
	char command[100];

	(void) state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* Read what is wanted: the text, terminated, for the caller to free. */
static char *
read_text(SoLogPiece *piece)
{
	SoError error;
	char *text;

	if (!so_log_reader_read(&wanted, piece, &error))
		fail_msg("%s %s %s", so_error_state(error.code), error.message, error.detail);
	text = strndup(piece->text.data != NULL ? (char *) piece->text.data + piece->text.start : "",
				   so_byte_buffer_length(&piece->text));
	so_byte_buffer_free(&piece->text);
	assert_non_null(text);
	return text;
}

static void
assert_piece(const char *text, int64_t offset, int64_t bytes, int64_t size, bool end)
{
	SoLogPiece piece;
	char *got = read_text(&piece);

	assert_string_equal(got, text);
	assert_int_equal(piece.offset, offset);
	assert_int_equal(piece.bytes, bytes);
	assert_int_equal(piece.size, size);
	assert_int_equal(piece.end, end);
	free(got);
}

static void
assert_refused(const char *code)
{
	SoLogPiece piece;
	SoError error;

	assert_false(so_log_reader_read(&wanted, &piece, &error));
	assert_string_equal(so_error_state(error.code), code);
	so_byte_buffer_free(&piece.text);
}

static void
test_segment_names(void **state)
{
	static const struct
	{
		const char *name;
		int segment;
	} rows[] = {
		{"attempt-3.log", 1},
		{"attempt-3.2.log", 2},
		{"attempt-3.10.log", 10},
		{"attempt-3.1.log", 0},
		{"attempt-3.02.log", 0},
		{"attempt-3.-2.log", 0},
		{"attempt-3.+2.log", 0},
		{"attempt-3. 2.log", 0},
		{"attempt-3.2.log.gz", 0},
		{"attempt-3.2log", 0},
		{"attempt-3.99999999999999999999.log", 0},
		{"attempt-3.4294967298.log", 0},
		{"attempt-33.log", 0},
		{"attempt-2.log", 0},
		{"attempt-3", 0},
		{"../attempt-3.log", 0},
		{"", 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(so_log_reader_segment(rows[i].name, 3), rows[i].segment);
}

static void
test_segments(void **state)
{
	(void) state;
	write_text("attempt-1.10.log", "ten\n");
	write_text("attempt-1.log", "one\n");
	write_text("attempt-1.2.log", "two\n");
	write_text("attempt-2.log", "another attempt\n");
	assert_piece("one\ntwo\nten\n", 0, 12, 12, true);
	wanted.from = 4;
	assert_piece("two\nten\n", 4, 8, 12, true);
	wanted.from = 6;
	assert_piece("o\nten\n", 6, 6, 12, true);
	wanted.from = 12;
	assert_piece("", 12, 0, 12, true);
	wanted.from = 999;
	assert_piece("", 12, 0, 12, true);
	/* It has grown since. */
	wanted.from = 12;
	write_text("attempt-1.10.log", "more\n");
	assert_piece("more\n", 12, 5, 17, true);
}

static void
test_end_of_log(void **state)
{
	(void) state;
	write_text("attempt-1.log", "first line\nsecond line\nthird\n");
	wanted.from = SO_LOG_FROM_END;
	assert_piece("first line\nsecond line\nthird\n", 0, 29, 29, true);
	/* It begins with a line. */
	wanted.limit = 10;
	assert_piece("third\n", 23, 6, 29, true);
	/* Nothing but the end of one line fits. */
	wanted.limit = 4;
	assert_piece("ird\n", 25, 4, 29, true);
	/* From a byte on, the limit ends with a line. */
	wanted.from = 0;
	wanted.limit = 15;
	assert_piece("first line\n", 0, 11, 29, true);
}

static void
test_growing(void **state)
{
	(void) state;
	write_text("attempt-1.log", "whole\nhalf");
	wanted.growing = true;
	assert_piece("whole\n", 0, 6, 10, true);
	wanted.from = 6;
	assert_piece("", 6, 0, 10, true);
	write_text("attempt-1.log", " and half\n");
	assert_piece("half and half\n", 6, 14, 20, true);
	wanted.from = 0;
	wanted.growing = false;
	write_text("attempt-1.log", "the end");
	assert_piece("whole\nhalf and half\nthe end", 0, 27, 27, true);
}

/* What the worker writes is what is read: the names are the same. */
static void
test_as_written(void **state)
{
	SoSettings settings = {.tasks_root_folder = folder,
						   .task_log_enabled = true,
						   .task_log_level = 127,
						   .task_log_segment = 3600000};
	SoLogSubject subject = {.task = TASK, .attempt = 1};
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	for (int i = 0; i < 12; i++)
	{
		char line[20];
		int length = snprintf(line, sizeof(line), "%d", i);

		so_task_log_line(&log, &settings, SO_LOG_INFORMATION, line, (size_t) length);
		so_task_log_flush(&log, &settings, &subject);
		/* As if the file had been opened an hour ago. */
		log.opened_ms = so_clock_monotonic_ms() - 3600000;
	}
	so_task_log_finish(&log, &settings, &subject, 1);
	assert_int_equal(access(path_of("attempt-1.12.log"), F_OK), 0);
	assert_piece("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", 0, 26, 26, true);
}

/* Piece by piece the whole log, over segments, and every piece is whole lines. */
static void
test_pieces(void **state)
{
	int64_t total = 0;
	int lines = 0;
	SoLogPiece piece = {0};

	(void) state;
	for (int segment = 1; segment <= 3; segment++)
	{
		char *text = malloc(300000);
		size_t used = 0;
		char name[40];

		assert_non_null(text);
		while (used < 200000)
			used += (size_t) snprintf(text + used, 100, "line %06d of the log\n", lines++);
		snprintf(name, sizeof(name), segment == 1 ? "attempt-1.log" : "attempt-1.%d.log", segment);
		write_file(name, text, used);
		total += (int64_t) used;
		free(text);
	}
	wanted.limit = 10000000;
	for (int next = 0, n = 0; !piece.end; n++)
	{
		char *text = read_text(&piece);
		char *line;
		char *rest = text;

		assert_true(n < 10);
		assert_true(piece.bytes > 0 && piece.bytes <= SO_LIMIT_TASK_LOG_PIECE);
		assert_int_equal(piece.offset, wanted.from);
		assert_int_equal(text[strlen(text) - 1], '\n');
		while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
			assert_int_equal(atoi(line + 5), next++);
		wanted.from += piece.bytes;
		free(text);
		if (piece.end)
			assert_int_equal(next, lines);
	}
	assert_int_equal(wanted.from, total);
}

/* A line that is longer than a piece is cut, but no character is. */
static void
test_long_line(void **state)
{
	size_t size = SO_LIMIT_TASK_LOG_PIECE + 1000;
	char *text = malloc(size);
	SoLogPiece piece;
	char *got;

	(void) state;
	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text + SO_LIMIT_TASK_LOG_PIECE - 1, "\xE2\x82\xAC", 3);
	text[size - 1] = '\n';
	write_file("attempt-1.log", text, size);
	free(text);
	wanted.growing = true;
	got = read_text(&piece);
	assert_int_equal(piece.bytes, SO_LIMIT_TASK_LOG_PIECE - 1);
	assert_false(piece.end);
	free(got);
	wanted.from = piece.bytes;
	got = read_text(&piece);
	assert_memory_equal(got, "\xE2\x82\xACxxx", 6);
	assert_true(piece.end);
	assert_int_equal(piece.offset + piece.bytes, (int64_t) size);
	free(got);
}

static void
test_no_text(void **state)
{
	(void) state;
	write_file("attempt-1.log", "a\0b\xFF\n", 5);
	assert_piece("a\xEF\xBF\xBD"
				 "b\xEF\xBF\xBD\n",
				 0, 5, 5, true);
}

static void
test_missing(void **state)
{
	SoLogPiece piece;
	SoError error;

	(void) state;
	assert_false(so_log_reader_read(&wanted, &piece, &error));
	assert_string_equal(so_error_state(error.code), "SO455");
	assert_string_equal(error.place, path_of("attempt-1.log"));
	assert_int_equal(rmdir(path_of("")), 0);
	assert_refused("SO455");
	assert_int_equal(mkdir(path_of(""), 0700), 0);
	write_text("attempt-2.log", "another attempt\n");
	assert_refused("SO455");
}

/* Links, pipes and folders are not opened, wherever they lead. */
static void
test_only_ordinary_files(void **state)
{
	char secret[100];
	int fd;

	(void) state;
	snprintf(secret, sizeof(secret), "%s/secret", folder);
	fd = open(secret, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "key\n", 4), 4);
	close(fd);
	assert_int_equal(symlink(secret, path_of("attempt-1.log")), 0);
	assert_refused("SO455");
	assert_int_equal(mkfifo(path_of("attempt-1.2.log"), 0600), 0);
	assert_int_equal(mkdir(path_of("attempt-1.3.log"), 0700), 0);
	assert_refused("SO455");
	write_text("attempt-1.4.log", "fine\n");
	assert_piece("fine\n", 0, 5, 5, true);
}

/* The folder itself may not be a link either. */
static void
test_folder_is_a_link(void **state)
{
	char elsewhere[100];

	(void) state;
	write_text("attempt-1.log", "fine\n");
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	assert_int_equal(rename(path_of(""), elsewhere), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/" TASK, folder);
	assert_int_equal(symlink("elsewhere", elsewhere), 0);
	assert_refused("SO456");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segment_names),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_as_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_ordinary_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_is_a_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
