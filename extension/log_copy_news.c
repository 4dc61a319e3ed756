/*
 * extension/log_copy_news.c
 *
 * Keeps the news of the log copy; see log_copy_news.h.
 *
 * Process: master and copying worker.  Shared data: SoShared.log_copy, under
 * its spinlock, which is held while short texts are copied.  A worker that ends
 * takes its name out; a crash makes the segment new.
 */
#include "postgres.h"

#include "extension/log_copy_news.h"

#include "extension/shared_memory.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"

/* Exit callback: the master may start another one. */
static void
release(int code, Datum argument)
{
	SpinLockAcquire(&so_shared->mutex);
	if (so_shared->log_copy.pid == MyProcPid)
	{
		so_shared->log_copy.pid = 0;
		so_shared->log_copy.latch = NULL;
	}
	SpinLockRelease(&so_shared->mutex);
	so_shared_wake_master();
}

bool
so_log_copy_news_claim(void)
{
	bool claimed;

	SpinLockAcquire(&so_shared->mutex);
	claimed = so_shared->log_copy.pid == 0;
	if (claimed)
	{
		so_shared->log_copy.master = so_shared->master_pid;
		so_shared->log_copy.state = SO_LOG_COPY_UNKNOWN;
		so_shared->log_copy.pid = MyProcPid;
		so_shared->log_copy.latch = MyLatch;
		so_shared->log_copy.done_to = 0;
	}
	SpinLockRelease(&so_shared->mutex);
	if (claimed)
		on_shmem_exit(release, (Datum) 0);
	return claimed;
}

void
so_log_copy_news_done(int64 done_to)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->log_copy.done_to = done_to;
	so_shared->log_copy.told++;
	SpinLockRelease(&so_shared->mutex);
	so_shared_wake_master();
}

/* Cut at the end of a character. */
static void
copy_text(char *to, const char *from, size_t size)
{
	int length = pg_mbcliplen(from, (int) strlen(from), (int) size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

void
so_log_copy_news_state(uint32 generation, const SoError *error)
{
	SoLogCopyNews *news = &so_shared->log_copy;
	char message[sizeof(news->message)] = "";
	char hint[sizeof(news->hint)] = "";

	if (error != NULL)
	{
		copy_text(message, error->message, sizeof(message));
		copy_text(hint, error->hint, sizeof(hint));
	}
	SpinLockAcquire(&so_shared->mutex);
	if (news->pid == 0)
	{
		/* The master says itself that there is no worker. */
		news->master = so_shared->master_pid;
		news->done_to = 0;
	}
	news->state_generation = generation;
	news->state = error == NULL ? SO_LOG_COPY_COPYING : SO_LOG_COPY_FAILING;
	news->code = error == NULL ? SO_OK : error->code;
	memcpy(news->message, message, sizeof(message));
	memcpy(news->hint, hint, sizeof(hint));
	news->told++;
	news->told_state++;
	SpinLockRelease(&so_shared->mutex);
	so_shared_wake_master();
}

uint32
so_log_copy_news_generation(void)
{
	uint32 generation;

	SpinLockAcquire(&so_shared->mutex);
	generation = so_shared->log_copy.generation;
	SpinLockRelease(&so_shared->mutex);
	return generation;
}

bool
so_log_copy_news_wanted(void)
{
	bool wanted;

	SpinLockAcquire(&so_shared->mutex);
	wanted = so_shared->hold == 0 && so_shared->master_pid != 0 &&
			 so_shared->master_pid == so_shared->log_copy.master;
	SpinLockRelease(&so_shared->mutex);
	return wanted;
}

static void
wake(bool changed)
{
	Latch *latch;

	SpinLockAcquire(&so_shared->mutex);
	so_shared->log_copy.generation += changed ? 1 : 0;
	latch = so_shared->log_copy.latch;
	SpinLockRelease(&so_shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

void
so_log_copy_news_wake(void)
{
	wake(false);
}

void
so_log_copy_news_changed(void)
{
	wake(true);
}

SoLogCopyNews
so_log_copy_news_read(void)
{
	SoLogCopyNews news;

	SpinLockAcquire(&so_shared->mutex);
	news = so_shared->log_copy;
	if (news.master != so_shared->master_pid)
	{
		news.done_to = 0;
		news.state = SO_LOG_COPY_UNKNOWN;
	}
	SpinLockRelease(&so_shared->mutex);
	return news;
}
