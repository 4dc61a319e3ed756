/*
 * engine/tasks/remote_list.h
 *
 * The entries of a folder on an FTP or SFTP server.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_REMOTE_LIST_H
#define ENGINE_TASKS_REMOTE_LIST_H

#include "engine/connections/transfer.h"

typedef struct SoRemoteEntry
{
	char *name;
	bool is_directory;
	int64_t size;   /* -1 = unknown */
	char *modified; /* as the server writes it; "" = unknown */
} SoRemoteEntry;

typedef struct SoRemoteList
{
	SoRemoteEntry *entries;
	int count;
} SoRemoteList;

/*
 * The entries of folder ("" = where the connection begins), sorted by name,
 * without "." and "..".  false with *error.  Owned by context.
 */
extern bool so_remote_list(TALLOC_CTX *context, SoTransfer *transfer, const char *folder,
						   SoRemoteList *list, SoError *error) SO_WARN_UNUSED;

/* Readers of the three forms that servers use; exported for the tests. */
extern void so_remote_list_read_mlsd(TALLOC_CTX *context, const char *text, SoRemoteList *list);
extern void so_remote_list_read_names(TALLOC_CTX *context, const char *text, SoRemoteList *list);
extern void so_remote_list_read_long(TALLOC_CTX *context, const char *text, SoRemoteList *list);

#endif /* ENGINE_TASKS_REMOTE_LIST_H */
