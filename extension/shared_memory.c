/*
 * extension/shared_memory.c
 *
 * Reserves and initialises the shared segment, and the few operations on it.
 *
 * Process: every process of the server.  SoShared.mutex protects the plain
 * fields and is held for a handful of instructions only.  A process that
 * crashes takes the server down and with it the segment; one that ends by an
 * error runs the exit callbacks registered here.
 */
#include "postgres.h"

#include <signal.h>

#include "extension/shared_memory.h"
#include "extension/compat.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

SoShared *so_shared = NULL;

static shmem_startup_hook_type previous_startup_hook = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request_hook = NULL;
#endif

Size
so_shared_memory_size(void)
{
	return MAXALIGN(sizeof(SoShared));
}

#if PG_VERSION_NUM >= 150000
static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(so_shared_memory_size());
}
#endif

static void
startup_memory(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	so_shared = ShmemInitStruct("scaleout", so_shared_memory_size(), &found);
	if (!found)
	{
		memset(so_shared, 0, sizeof(SoShared));
		SpinLockInit(&so_shared->mutex);
		ConditionVariableInit(&so_shared->master_gone_cv);
		for (int i = 0; i < SO_FINISHED_CV_COUNT; i++)
			ConditionVariableInit(&so_shared->finished_cv[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
so_shared_memory_init(void)
{
#if PG_VERSION_NUM >= 150000
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
#else
	RequestAddinShmemSpace(so_shared_memory_size());
#endif
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_memory;
}

/* Exit callback: the master's session no longer counts. */
static void
release_master(int code, Datum argument)
{
	bool mine;

	SpinLockAcquire(&so_shared->mutex);
	mine = so_shared->master_pid == MyProcPid;
	if (mine)
	{
		so_shared->master_pid = 0;
		so_shared->master_database = InvalidOid;
		so_shared->master_latch = NULL;
	}
	SpinLockRelease(&so_shared->mutex);
	if (mine)
	{
		ConditionVariableBroadcast(&so_shared->master_gone_cv);
		so_shared_wake_launcher();
	}
}

bool
so_shared_claim_master(Oid database)
{
	bool claimed = false;

	SpinLockAcquire(&so_shared->mutex);
	if (so_shared->master_pid == 0 || kill(so_shared->master_pid, 0) != 0)
	{
		so_shared->master_pid = MyProcPid;
		so_shared->master_database = database;
		so_shared->master_latch = MyLatch;
		claimed = true;
	}
	SpinLockRelease(&so_shared->mutex);
	if (claimed)
		on_shmem_exit(release_master, (Datum) 0);
	return claimed;
}

static void
release_launcher(int code, Datum argument)
{
	SpinLockAcquire(&so_shared->mutex);
	if (so_shared->launcher_latch == MyLatch)
		so_shared->launcher_latch = NULL;
	SpinLockRelease(&so_shared->mutex);
}

void
so_shared_register_launcher(void)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->launcher_latch = MyLatch;
	SpinLockRelease(&so_shared->mutex);
	on_shmem_exit(release_launcher, (Datum) 0);
}

bool
so_shared_held(void)
{
	bool held;

	SpinLockAcquire(&so_shared->mutex);
	held = so_shared->hold > 0;
	SpinLockRelease(&so_shared->mutex);
	return held;
}

void
so_shared_wake_master(void)
{
	Latch *latch;

	if (so_shared == NULL)
		return;
	SpinLockAcquire(&so_shared->mutex);
	so_shared->submit_count++;
	latch = so_shared->master_latch;
	SpinLockRelease(&so_shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

void
so_shared_wake_launcher(void)
{
	Latch *latch;

	if (so_shared == NULL)
		return;
	SpinLockAcquire(&so_shared->mutex);
	latch = so_shared->launcher_latch;
	SpinLockRelease(&so_shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

ConditionVariable *
so_shared_finished_cv(int64 operation_id)
{
	return &so_shared->finished_cv[(uint64) operation_id % SO_FINISHED_CV_COUNT];
}

void
so_shared_operation_finished(int64 operation_id)
{
	if (so_shared != NULL)
		ConditionVariableBroadcast(so_shared_finished_cv(operation_id));
}
