/*
 * common/pem_file.c
 *
 * Writes files of certificates and keys; see pem_file.h.
 *
 * Process: all of them; no state.  A crash leaves a temporary file at most, whose
 * name ends in the process id.
 */
#include "common/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"

static bool
write_failed(const char *file, const char *what, SoError *error)
{
	int reason = errno;

	so_error_set(error, SO_ERR_FILE_UNWRITABLE, file, "cannot %s the file", what);
	return so_error_detail(error, "The system says: %s.", strerror(reason));
}

static bool
sync_folder(const char *file, SoError *error)
{
	char copy[PATH_MAX];
	int fd;
	bool ok;

	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fsync(fd) == 0;
	if (!ok)
		write_failed(file, "synchronize the folder of", error);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
so_pem_file_rename(const char *from, const char *to, SoError *error)
{
	int reason;

	if (rename(from, to) == 0)
		return sync_folder(to, error);
	reason = errno;
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, to, "cannot replace the file");
	return so_error_detail(error, "Renaming %s: %s.", from, strerror(reason));
}

/* Write bytes to a new file, which nobody else can read before it has its mode. */
static bool
write_temporary(const char *temporary, mode_t mode, const char *bytes, size_t length,
				SoError *error)
{
	int fd = -1;
	size_t used = 0;

	/* The name holds our process id, so what is there is from a dead process. */
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, mode) != 0)
	{
		write_failed(temporary, "create", error);
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (used < length)
	{
		ssize_t written = write(fd, bytes + used, length - used);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		used += (size_t) written;
	}
	if (used < length || fsync(fd) != 0)
	{
		write_failed(temporary, "write", error);
		close(fd);
		unlink(temporary);
		return false;
	}
	close(fd);
	return true;
}

bool
so_pem_file_stage(SoPemFile *staged, const char *file, mode_t mode, struct bio_st *bio,
				  SoError *error)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);

	staged->file = file;
	if ((size_t) snprintf(staged->temporary, sizeof(staged->temporary), "%s.new.%d", file,
						  (int) getpid()) >= sizeof(staged->temporary))
		return so_error_set(error, SO_ERR_FILE_UNWRITABLE, file, "the file name is too long");
	return write_temporary(staged->temporary, mode, bytes, (size_t) length, error);
}

bool
so_pem_file_place(const SoPemFile *staged, bool replace, SoError *error)
{
	/* link() refuses an existing name, rename() would replace it. */
	bool ok = replace ? rename(staged->temporary, staged->file) == 0
					  : link(staged->temporary, staged->file) == 0;

	if (!ok && errno == EEXIST)
		so_error_set(error, SO_ERR_CERTIFICATE_EXISTS, staged->file, "the file exists already");
	else if (!ok)
		write_failed(staged->file, "create", error);
	if (!ok || !replace)
		unlink(staged->temporary);
	return ok && sync_folder(staged->file, error);
}

void
so_pem_file_drop(const SoPemFile *staged)
{
	unlink(staged->temporary);
}

bool
so_pem_file_write(const char *file, mode_t mode, bool replace, struct bio_st *bio, SoError *error)
{
	SoPemFile staged;

	return so_pem_file_stage(&staged, file, mode, bio, error) &&
		   so_pem_file_place(&staged, replace, error);
}

bool
so_pem_file_replace_pair(const SoPemFile *certificate, const SoPemFile *key, SoError *error)
{
	bool ok = unlink(certificate->file) == 0 || errno == ENOENT;

	if (!ok)
		write_failed(certificate->file, "replace", error);
	else
	{
		SO_FAULT("pem_file.certificate_gone");
		ok = sync_folder(certificate->file, error) && so_pem_file_place(key, true, error);
		SO_FAULT("pem_file.key_placed");
	}
	if (ok)
		return so_pem_file_place(certificate, true, error);
	so_pem_file_drop(key);
	so_pem_file_drop(certificate);
	return false;
}

bool
so_pem_file_copy(const char *from, const char *to, mode_t mode, SoError *error)
{
	BIO *source = BIO_new_file(from, "r");
	BIO *copy = BIO_new(BIO_s_secmem());
	char buffer[4096];
	int got = -1;
	bool ok;

	while (source != NULL && copy != NULL && (got = BIO_read(source, buffer, sizeof(buffer))) > 0)
	{
		if (BIO_write(copy, buffer, got) != got)
			break;
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
	ok = got == 0;
	if (!ok)
		so_error_set(error, SO_ERR_FILE_UNREADABLE, from, "cannot read the file");
	ok = ok && so_pem_file_write(to, mode, true, copy, error);
	BIO_free(copy);
	BIO_free(source);
	ERR_clear_error();
	return ok;
}
