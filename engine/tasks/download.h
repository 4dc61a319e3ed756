/*
 * engine/tasks/download.h
 *
 * Fetching one remote file by ftp, sftp or http: complete or not at all under
 * its name, resumed where it was cut, checked.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_DOWNLOAD_H
#define ENGINE_TASKS_DOWNLOAD_H

#include "engine/connections/transfer.h"

typedef struct SoDownload
{
	SoTransfer *transfer;
	const char *url;
	const char *target; /* path that the file shall have */
	/*
	 * What tells this version of the file from another (size and time), ""
	 * when nothing does; NULL for HTTP, where the answer says it (ETag, Last-Modified).
	 */
	const char *identity;
	bool overwrite;     /* target may be replaced */
	bool resume;        /* go on with a part that is there */
	int retries;        /* how often a cut transfer is taken up again */
	const char *sha256; /* expected, NULL = unchecked */
	/* More options, after so_transfer_prepare; headers are added to. */
	struct curl_slist *(*configure)(void *context, SoTransfer *transfer,
									struct curl_slist *headers);
	void *context;

	/* Results. */
	int64_t bytes;      /* size of the file */
	int64_t resumed_at; /* where the last attempt began; 0 = from the start */
	long status;        /* HTTP status of the last answer */

	/* Inside. */
	int fd;
	char *part; /* target.part */
	char *note; /* target.part.json: url and identity of the part */
	char *etag;
	char *modified;
	bool started;     /* the body of the answer has begun */
	int write_reason; /* errno of a failed write */
} SoDownload;

extern bool so_download(SoDownload *download, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_DOWNLOAD_H */
