/*
 * test/unit/checkpoint_case.h
 *
 * Reads the comments of a package in test/fixtures/checkpoint and runs what
 * they say, with checkpoints in a file.  test/fixtures/checkpoint/README.md
 * explains the comments.
 *
 * Process: unit tests.
 */
#ifndef TEST_UNIT_CHECKPOINT_CASE_H
#define TEST_UNIT_CHECKPOINT_CASE_H

/* Run the case; fails the running cmocka test with the rule that broke. */
extern void checkpoint_case_run(const char *path);

#endif /* TEST_UNIT_CHECKPOINT_CASE_H */
