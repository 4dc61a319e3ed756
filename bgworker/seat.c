/*
 * bgworker/seat.c
 *
 * A label on the database says where to look for the catalog; here is decided
 * whether it is the active one of this cluster: the extension is installed in
 * a version that the library speaks, it is enabled, and its binding names this
 * cluster, this database and the token that stands in a file outside of the
 * data directory.  A restored or copied catalog fails one of these, and must:
 * it would run last night's loads a second time.
 *
 * Process: master and maintenance.  Shared data: SoShared.master_refusal under
 * the spinlock, so that a refusal is logged once and not at every try.
 */
#include "postgres.h"

#include "bgworker/seat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "bgworker/spi.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "common/protocol.h"
#include "extension/binding.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/master_news.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

static SoSpiStatement begin_statement = {
	.sql = "SELECT ok, reason, epoch FROM internal.master_begin($1, $2, $3, $4, $5)",
	.n_arguments = 5,
	.types = {INT8OID, OIDOID, TEXTOID, INT4OID, TEXTOID}};

/* Is the installed version one that the library speaks?  There is only one so far. */
static bool
version_spoken(Oid extension)
{
	Relation relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool spoken = false;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(relation, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool isnull;
		Datum version =
			heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &isnull);

		spoken = !isnull && strcmp(TextDatumGetCString(version), SO_VERSION) == 0;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return spoken;
}

bool
so_seat_extension(const char **reason)
{
	Oid extension = get_extension_oid("scaleout", true);

	if (OidIsValid(extension))
	{
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
		/* It may have been dropped while we waited for the lock. */
		if (get_extension_oid("scaleout", true) != extension)
			extension = InvalidOid;
	}
	if (!OidIsValid(extension))
	{
		*reason = "the extension is not installed in this database";
		return false;
	}
	if (!version_spoken(extension))
	{
		*reason =
			"the extension in the database is not of version " SO_VERSION
			", which the library speaks; run ALTER EXTENSION scaleout UPDATE or restart the server";
		return false;
	}
	return true;
}

/* The token of the file when it binds this server; NULL with the reason. */
static char *
token_of_file(char **reason)
{
	SoBinding *binding = palloc(sizeof(SoBinding));
	SoError error;
	char text[4096];

	so_error_clear(&error);
	if (so_binding_read(binding, &error) && so_binding_is_ours(binding, &error))
		return binding->token;
	*reason = pstrdup(so_error_format(&error, text, sizeof(text)));
	return NULL;
}

bool
so_seat_take(SoMaster *master, MemoryContext context, char **reason)
{
	char *file_reason = NULL;
	char *token = token_of_file(&file_reason);
	Datum arguments[5];
	char nulls[6] = "     ";

	arguments[0] = Int64GetDatum((int64) GetSystemIdentifier());
	arguments[1] = ObjectIdGetDatum(MyDatabaseId);
	arguments[2] = token != NULL ? CStringGetTextDatum(token) : (Datum) 0;
	nulls[2] = token != NULL ? ' ' : 'n';
	arguments[3] = Int32GetDatum((int32) so_insertion_timeline());
	arguments[4] = CStringGetTextDatum(so_setting_machine_name());
	if (so_spi_run(&begin_statement, arguments, nulls) != 1)
		elog(ERROR, "internal.master_begin did not answer");
	master->epoch = (uint64) so_spi_int64(0, 3);
	if (so_spi_bool(0, 1))
		return true;
	*reason = so_spi_text(0, 2, context);
	if (token == NULL && file_reason != NULL)
		*reason = MemoryContextStrdup(context, psprintf("%s (%s)", *reason, file_reason));
	return false;
}

void
so_seat_refuse(const char *database, const char *reason)
{
	uint32 hash = hash_bytes((const unsigned char *) reason, (int) strlen(reason)) | 1;
	bool news;

	SpinLockAcquire(&so_shared->mutex);
	news = so_shared->master_refusal != hash;
	so_shared->master_refusal = hash;
	SpinLockRelease(&so_shared->mutex);
	so_master_news_refused(reason);
	if (news)
		ereport(LOG, (so_errcode(SO_ERR_BINDING_MISMATCH),
					  errmsg("scaleout does not run in database \"%s\": %s", database, reason),
					  errhint("If this is the catalog that should run, connect to it and call "
							  "SELECT catalog.enable_scaleout().")));
	/* 0: nothing failed; the launcher decides when to ask again. */
	proc_exit(0);
}

void
so_seat_taken(void)
{
	SpinLockAcquire(&so_shared->mutex);
	so_shared->master_refusal = 0;
	SpinLockRelease(&so_shared->mutex);
	so_master_news_refused(NULL);
	so_master_news_gateway_gone();
	so_master_news_trouble(NULL);
}
