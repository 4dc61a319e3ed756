/*
 * extension/shared_memory.h
 *
 * The little that backends, launcher and master share: whom to wake, who is
 * the master, and who wants it to leave.
 *
 * Process: every process of the server.  Protected by SoShared.mutex, except
 * for the condition variables, which protect themselves.  A backend that dies
 * releases its holds in the transaction callback; after a crash of any
 * process the postmaster initialises the segment anew.
 */
#ifndef EXTENSION_SHARED_MEMORY_H
#define EXTENSION_SHARED_MEMORY_H

#include "extension/log_copy_news.h"
#include "extension/master_news.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/spin.h"

#define SO_FINISHED_CV_COUNT 64

typedef struct SoShared
{
	slock_t mutex; /* protects everything up to the condition variables */

	/*
	 * Latches live in the PGPROC array, which never moves: a stale pointer is
	 * at worst a spurious wake of another process.  NULL when there is none;
	 * a process clears its own at exit, and only if it is still its own.
	 */
	Latch *launcher_latch;
	Latch *master_latch;
	pid_t master_pid;      /* 0: no master */
	Oid master_database;   /* InvalidOid: no master */
	int hold;              /* > 0: the master must leave and not be started */
	Oid hold_database;     /* the database the last hold was about */
	uint64 submit_count;   /* commits that woke the master; for statistics */
	uint64 transactions;   /* of masters since the server started */
	uint64 requests;       /* of agents that reached a master */
	uint64 reports;        /* of these, reports with items */
	uint32 master_refusal; /* hash of why the last master did not serve, 0 when it did: said once */
	SoMasterNews news;     /* for the diagnosis */
	SoLogCopyNews log_copy;

	ConditionVariable master_gone_cv;                    /* broadcast when master_pid becomes 0 */
	ConditionVariable finished_cv[SO_FINISHED_CV_COUNT]; /* by operation id */
} SoShared;

/* NULL when the library was not preloaded. */
extern SoShared *so_shared;

/* Called from _PG_init under preload; installs the hooks that reserve and initialise. */
extern void so_shared_memory_init(void);

/* Size of the segment, in bytes. */
extern Size so_shared_memory_size(void);

/*
 * The master's seat.  claim: makes this process the master of the database
 * and returns true, or returns false when there is another live one; to be
 * called before connecting to the database.  The seat is released by an
 * on_shmem_exit callback that claim registers (so "gone" means that the
 * session no longer counts), which also broadcasts master_gone_cv.
 */
extern bool so_shared_claim_master(Oid database);

/* The launcher's latch: the calling process is the launcher until it exits. */
extern void so_shared_register_launcher(void);

/* True when somebody wants the master to leave (DROP DATABASE and the like). */
extern bool so_shared_held(void);

/* Set the latches; no effect when there is no such process. Never raise errors. */
extern void so_shared_wake_master(void);
extern void so_shared_wake_launcher(void);

/* Wake those who wait for the operation; the master calls it after its commit. */
extern void so_shared_operation_finished(int64 operation_id);

/* The condition variable on which waiters for the operation sleep. */
extern ConditionVariable *so_shared_finished_cv(int64 operation_id);

#endif /* EXTENSION_SHARED_MEMORY_H */
