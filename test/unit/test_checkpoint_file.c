/*
 * test/unit/test_checkpoint_file.c
 *
 * The bytes of checkpoint files: what is written is read, and nothing that was
 * damaged anywhere is taken for a checkpoint; keys, modes, locks.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/checkpoint/file_store.h"

static SoCheckpointRecord record = {.kind = SO_CHECKPOINT_ITEM,
									.id = "b",
									.item = "/srv/in/a \"quoted\" file",
									.path = "\\each file",
									.result = SO_RESULT_SUCCESS,
									.attempt = 3,
									.finished_us = 1795302189206482};
static SoCheckpointState state = {.format = SO_CHECKPOINT_FORMAT,
								  .package_id = "3ed04643-d082-5154-bf45-558f6837914f",
								  .package_name = "p",
								  .name = "p.checkpoint",
								  .content_hash = "00",
								  .chain_id = "c",
								  .attempt = 3,
								  .created_us = 1,
								  .updated_us = 2,
								  .start_us = 3,
								  .records = &record,
								  .record_count = 1};

static char *
encode(TALLOC_CTX *context, const SoCheckpointKey *key, size_t *length)
{
	json_t *json = so_checkpoint_state_to_json(&state);
	char *body = json_dumps(json, JSON_COMPACT);
	SoError error;
	char *bytes = so_checkpoint_file_encode(context, state.package_id, body, strlen(body), key,
											length, &error);

	free(body);
	json_decref(json);
	assert_non_null(bytes);
	return bytes;
}

static void
check_file(const SoCheckpointKey *key)
{
	TALLOC_CTX *context = talloc_new(NULL);
	size_t length;
	char *bytes = encode(context, key, &length);
	SoError error;
	SoCheckpointState *found = so_checkpoint_file_decode(context, "f", bytes, length, key, &error);

	assert_non_null(found);
	assert_string_equal(found->records[0].item, record.item);
	assert_int_equal(found->records[0].finished_us, record.finished_us);
	assert_int_equal(found->attempt, 3);
	/* Every shorter file is incomplete, and nothing else; only the last line end may be missing. */
	for (size_t shorter = 0; shorter + 1 < length; shorter++)
	{
		assert_null(so_checkpoint_file_decode(context, "f", bytes, shorter, key, &error));
		assert_int_equal(error.code, SO_ERR_CHECKPOINT_TRUNCATED);
	}
	/* No changed byte goes unnoticed. */
	for (size_t i = 0; i + 1 < length; i++)
	{
		char old = bytes[i];

		bytes[i] = (char) (old ^ 1);
		found = so_checkpoint_file_decode(context, "f", bytes, length, key, &error);
		if (found != NULL)
			fail_msg("byte %zu can be changed to %c", i, bytes[i]);
		bytes[i] = old;
	}
	talloc_free(context);
}

static void
test_plain(void **unused)
{
	(void) unused;
	check_file(NULL);
}

static void
write_key(const char *path, const char *text, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_encrypted(void **unused)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	char folder[] = "/tmp/scaleout_key_XXXXXX";
	char path[64];
	SoCheckpointKey key;
	SoError error;

	(void) unused;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_false(so_checkpoint_key_read(path, &key, &error));
	write_key(path, hex, 0640);
	assert_false(so_checkpoint_key_read(path, &key, &error));
	assert_non_null(strstr(error.message, "by others"));
	write_key(path, "short", 0600);
	assert_false(so_checkpoint_key_read(path, &key, &error));
	write_key(path, hex, 0600);
	assert_true(so_checkpoint_key_read(path, &key, &error));
	check_file(&key);
	so_checkpoint_key_forget(&key);
	unlink(path);
	rmdir(folder);
}

/* A disk that is full half-way: an error with the reason, the old file whole, nothing left over. */
static void
test_full_disk(void **unused)
{
	char folder[] = "/tmp/scaleout_full_XXXXXX";
	char path[64];
	char left_over[80];
	struct rlimit old;
	struct rlimit tight;
	char *large = calloc(1, 100000);
	TALLOC_CTX *context = talloc_new(NULL);
	SoError error = {0};
	size_t length;
	bool missing;
	char *read;

	(void) unused;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/checkpoint", folder);
	snprintf(left_over, sizeof(left_over), "%s.new", path);
	assert_true(so_checkpoint_file_replace(path, "the first", 9, &error));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_false(so_checkpoint_file_replace(path, large, 100000, &error));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(error.code, SO_ERR_CHECKPOINT_WRITE);
	assert_string_equal(error.place, path);
	assert_non_null(strstr(error.detail, strerror(EFBIG)));
	assert_int_equal(access(left_over, F_OK), -1);
	read = so_checkpoint_file_read(context, path, &length, &missing, &error);
	assert_non_null(read);
	assert_int_equal(length, 9);
	assert_memory_equal(read, "the first", 9);
	/* With room it goes on. */
	assert_true(so_checkpoint_file_replace(path, large, 100000, &error));
	/* A folder that has gone. */
	unlink(path);
	rmdir(folder);
	assert_false(so_checkpoint_file_replace(path, "x", 1, &error));
	assert_int_equal(error.code, SO_ERR_CHECKPOINT_WRITE);
	talloc_free(context);
	free(large);
}

static void
test_disk(void **unused)
{
	char folder[] = "/tmp/scaleout_file_XXXXXX";
	char path[64];
	struct stat status;
	SoError error;
	int lock;
	int code;
	pid_t child;

	(void) unused;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c", folder);
	assert_true(so_checkpoint_file_replace(path, "one", 3, &error));
	assert_true(so_checkpoint_file_replace(path, "two", 3, &error));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_false(so_checkpoint_file_is_locked(path));
	lock = so_checkpoint_file_lock(path, &error);
	assert_true(lock >= 0);
	assert_true(so_checkpoint_file_is_locked(path));
	assert_int_equal(so_checkpoint_file_lock(path, &error), -1);
	assert_int_equal(error.code, SO_ERR_CHECKPOINT_LOCKED);
	so_checkpoint_file_unlock(path, lock);
	/* The lock of a process that was killed is none, although its file is still there. */
	child = fork();
	if (child == 0)
	{
		if (so_checkpoint_file_lock(path, &error) >= 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &code, 0), child);
	assert_true(WIFSIGNALED(code));
	lock = so_checkpoint_file_lock(path, &error);
	assert_true(lock >= 0);
	so_checkpoint_file_unlock(path, lock);
	assert_true(so_checkpoint_file_remove(path, &error));
	assert_true(so_checkpoint_file_remove(path, &error));
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_encrypted), cmocka_unit_test(test_disk),
		cmocka_unit_test(test_full_disk)};

	return cmocka_run_group_tests_name("checkpoint files", tests, NULL, NULL);
}
