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
	int64_t files; /* done */
	int64_t bytes;
	int failures; /* files that failed although others went on */
	SoError first_failure;
	json_t *names; /* local or remote paths that were made */
} SoFtpRun;

/* engine/tasks/ftp_transfer.c */
extern bool so_ftp_receive(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_send(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_delete_remote(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;
extern bool so_ftp_delete_local(SoFtpRun *ftp, SoError *error) SO_WARN_UNUSED;

/*
 * Split a path with a pattern in its last part: folder ("" when none) and
 * pattern, both owned by context.  true when the last part has a wildcard.
 */
extern bool
so_ftp_split_pattern(TALLOC_CTX *context, const char *path, char **folder, char **pattern);

/* A command outside of transfers (DELE, MKD ...); path is added and quoted as the protocol wants. */
extern bool so_ftp_command(SoFtpRun *ftp, const char *ftp_verb, const char *sftp_verb,
						   const char *path, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_FTP_H */
