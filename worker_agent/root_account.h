/*
 * worker_agent/root_account.h
 *
 * Is the worker run by the root of the machine?  The programs of packages run
 * under the account of the worker.
 */
#ifndef WORKER_AGENT_ROOT_ACCOUNT_H
#define WORKER_AGENT_ROOT_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * uid_map_file: /proc/self/uid_map.  Inside a user namespace (a rootless container)
 * uid 0 is an ordinary account of the machine: false.  A file that cannot be read
 * counts as no namespace.
 */
extern bool so_root_account(uid_t uid, const char *uid_map_file);

/* The same about this process. */
extern bool so_root_account_is_ours(void);

#endif /* WORKER_AGENT_ROOT_ACCOUNT_H */
