/*
 * extension/child_process.h
 *
 * A short-lived child of a server process that talks over one socket: the
 * loader, the key command.  It inherits nothing of the server: own process
 * group, default signals, empty mask, a given environment, descriptors 0-2.
 */
#ifndef EXTENSION_CHILD_PROCESS_H
#define EXTENSION_CHILD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct SoChildProcess
{
	pid_t pid; /* 0: none, or reaped */
	int fd;    /* our end, non-blocking; -1: closed */
} SoChildProcess;

typedef struct SoChildCommand
{
	const char *path;
	char *const *arguments;   /* NULL-terminated */
	char *const *environment; /* NULL-terminated */
	const char *directory;    /* to start in; NULL: the caller's */
	bool output_only;         /* only stdout is the socket, stdin and stderr are /dev/null */
} SoChildCommand;

/*
 * Start the command and fill *child.  Returns 0, or an errno when there was no
 * socket or no process; nothing is left behind then.  Raises no error.
 */
extern int so_child_process_start(const SoChildCommand *command, SoChildProcess *child);

/*
 * Close our end and collect the exit status; with kill_it its whole process
 * group is killed first.  May be called again: there is nothing left to do then.
 */
extern int so_child_process_end(SoChildProcess *child, bool kill_it);

#endif /* EXTENSION_CHILD_PROCESS_H */
