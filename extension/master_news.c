/*
 * extension/master_news.c
 *
 * Keeps and shows the news of the master; see master_news.h.
 *
 * Process: the master writes, backends read (internal.master_news).  Shared
 * data: SoShared.news, under its spinlock, which is held while short texts are
 * copied.  It begins anew with the segment.
 */
#include "postgres.h"

#include "extension/master_news.h"

#include "access/htup_details.h"
#include "common/protocol.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define COLUMNS 15

SO_SQL_FUNCTION(so_master_news);

static void
copy_text(char *to, const char *from, size_t size)
{
	strlcpy(to, from != NULL ? from : "", size);
}

void
so_master_news_refused(const char *reason)
{
	TimestampTz now = GetCurrentTimestamp();
	SoMasterNews *news = &so_shared->news;

	SpinLockAcquire(&so_shared->mutex);
	news->refused_time = reason != NULL ? now : 0;
	copy_text(news->refusal, reason, sizeof(news->refusal));
	SpinLockRelease(&so_shared->mutex);
}

void
so_master_news_listening(const char *addresses, int port, const char *thumbprint)
{
	SoMasterNews *news = &so_shared->news;

	SpinLockAcquire(&so_shared->mutex);
	news->listening = true;
	news->failed_time = 0;
	copy_text(news->addresses, addresses, sizeof(news->addresses));
	news->port = port;
	copy_text(news->thumbprint, thumbprint, sizeof(news->thumbprint));
	SpinLockRelease(&so_shared->mutex);
}

void
so_master_news_failed(const char *code, const char *message, const char *detail, const char *hint)
{
	TimestampTz now = GetCurrentTimestamp();
	SoMasterNews *news = &so_shared->news;

	SpinLockAcquire(&so_shared->mutex);
	news->failed_time = now;
	copy_text(news->code, code, sizeof(news->code));
	copy_text(news->message, message, sizeof(news->message));
	copy_text(news->detail, detail, sizeof(news->detail));
	copy_text(news->hint, hint, sizeof(news->hint));
	SpinLockRelease(&so_shared->mutex);
}

void
so_master_news_trouble(const char *message)
{
	SpinLockAcquire(&so_shared->mutex);
	copy_text(so_shared->news.trouble, message, sizeof(so_shared->news.trouble));
	SpinLockRelease(&so_shared->mutex);
}

void
so_master_news_gateway_gone(void)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->news.listening = false;
	SpinLockRelease(&so_shared->mutex);
}

/* A cut text may end within a character: what is left of that goes. */
static Datum
text_datum(char *text)
{
	text[pg_mbcliplen(text, (int) strlen(text), (int) strlen(text))] = '\0';
	return CStringGetTextDatum(text);
}

static void
set_text(Datum *values, bool *nulls, int column, char *text, bool known)
{
	nulls[column] = !known || text[0] == '\0';
	values[column] = nulls[column] ? (Datum) 0 : text_datum(text);
}

/*
 * internal.master_news(): process id and database of the master, whether there
 * is a launcher and whether somebody holds the master back, and the news.
 */
Datum
so_master_news(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {false};
	SoMasterNews news;
	pid_t pid;
	Oid database;
	bool launcher;
	bool held;

	so_error_require_preload();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SpinLockAcquire(&so_shared->mutex);
	news = so_shared->news;
	pid = so_shared->master_pid;
	database = so_shared->master_database;
	launcher = so_shared->launcher_latch != NULL;
	held = so_shared->hold > 0;
	SpinLockRelease(&so_shared->mutex);

	values[0] = CStringGetTextDatum(SO_VERSION);
	values[1] = BoolGetDatum(launcher);
	values[2] = BoolGetDatum(held);
	nulls[3] = pid == 0;
	values[3] = Int32GetDatum((int32) pid);
	nulls[4] = pid == 0;
	values[4] = ObjectIdGetDatum(database);
	set_text(values, nulls, 5, news.refusal, news.refused_time != 0);
	nulls[6] = news.failed_time == 0;
	values[6] = TimestampTzGetDatum(news.failed_time);
	set_text(values, nulls, 7, news.code, news.failed_time != 0);
	set_text(values, nulls, 8, news.message, news.failed_time != 0);
	set_text(values, nulls, 9, news.detail, news.failed_time != 0);
	set_text(values, nulls, 10, news.hint, news.failed_time != 0);
	set_text(values, nulls, 11, news.addresses, pid != 0 && news.listening);
	nulls[12] = pid == 0 || !news.listening;
	values[12] = Int32GetDatum(news.port);
	set_text(values, nulls, 13, news.thumbprint, pid != 0 && news.listening);
	set_text(values, nulls, 14, news.trouble, pid != 0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
