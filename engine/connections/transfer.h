/*
 * engine/connections/transfer.h
 *
 * libcurl for tasks: one transfer at a time, with the settings of an ftp, http
 * or smtp connection manager, a deadline and a cancel signal.
 *
 * Process: runner and client, in a task's thread; a handle has one owner.
 */
#ifndef ENGINE_CONNECTIONS_TRANSFER_H
#define ENGINE_CONNECTIONS_TRANSFER_H

#include <curl/curl.h>

#include "engine/connections/connection.h"

#define SO_TRANSFER_SOCKETS 8

typedef struct SoTransfer
{
	CURL *easy;
	CURLM *multi;               /* keeps the connection open between transfers */
	const SoObject *properties; /* of the connection manager */
	const char *name;           /* its name, for messages */
	char *base;                 /* URL of connection_string, without a slash at the end */
	char *scheme;               /* "ftp", "sftp", "https" ..., lower case */
	TALLOC_CTX *context;
	SoTaskRun *run; /* for progress; may be NULL */
	SoWait wait;    /* of the whole task */
	char reason[CURL_ERROR_SIZE];
	char last_reply[256]; /* last line that the server said, without secrets */
	const char *describe; /* what is being done, for messages: "download of a.csv" */
	int percent;
	int sockets[SO_TRANSFER_SOCKETS]; /* open now; -1 = free */
} SoTransfer;

/*
 * A transfer with the settings of a connection manager of one of the given
 * types.  NULL with *error.  Freed by so_transfer_free; belongs to context.
 */
extern SoTransfer *so_transfer_new(TALLOC_CTX *context, const SoObject *properties,
								   const char *name, const SoWait *wait, SoError *error);
extern void so_transfer_free(SoTransfer *transfer);

/* Set all options back to those of the connection manager; url is copied. */
extern bool
so_transfer_prepare(SoTransfer *transfer, const char *url, SoError *error) SO_WARN_UNUSED;

/*
 * Perform what was prepared.  CURLE_OK, or the code with *error filled
 * (cancelled, timed out, login refused, not found, failed).
 */
extern CURLcode so_transfer_perform(SoTransfer *transfer, SoError *error);

/* Worth trying again: the connection was cut, refused for now, or silent. */
extern bool so_transfer_is_passing(CURLcode code);

/*
 * The URL of path on the connection's server.  A path that begins with / counts
 * from the server's root, another from the folder in connection_string.
 */
extern char *so_transfer_url(const SoTransfer *transfer, const char *path);

/* Collects what is received: CURLOPT_WRITEFUNCTION with a SoTransferText. */
typedef struct SoTransferText
{
	char *bytes; /* talloc, NUL-terminated */
	size_t length;
	size_t limit;
	TALLOC_CTX *context;
	bool overflow;
} SoTransferText;

extern size_t so_transfer_write_text(char *bytes, size_t size, size_t count, void *context);

#endif /* ENGINE_CONNECTIONS_TRANSFER_H */
