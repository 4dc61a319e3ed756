/*
 * engine/tasks/file_operation.h
 *
 * Copying, moving and deleting files and folders, with a cancel signal.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_FILE_OPERATION_H
#define ENGINE_TASKS_FILE_OPERATION_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "common/error.h"

typedef struct SoFileOperation
{
	TALLOC_CTX *context; /* for paths */
	int cancel_fd;       /* readable = stop between files and blocks; -1 = none */
	bool overwrite;      /* replace files that exist */
	int64_t files;       /* copied, moved or deleted so far */
	int64_t bytes;       /* copied so far */
} SoFileOperation;

/*
 * Copy one file with its permissions and time of change.  It appears under its
 * name only when it is complete.  false with *error (SO831 when the destination
 * exists and may not be replaced).
 */
extern bool so_file_copy(SoFileOperation *operation, const char *source, const char *destination,
						 SoError *error) SO_WARN_UNUSED;
/* Rename, or copy and delete across file systems. */
extern bool so_file_move(SoFileOperation *operation, const char *source, const char *destination,
						 SoError *error) SO_WARN_UNUSED;
/* The contents of source become contents of destination, which is created when missing. */
extern bool so_file_copy_directory(SoFileOperation *operation, const char *source,
								   const char *destination, SoError *error) SO_WARN_UNUSED;
extern bool so_file_move_directory(SoFileOperation *operation, const char *source,
								   const char *destination, SoError *error) SO_WARN_UNUSED;
/* Everything below path; path itself too unless content_only.  Links are not followed. */
extern bool so_file_delete_directory(SoFileOperation *operation, const char *path,
									 bool content_only, SoError *error) SO_WARN_UNUSED;
/* With parents.  exist_ok: no error when it is there already. */
extern bool so_file_create_directory(SoFileOperation *operation, const char *path, bool exist_ok,
									 SoError *error) SO_WARN_UNUSED;

extern bool so_file_is_directory(const char *path);
extern bool so_file_exists(const char *path);
/* The last component of path, without a slash at the end; owned by context. */
extern char *so_file_base_name(TALLOC_CTX *context, const char *path);

/* An SO814 error that names the call and the path with errno's reason; returns false. */
extern bool so_file_error(SoError *error, const char *what, const char *path, int reason);

/* SHA-256 of a file as 64 lower-case hex digits into hex (65 bytes). */
extern bool so_file_sha256(const char *path, char *hex, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_FILE_OPERATION_H */
