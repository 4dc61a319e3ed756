/*
 * extension/secrets.c
 *
 * internal.encrypt_secret and internal.decrypt_secret.  An encrypted value is
 *
 *   1 byte   format, 2
 *   8 bytes  id of the data key, big-endian
 *   12 bytes nonce, random
 *   n bytes  ciphertext
 *   16 bytes tag
 *
 * and is authenticated together with a text that names its row, so that it
 * cannot be moved to another one.
 *
 * Process: client backends and the master.  Keys are never in shared memory,
 * and in the database only wrapped.
 */
#include "postgres.h"

#include "extension/compat.h"
#include "extension/data_key.h"
#include "extension/error.h"
#include "extension/secrets.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

#define FORMAT      2
#define PREFIX_SIZE (1 + 8)

SO_SQL_FUNCTION(so_encrypt_secret);
SO_SQL_FUNCTION(so_decrypt_secret);

/*
 * internal.encrypt_secret(project bigint, plain text, bound_to text) returns
 * bytea; NULL in, NULL out.
 */
Datum
so_encrypt_secret(PG_FUNCTION_ARGS)
{
	text *plain;
	text *bound_to;
	int length;
	bytea *result;
	uint8 *bytes;
	const uint8 *key;
	int64 id;
	uint64 wire_id;

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	plain = PG_GETARG_TEXT_PP(1);
	bound_to = PG_GETARG_TEXT_PP(2);
	length = (int) VARSIZE_ANY_EXHDR(plain);
	result = palloc(VARHDRSZ + PREFIX_SIZE + length + SO_SEALED_SIZE);
	SET_VARSIZE(result, VARHDRSZ + PREFIX_SIZE + length + SO_SEALED_SIZE);
	bytes = (uint8 *) VARDATA(result);
	key = so_data_key_of_project(PG_GETARG_INT64(0), &id);
	wire_id = pg_hton64((uint64) id);
	bytes[0] = FORMAT;
	memcpy(bytes + 1, &wire_id, sizeof(wire_id));
	so_cipher_seal(key, VARDATA_ANY(bound_to), (int) VARSIZE_ANY_EXHDR(bound_to),
				   (const uint8 *) VARDATA_ANY(plain), length, bytes + PREFIX_SIZE);
	PG_RETURN_BYTEA_P(result);
}

void
so_secrets_raise_unreadable(const char *detail)
{
	ereport(ERROR, (so_errcode(SO_ERR_SECRET_UNREADABLE),
					errmsg("an encrypted value cannot be decrypted"), errdetail("%s", detail),
					errhint("%s", so_error_default_hint(SO_ERR_SECRET_UNREADABLE))));
}

/* internal.decrypt_secret(secret bytea, bound_to text) returns text; NULL in, NULL out. */
Datum
so_decrypt_secret(PG_FUNCTION_ARGS)
{
	bytea *secret;
	text *bound_to;
	text *result;
	const uint8 *bytes;
	const uint8 *key;
	int length;
	uint64 wire_id;

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	secret = PG_GETARG_BYTEA_PP(0);
	bound_to = PG_GETARG_TEXT_PP(1);
	bytes = (const uint8 *) VARDATA_ANY(secret);
	length = (int) VARSIZE_ANY_EXHDR(secret) - PREFIX_SIZE - SO_SEALED_SIZE;
	if (length < 0 || bytes[0] != FORMAT)
		so_secrets_raise_unreadable("It is not in the format of this version.");
	memcpy(&wire_id, bytes + 1, sizeof(wire_id));
	key = so_data_key_by_id((int64) pg_ntoh64(wire_id));
	if (key == NULL)
		so_secrets_raise_unreadable("Its data key is not in this catalog.");
	result = palloc(VARHDRSZ + length + 1);
	SET_VARSIZE(result, VARHDRSZ + length);
	if (!so_cipher_open(key, VARDATA_ANY(bound_to), (int) VARSIZE_ANY_EXHDR(bound_to),
						bytes + PREFIX_SIZE, length + SO_SEALED_SIZE, (uint8 *) VARDATA(result)))
		so_secrets_raise_unreadable("It is damaged, or belongs to another row.");
	PG_RETURN_TEXT_P(result);
}
