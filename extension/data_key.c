/*
 * extension/data_key.c
 *
 * Finds, makes and wraps data keys.  A wrapped key is nonce, ciphertext and tag,
 * authenticated together with its id and project.
 *
 * Process: backends that encrypt, and the master.  Plain keys are kept until the
 * end of the transaction (or the abort of a subtransaction, which may have made
 * one), then cleared.  Two sessions may make a key for the same project at the same
 * time: both stay, and nobody waits for anybody.  Only the exchange of the
 * encryption key locks the table.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/compat.h"
#include "extension/data_key.h"
#include "extension/error.h"
#include "extension/master_key.h"
#include "extension/secrets.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define WRAPPED_SIZE (SO_KEY_SIZE + SO_SEALED_SIZE)
#define CACHE_SIZE   64

SO_SQL_FUNCTION(so_exchange_encryption_key);
SO_SQL_FUNCTION(so_rewrap_data_key);

typedef struct DataKey
{
	int64 id; /* 0: free */
	int64 project_id;
	uint8 bytes[SO_KEY_SIZE];
} DataKey;

/* Of this transaction. */
static DataKey cache[CACHE_SIZE];
static int cached;

/* The key that an exchange in this transaction has made. */
static SoMasterKey exchange_key;

typedef struct Statement
{
	const char *sql;
	int n;
	Oid types[4];
	SPIPlanPtr plan;
} Statement;

static Statement find_by_project = {
	"SELECT data_key_id, project_id, wrapped, fingerprint FROM internal.data_key"
	" WHERE project_id OPERATOR(pg_catalog.=) $1 ORDER BY data_key_id LIMIT 1",
	1,
	{INT8OID},
	NULL};

static Statement find_by_id = {
	"SELECT data_key_id, project_id, wrapped, fingerprint FROM internal.data_key"
	" WHERE data_key_id OPERATOR(pg_catalog.=) $1",
	1,
	{INT8OID},
	NULL};

static Statement lock_keys = {"LOCK TABLE internal.data_key IN ROW EXCLUSIVE MODE", 0, {0}, NULL};

static Statement next_id = {"SELECT pg_catalog.nextval('internal.data_key_data_key_id_seq'),"
							" (SELECT fingerprint FROM internal.encryption_key)",
							0,
							{0},
							NULL};

static Statement insert_key = {
	"INSERT INTO internal.data_key (data_key_id, project_id, wrapped, fingerprint)"
	" VALUES ($1, $2, $3, $4)",
	4,
	{INT8OID, INT8OID, BYTEAOID, TEXTOID},
	NULL};

static void
clear_keys(void)
{
	OPENSSL_cleanse(cache, sizeof(cache));
	OPENSSL_cleanse(&exchange_key, sizeof(exchange_key));
	cached = 0;
}

static const uint8 *
keep(int64 id, int64 project_id, const uint8 *bytes)
{
	DataKey *key = &cache[cached++ % CACHE_SIZE];

	key->id = id;
	key->project_id = project_id;
	memcpy(key->bytes, bytes, SO_KEY_SIZE);
	return key->bytes;
}

static uint64
run(Statement *statement, Datum *values)
{
	int rc;

	if (statement->plan == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(statement->sql, statement->n, statement->types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			ereport(ERROR, (so_errcode(SO_ERR_INTERNAL),
							errmsg("cannot prepare \"%s\": %s", statement->sql,
								   SPI_result_code_string(SPI_result))));
		statement->plan = plan;
	}
	/* Not read-only: with a snapshot of its own, which sees what was made a moment ago. */
	rc = SPI_execute_plan(statement->plan, values, NULL, false, 0);
	if (rc < 0)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL),
						errmsg("\"%s\" failed: %s", statement->sql, SPI_result_code_string(rc))));
	return SPI_processed;
}

static int64
column_int64(int column)
{
	bool is_null;

	return DatumGetInt64(
		SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null));
}

/* ---- wrapping ---- */

static char *
bound_text(int64 id, int64 project_id)
{
	return psprintf("data_key/" INT64_FORMAT "/" INT64_FORMAT, id, project_id);
}

static bytea *
wrap(const SoMasterKey *master, int64 id, int64 project_id, const uint8 *key)
{
	bytea *wrapped = palloc(VARHDRSZ + WRAPPED_SIZE);
	char *bound = bound_text(id, project_id);

	SET_VARSIZE(wrapped, VARHDRSZ + WRAPPED_SIZE);
	so_cipher_seal(master->bytes, bound, (int) strlen(bound), key, SO_KEY_SIZE,
				   (uint8 *) VARDATA(wrapped));
	return wrapped;
}

/* Raises SO136 when the wrapped key was changed. */
static void
unwrap(const SoMasterKey *master, int64 id, int64 project_id, const bytea *wrapped, uint8 *key)
{
	char *bound = bound_text(id, project_id);

	if (VARSIZE_ANY_EXHDR(wrapped) != WRAPPED_SIZE ||
		!so_cipher_open(master->bytes, bound, (int) strlen(bound),
						(const uint8 *) VARDATA_ANY(wrapped), WRAPPED_SIZE, key))
		so_secrets_raise_unreadable("Its data key is damaged.");
}

/* The only row of the last statement, unwrapped. */
static const uint8 *
take_row(int64 *id)
{
	SoMasterKey master;
	uint8 bytes[SO_KEY_SIZE];
	const uint8 *key;
	bool is_null;
	bytea *wrapped =
		DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &is_null));
	char *fingerprint = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4);
	int64 project_id = column_int64(2);

	*id = column_int64(1);
	so_master_key_read(fingerprint, &master);
	unwrap(&master, *id, project_id, wrapped, bytes);
	OPENSSL_cleanse(&master, sizeof(master));
	key = keep(*id, project_id, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return key;
}

static const uint8 *
make_key(int64 project_id, int64 *id)
{
	SoMasterKey master;
	uint8 bytes[SO_KEY_SIZE];
	const uint8 *key;
	Datum values[4];

	/* An exchange that is going on must not miss it. */
	(void) run(&lock_keys, NULL);
	if (run(&next_id, NULL) != 1)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("no number for a data key")));
	*id = column_int64(1);
	so_master_key_read(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2), &master);
	so_cipher_make_key(bytes);
	values[0] = Int64GetDatum(*id);
	values[1] = Int64GetDatum(project_id);
	values[2] = PointerGetDatum(wrap(&master, *id, project_id, bytes));
	values[3] = CStringGetTextDatum(master.fingerprint);
	OPENSSL_cleanse(&master, sizeof(master));
	(void) run(&insert_key, values);
	key = keep(*id, project_id, bytes);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return key;
}

const uint8 *
so_data_key_of_project(int64 project_id, int64 *id)
{
	Datum values[1] = {Int64GetDatum(project_id)};
	const uint8 *key;

	for (int i = 0; i < Min(cached, CACHE_SIZE); i++)
	{
		if (cache[i].project_id == project_id)
		{
			*id = cache[i].id;
			return cache[i].bytes;
		}
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("SPI_connect failed")));
	key = run(&find_by_project, values) > 0 ? take_row(id) : make_key(project_id, id);
	SPI_finish();
	return key;
}

const uint8 *
so_data_key_by_id(int64 id)
{
	Datum values[1] = {Int64GetDatum(id)};
	const uint8 *key = NULL;

	for (int i = 0; i < Min(cached, CACHE_SIZE); i++)
	{
		if (cache[i].id == id)
			return cache[i].bytes;
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("SPI_connect failed")));
	if (run(&find_by_id, values) > 0)
		key = take_row(&id);
	SPI_finish();
	return key;
}

/* ---- exchange of the encryption key ---- */

/* internal.exchange_encryption_key(wanted text) returns text: the fingerprint of the new key. */
Datum
so_exchange_encryption_key(PG_FUNCTION_ARGS)
{
	so_error_require_preload();
	so_master_key_exchange(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)),
						   &exchange_key);
	PG_RETURN_TEXT_P(cstring_to_text(exchange_key.fingerprint));
}

/*
 * internal.rewrap_data_key(data_key_id bigint, project_id bigint, wrapped bytea,
 * fingerprint text) returns bytea: the same key, wrapped with the new encryption key.
 */
Datum
so_rewrap_data_key(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	int64 project_id = PG_GETARG_INT64(1);
	bytea *wrapped = PG_GETARG_BYTEA_PP(2);
	SoMasterKey old_key;
	uint8 bytes[SO_KEY_SIZE];
	bytea *result;

	so_error_require_preload();
	if (exchange_key.fingerprint[0] == '\0')
		ereport(ERROR,
				(so_errcode(SO_ERR_INTERNAL), errmsg("no key was exchanged in this transaction")));
	so_master_key_read(text_to_cstring(PG_GETARG_TEXT_PP(3)), &old_key);
	unwrap(&old_key, id, project_id, wrapped, bytes);
	result = wrap(&exchange_key, id, project_id, bytes);
	OPENSSL_cleanse(&old_key, sizeof(old_key));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	PG_RETURN_BYTEA_P(result);
}

static void
at_transaction_event(XactEvent event, void *argument)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		clear_keys();
}

static void
at_subtransaction_event(SubXactEvent event, SubTransactionId ended, SubTransactionId parent,
						void *argument)
{
	/* A key that it has made is gone. */
	if (event == SUBXACT_EVENT_ABORT_SUB && cached > 0)
	{
		OPENSSL_cleanse(cache, sizeof(cache));
		cached = 0;
	}
}

void
so_data_key_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
