/*
 * extension/security.c
 *
 * What enable_scaleout() makes outside of the database: the directory, the
 * master's certificate and key, the encryption key.  Each function makes what
 * is missing and says whether it did; nothing that exists is replaced.
 *
 * Process: client backends of administrators.  Files appear by rename and are
 * not part of the transaction; a second call completes what a crash left.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/master_key.h"
#include "extension/private_file.h"
#include "extension/settings.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "catalog/pg_type.h"
#include "funcapi.h"

#define MAX_NAMES 32

SO_SQL_FUNCTION(so_prepare_security_directory);
SO_SQL_FUNCTION(so_prepare_certificate);
SO_SQL_FUNCTION(so_prepare_encryption_key);
SO_SQL_FUNCTION(so_encryption_key_fingerprint);
SO_SQL_FUNCTION(so_read_certificate);

/* internal.prepare_security_directory(): true when it was made now. */
Datum
so_prepare_security_directory(PG_FUNCTION_ARGS)
{
	SoError error = {0};
	bool created;

	so_error_require_preload();
	if (!so_private_file_prepare_directory(so_setting_resolved_security_directory(), DataDir,
										   &created, &error))
		so_error_raise(&error);
	PG_RETURN_BOOL(created);
}

static void
add_name(const char **names, int *n, const char *name)
{
	for (int i = 0; i < *n; i++)
	{
		if (strcmp(names[i], name) == 0)
			return;
	}
	if (*n < MAX_NAMES)
		names[(*n)++] = pstrdup(name);
}

/* The addresses of this machine that another one could use. */
static void
add_addresses(const char **names, int *n)
{
	struct ifaddrs *list;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *item = list; item != NULL; item = item->ifa_next)
	{
		const void *address = NULL;

		if (item->ifa_addr == NULL || (item->ifa_flags & IFF_UP) == 0)
			continue;
		if (item->ifa_addr->sa_family == AF_INET)
			address = &((struct sockaddr_in *) item->ifa_addr)->sin_addr;
		else if (item->ifa_addr->sa_family == AF_INET6)
		{
			const struct in6_addr *six = &((struct sockaddr_in6 *) item->ifa_addr)->sin6_addr;

			if (!IN6_IS_ADDR_LINKLOCAL(six))
				address = six;
		}
		if (address != NULL && inet_ntop(item->ifa_addr->sa_family, address, text, sizeof(text)))
			add_name(names, n, text);
	}
	freeifaddrs(list);
}

/* internal.prepare_certificate(): true when certificate and key were made now. */
Datum
so_prepare_certificate(PG_FUNCTION_ARGS)
{
	char *certificate = so_setting_resolved_certificate_file();
	char *key = so_setting_resolved_key_file();
	const char *names[MAX_NAMES];
	int n = 0;
	SoError error = {0};
	SoCertificateFacts facts;
	SoCertificateRequest request = {0};

	so_error_require_preload();
	if (access(certificate, F_OK) == 0)
	{
		if (!so_certificate_check_files(certificate, key, &facts, &error))
			so_error_raise(&error);
		PG_RETURN_BOOL(false);
	}
	request.common_name = so_setting_resolved_host_name();
	add_name(names, &n, request.common_name);
	add_name(names, &n, "localhost");
	add_name(names, &n, "127.0.0.1");
	add_name(names, &n, "::1");
	add_addresses(names, &n);
	request.names = names;
	request.name_count = n;
	request.days = SO_CERTIFICATE_DEFAULT_DAYS;
	if (!so_certificate_create(&request, certificate, key, &error))
		so_error_raise(&error);
	PG_RETURN_BOOL(true);
}

/* internal.prepare_encryption_key(wanted text): true when it was made now. */
Datum
so_prepare_encryption_key(PG_FUNCTION_ARGS)
{
	so_error_require_preload();
	PG_RETURN_BOOL(
		so_master_key_prepare(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* internal.encryption_key_fingerprint(wanted text): of the key that is there, or an error. */
Datum
so_encryption_key_fingerprint(PG_FUNCTION_ARGS)
{
	SoMasterKey key;

	so_error_require_preload();
	so_master_key_read(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)), &key);
	OPENSSL_cleanse(key.bytes, sizeof(key.bytes));
	PG_RETURN_TEXT_P(cstring_to_text(key.fingerprint));
}

static Datum
names_array(const SoCertificateFacts *facts)
{
	Datum *elements = palloc(sizeof(Datum) * Max(facts->name_count, 1));

	for (size_t i = 0; i < facts->name_count; i++)
		elements[i] = CStringGetTextDatum(facts->names[i]);
	return PointerGetDatum(
		construct_array(elements, (int) facts->name_count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * internal.read_certificate(pem text, OUT thumbprint text, OUT agent_id uuid,
 * OUT subject text, OUT names text[], OUT not_before timestamptz, OUT not_after
 * timestamptz): what a PEM text says; the server's own certificate when NULL.
 */
Datum
so_read_certificate(PG_FUNCTION_ARGS)
{
	SoCertificateFacts facts;
	SoError error = {0};
	TupleDesc description;
	Datum values[6];
	bool nulls[6] = {false};

	so_error_require_preload();
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("read_certificate must return a row")));
	if (PG_ARGISNULL(0))
	{
		if (!so_certificate_read_file(so_setting_resolved_certificate_file(), &facts, &error))
			so_error_raise(&error);
	}
	else
	{
		text *pem = PG_GETARG_TEXT_PP(0);

		if (!so_certificate_read(VARDATA_ANY(pem), VARSIZE_ANY_EXHDR(pem), &facts, &error))
			ereport(ERROR, (so_errcode(SO_ERR_CERTIFICATE_INVALID), errmsg("%s", error.message),
							error.detail[0] ? errdetail("%s", error.detail) : 0,
							errhint("%s", so_error_default_hint(SO_ERR_CERTIFICATE_INVALID))));
	}
	values[0] = CStringGetTextDatum(facts.thumbprint_text);
	nulls[1] = facts.agent_id[0] == '\0';
	values[1] =
		nulls[1] ? (Datum) 0 : DirectFunctionCall1(uuid_in, CStringGetDatum(facts.agent_id));
	values[2] = CStringGetTextDatum(facts.subject);
	values[3] = names_array(&facts);
	values[4] = TimestampTzGetDatum(time_t_to_timestamptz(facts.not_before));
	values[5] = TimestampTzGetDatum(time_t_to_timestamptz(facts.not_after));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
