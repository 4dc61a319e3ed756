/*
 * common/orphan.h
 *
 * Kills what a dead process has left behind.  A process that is a child
 * subreaper (PR_SET_CHILD_SUBREAPER) inherits the descendants of its children,
 * whatever session or process group they moved to; every child that it did not
 * start itself is such an orphan.
 *
 * Process: nursery and agent; called by the thread that started the children.
 */
#ifndef COMMON_ORPHAN_H
#define COMMON_ORPHAN_H

#include <stdbool.h>
#include <sys/types.h>

/* true when pid is a child that the caller started itself */
typedef bool (*SoOrphanIsOwn)(pid_t pid, void *context);

/* Become a child subreaper; false with errno. */
extern bool so_orphan_adopt(void);

/*
 * Send SIGKILL to every child of the calling process that is not its own and
 * reap those that are gone.  Killing one hands its children to the caller, so
 * it is called again until it returns 0.  Returns how many are still there;
 * processes that may not be killed (another account) are not counted.
 */
extern int so_orphan_kill(SoOrphanIsOwn is_own, void *context);

#endif /* COMMON_ORPHAN_H */
