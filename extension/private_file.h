/*
 * extension/private_file.h
 *
 * Small files that only the server's account may read: keys and the token.
 *
 * Process: backends and the master; no state.
 */
#ifndef EXTENSION_PRIVATE_FILE_H
#define EXTENSION_PRIVATE_FILE_H

#include "common/error.h"

/*
 * Read the whole file, at most size - 1 bytes, into buffer and terminate it.
 * Refuses (false, SO134) a symbolic link, another owner, any right of group or
 * others, and a file that does not fit.  The caller clears the buffer.
 */
extern bool
so_private_file_read(const char *path, char *buffer, size_t size, SoError *error) SO_WARN_UNUSED;

/*
 * Write the file atomically with mode 0600: temporary file, fsync, rename,
 * fsync of the directory.  false with SO008.
 */
extern bool so_private_file_write(const char *path, const char *content, size_t length,
								  SoError *error) SO_WARN_UNUSED;

/*
 * Make the directory with mode 0700 when it is missing (created says so), and
 * check that it belongs to this account, is private and not inside the data
 * directory.  false with SO135.
 */
extern bool so_private_file_prepare_directory(const char *path, const char *data_directory,
											  bool *created, SoError *error) SO_WARN_UNUSED;

#endif /* EXTENSION_PRIVATE_FILE_H */
