/*
 * common/pem_file.h
 *
 * Writing small files of certificates and keys so that they appear whole or not
 * at all.
 *
 * Process: all of them; no state.
 */
#ifndef COMMON_PEM_FILE_H
#define COMMON_PEM_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct bio_st; /* OpenSSL's BIO */

/* A file that is written and synchronized under another name, beside its place. */
typedef struct SoPemFile
{
	const char *file; /* its place; borrowed */
	char temporary[PATH_MAX];
} SoPemFile;

/*
 * Write what the memory BIO holds beside the place of file; it has its mode from
 * the start.  false with SO008, and nothing is left.
 */
extern bool so_pem_file_stage(SoPemFile *staged, const char *file, mode_t mode, struct bio_st *bio,
							  SoError *error) SO_WARN_UNUSED;

/*
 * Give it its name, and synchronize the folder.  Without replace an existing file
 * is not touched: SO310.  false with *error; the temporary file is gone either way.
 */
extern bool so_pem_file_place(const SoPemFile *staged, bool replace, SoError *error) SO_WARN_UNUSED;

/* Forget it. */
extern void so_pem_file_drop(const SoPemFile *staged);

/*
 * Rename a file that is synchronized already, in its folder, durably: what relies on
 * it may be done next.  false with SO008.
 */
extern bool so_pem_file_rename(const char *from, const char *to, SoError *error) SO_WARN_UNUSED;

/* Stage and place. */
extern bool so_pem_file_write(const char *file, mode_t mode, bool replace, struct bio_st *bio,
							  SoError *error) SO_WARN_UNUSED;

/* Write a copy of a small file, with that mode, in the place of whatever is there. */
extern bool
so_pem_file_copy(const char *from, const char *to, mode_t mode, SoError *error) SO_WARN_UNUSED;

/*
 * Replace certificate and key so that a crash leaves the old pair, the new one, or a
 * key without certificate, but never two files that do not fit: the old certificate
 * goes first, the new one comes last.
 */
extern bool so_pem_file_replace_pair(const SoPemFile *certificate, const SoPemFile *key,
									 SoError *error) SO_WARN_UNUSED;

#endif /* COMMON_PEM_FILE_H */
