/*
 * engine/tasks/ftp.h
 *
 * The FTP task: its row of the task table, and what its parts share.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_FTP_H
#define ENGINE_TASKS_FTP_H

#include "engine/tasks/remote_list.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_ftp;

/* One run of the task. */
typedef struct SoFtpRun
{
	SoTaskRun *run;
	SoTransfer *transfer;
	const char *connection; /* name of the connection manager */
	const char *local;      /* NULL when the operation needs none */
	const char *remote;
	bool overwrite;
	bool stop_on_failure;
	bool ascii;    /* line ends are converted: sizes here and there differ */
	int64_t files; /* done */
	int64_t bytes;
	int failures; /* files that failed although others went on */
	SoError first_failure;
	json_t *names; /* local or remote paths that were made */
} SoFtpRun;

/* The operations: ftp_receive.c, ftp_send.c, ftp_delete.c.  false with *error. */
extern bool so_ftp_receive(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_send(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_delete_remote(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_delete_local(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;

/* ---- ftp_each.c: one file, or each that a pattern matches ---- */

/*
 * Split a path with a pattern in its last part: folder ("" when none) and
 * pattern, both owned by context.  true when the last part has a wildcard.
 */
extern bool
so_ftp_split_pattern(TALLOC_CTX *context, const char *path, char **folder, char **pattern);

/* The path of name in folder; owned by context. */
extern char *so_ftp_join(TALLOC_CTX *context, const char *folder, const char *name);

/* Count a file that is done; path is the one that was made. */
extern void so_ftp_done(SoFtpRun *ftp, const char *path, int64_t bytes);

/* Something to do with a file; name is the last part of path, entry NULL outside of listings. */
typedef bool (*SoFtpLocalFunction)(SoFtpRun *ftp, const char *path, const char *name,
								   SoError *error);
typedef bool (*SoFtpRemoteFunction)(SoFtpRun *ftp, const char *path, const SoRemoteEntry *entry,
									SoError *error);

/*
 * For ftp->local, or each file that it matches in the order of names.  A failure ends
 * it when stop_on_failure is set or the task is to end, and is remembered otherwise.
 */
extern bool
so_ftp_each_local(SoFtpRun *ftp, SoFtpLocalFunction function, SoError *error) SO_WARN_UNUSED;

/* The same for each file of a folder on the server that matches pattern. */
extern bool so_ftp_each_remote(SoFtpRun *ftp, const char *folder, const char *pattern,
							   SoFtpRemoteFunction function, SoError *error) SO_WARN_UNUSED;

/* ---- ftp_facts.c: questions about one file ---- */

/* Size and time of the file of that URL; -1 is what the server cannot tell.  false with *error. */
extern bool so_ftp_ask_facts(SoFtpRun *ftp, const char *url, curl_off_t *size, curl_off_t *time,
							 SoError *error) SO_WARN_UNUSED;

/*
 * What tells this version of the file from another, "" when nothing does; NULL with
 * *error when there is no such file, or no answer.  Owned by the task's context.
 */
extern char *so_ftp_version(SoFtpRun *ftp, const char *url, SoError *error);

/* ---- ftp_command.c ---- */

/* A command outside of transfers (DELE, MKD ...); path is added and quoted as the protocol wants. */
extern bool so_ftp_command(SoFtpRun *ftp, const char *ftp_verb, const char *sftp_verb,
						   const char *path, SoError *error) SO_WARN_UNUSED;

/* Rename on the server; an older file of the name is removed first where rename does not replace. */
extern bool
so_ftp_rename(SoFtpRun *ftp, const char *from, const char *to, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_FTP_H */
