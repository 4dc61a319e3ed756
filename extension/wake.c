/*
 * extension/wake.c
 *
 * A flag set by user functions and acted on at commit, when everybody can see
 * the rows: then the master's latch is set.
 *
 * Process: client backends.  The flags are private; the latches are read under
 * SoShared.mutex.  A backend that dies before its commit has woken nobody and
 * inserted nothing; one that dies between commit and wake leaves a request
 * that the master's probe finds.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/error.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "extension/wake.h"
#include "fmgr.h"

/* The outermost subtransaction that asked; ROLLBACK TO before it must not clear it. */
static SubTransactionId master_asked_by = InvalidSubTransactionId;
static SubTransactionId launcher_asked_by = InvalidSubTransactionId;

SO_SQL_FUNCTION(so_wake_master);

static void
forget_all(void)
{
	master_asked_by = InvalidSubTransactionId;
	launcher_asked_by = InvalidSubTransactionId;
}

/* COMMIT must not fail: nothing here may raise an error. */
static void
at_commit(void)
{
	bool wake_master = master_asked_by != InvalidSubTransactionId;
	bool wake_launcher = launcher_asked_by != InvalidSubTransactionId;

	forget_all();
	if (wake_master)
		so_shared_wake_master();
	if (wake_launcher)
		so_shared_wake_launcher();
}

static void
at_transaction_event(XactEvent event, void *argument)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (master_asked_by != InvalidSubTransactionId ||
				launcher_asked_by != InvalidSubTransactionId)
				ereport(ERROR, (so_errcode(SO_ERR_PREPARE_REFUSED),
								errmsg("cannot prepare a transaction that has called scaleout"),
								errhint("%s", so_error_default_hint(SO_ERR_PREPARE_REFUSED))));
			break;
		case XACT_EVENT_COMMIT:
			at_commit();
			break;
		case XACT_EVENT_ABORT:
			forget_all();
			break;
		default:
			break;
	}
}

static void
hand_over(SubTransactionId *asked_by, SubXactEvent event, SubTransactionId ended,
		  SubTransactionId parent)
{
	if (*asked_by != ended)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		*asked_by = parent;
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		*asked_by = InvalidSubTransactionId;
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId ended, SubTransactionId parent,
						void *argument)
{
	hand_over(&master_asked_by, event, ended, parent);
	hand_over(&launcher_asked_by, event, ended, parent);
}

void
so_wake_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}

void
so_wake_master_at_commit(void)
{
	if (master_asked_by == InvalidSubTransactionId)
		master_asked_by = GetCurrentSubTransactionId();
}

void
so_wake_launcher_at_commit(void)
{
	if (launcher_asked_by == InvalidSubTransactionId)
		launcher_asked_by = GetCurrentSubTransactionId();
}

/* internal.wake_master() */
Datum
so_wake_master(PG_FUNCTION_ARGS)
{
	so_error_require_preload();
	so_wake_master_at_commit();
	PG_RETURN_VOID();
}
