/*
 * extension/next_certificate.c
 *
 * Makes the master's next certificate (rotate_master_certificate), puts it in
 * place, and says which endpoint the settings describe.
 *
 * Process: client backends of administrators make the files, one at a time by an
 * advisory lock; the master renames them.  Two files cannot be renamed at once:
 * after a crash between the two renames there is a ".next" certificate without
 * its key, which so_next_certificate_complete recognises.
 */
#include "postgres.h"

#include "extension/next_certificate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/certificate_host.h"
#include "common/fault.h"
#include "common/pem_file.h"
#include "common/succession.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/settings.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

SO_SQL_FUNCTION(so_own_endpoint);
SO_SQL_FUNCTION(so_prepare_next_certificate);

static char *
next_name(const char *file)
{
	return psprintf("%s.next", file);
}

static bool
exists(const char *file)
{
	return access(file, F_OK) == 0;
}

bool
so_next_certificate_complete(SoError *error)
{
	char *certificate = so_setting_resolved_certificate_file();
	char *key = so_setting_resolved_key_file();
	char *next_certificate = next_name(certificate);
	SoCertificateFacts facts;

	if (!exists(next_certificate) || exists(next_name(key)) ||
		!so_certificate_check_files(next_certificate, key, &facts, error))
		return true;
	return so_pem_file_rename(next_certificate, certificate, error);
}

bool
so_next_certificate_install(const char *thumbprint, int64 succession_s, SoError *error)
{
	char *certificate = so_setting_resolved_certificate_file();
	char *key = so_setting_resolved_key_file();
	char *next_certificate = next_name(certificate);
	char *next_key = next_name(key);
	SoCertificateFacts facts;

	if (so_certificate_check_files(certificate, key, &facts, error) &&
		strcmp(facts.thumbprint_text, thumbprint) == 0)
		return true;
	if (!so_certificate_check_files(next_certificate, next_key, &facts, error))
		return false;
	if (strcmp(facts.thumbprint_text, thumbprint) != 0)
	{
		so_error_set(error, SO_ERR_CERTIFICATE_INVALID, next_certificate,
					 "this is not the certificate that was announced");
		return so_error_detail(error, "Its thumbprint is %s, announced was %s.",
							   facts.thumbprint_text, thumbprint);
	}
	/* Signed with the key that goes now: afterwards nobody can. */
	if (!so_succession_write(certificate, key, next_certificate, next_key,
							 time(NULL) + (time_t) succession_s, error))
		return false;
	SO_FAULT("next_certificate.signed");
	if (!so_pem_file_rename(next_key, key, error))
		return false;
	SO_FAULT("next_certificate.key_placed");
	if (!so_pem_file_rename(next_certificate, certificate, error))
		return false;
	SO_FAULT("next_certificate.placed");
	return true;
}

/* A file of the security directory by its plain name. */
static char *
file_of_directory(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_INVALID),
						errmsg("\"%s\" is not the name of a file", name),
						errdetail("Put the files into the security directory and give their names "
								  "without a path.")));
	return psprintf("%s/%s", so_setting_resolved_security_directory(), name);
}

/* Copy a small file; the copy appears by rename. */
static void
copy_file(const char *from, const char *to, mode_t mode)
{
	char *temporary = psprintf("%s.%d", to, MyProcPid);
	char buffer[8192];
	ssize_t got;
	int source = OpenTransientFile(from, O_RDONLY | PG_BINARY);
	int target;

	unlink(temporary);
	target = OpenTransientFilePerm(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, mode);
	if (source < 0 || target < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not open file \"%s\": %m", source < 0 ? from : temporary)));
	while ((got = read(source, buffer, sizeof(buffer))) > 0)
		if (write(target, buffer, got) != got)
			break;
	explicit_bzero(buffer, sizeof(buffer));
	if (got != 0 || fchmod(target, mode) != 0 || pg_fsync(target) != 0 ||
		CloseTransientFile(target) != 0 || rename(temporary, to) != 0)
	{
		unlink(temporary);
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not write file \"%s\": %m", temporary)));
	}
	CloseTransientFile(source);
}

static void
add_name(SoCertificateRequest *request, const char **names, const char *name)
{
	for (size_t i = 0; i < request->name_count; i++)
	{
		if (pg_strcasecmp(names[i], name) == 0)
			return;
	}
	names[request->name_count++] = name;
}

/* A new pair with the names of the present certificate, this host's and the wanted one (or NULL). */
static void
make_next(const char *certificate, const char *key, const char *wanted, SoError *error)
{
	const char *names[SO_CERTIFICATE_MAX_NAMES + 2];
	SoCertificateFacts present;
	SoCertificateRequest request = {0};

	if (!so_certificate_read_file(so_setting_resolved_certificate_file(), &present, error))
		so_error_raise(error);
	request.common_name = so_setting_resolved_host_name();
	add_name(&request, names, request.common_name);
	if (wanted != NULL)
		add_name(&request, names, wanted);
	for (size_t i = 0; i < present.name_count; i++)
		add_name(&request, names, present.names[i]);
	request.names = names;
	request.days = SO_CERTIFICATE_DEFAULT_DAYS;
	request.replace = true;
	if (!so_certificate_create(&request, certificate, key, error))
		so_error_raise(error);
}

/*
 * Workers refuse a master whose certificate has not the name by which they know it,
 * and then hear of no other certificate either.
 */
static void
warn_of_missing_names(const char *file)
{
	SoCertificateFacts present;
	StringInfoData missing;
	SoError error;

	/* What the present one was for is known only when it can be read. */
	if (!so_certificate_read_file(so_setting_resolved_certificate_file(), &present, &error))
		return;
	initStringInfo(&missing);
	for (size_t i = 0; i < present.name_count; i++)
	{
		if (!so_certificate_file_matches_host(file, present.names[i], &error))
			appendStringInfo(&missing, "%s%s", missing.len > 0 ? ", " : "", present.names[i]);
	}
	if (missing.len > 0)
		ereport(
			WARNING,
			(errmsg("the next certificate lacks names that the present one has: %s", missing.data),
			 errhint("A worker with one of them in MasterEndpoint will refuse the master "
					 "(SO313): change that first.")));
}

static void
require_name(const char *file, const char *wanted, const SoCertificateFacts *facts)
{
	StringInfoData names;
	SoError error = {0};

	if (so_certificate_file_matches_host(file, wanted, &error))
		return;
	if (error.code != SO_ERR_HOST_NAME_MISMATCH)
		so_error_raise(&error);
	initStringInfo(&names);
	for (size_t i = 0; i < facts->name_count; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", facts->names[i]);
	snprintf(error.place, sizeof(error.place), "%s", file);
	if (facts->name_count == 0)
		so_error_detail(&error,
						"It has no subject alternative name; its common name does not count.");
	else
		so_error_detail(&error, "Its names are %s.", names.data);
	so_error_hint(&error,
				  "Have it made with this name (scaleout cert request --like %s takes the present "
				  "names over), or give workers another one first: scaleout.host_name or "
				  "catalog.update_master_address().",
				  so_setting_resolved_certificate_file());
	so_error_raise(&error);
}

/*
 * internal.prepare_next_certificate(certificate_file text, key_file text, host text,
 * OUT thumbprint text, OUT not_before timestamptz, OUT not_after timestamptz, OUT
 * succession boolean).  A pair that is made has the name host, too; succession: the
 * present certificate may name it as its successor.  A pair that is given must have the
 * name host, or without one that of this server.  What an earlier call has left behind is
 * replaced.
 */
Datum
so_prepare_next_certificate(PG_FUNCTION_ARGS)
{
	char *certificate = next_name(so_setting_resolved_certificate_file());
	char *key = next_name(so_setting_resolved_key_file());
	char *host = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	SoCertificateFacts facts;
	SoError error = {0};
	TupleDesc description;
	Datum values[4];
	bool nulls[4] = {false};
	bool possible;

	so_error_require_preload();
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL),
						errmsg("prepare_next_certificate must return a row")));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		make_next(certificate, key, host, &error);
	else
	{
		char *given = file_of_directory(text_to_cstring(PG_GETARG_TEXT_PP(0)));
		char *given_key = file_of_directory(text_to_cstring(PG_GETARG_TEXT_PP(1)));

		if (!so_certificate_check_files(given, given_key, &facts, &error))
			so_error_raise(&error);
		require_name(given, host != NULL ? host : so_setting_resolved_host_name(), &facts);
		warn_of_missing_names(given);
		/* Never a certificate beside a key that is not its own. */
		unlink(certificate);
		copy_file(given_key, key, 0600);
		copy_file(given, certificate, 0644);
	}
	if (!so_certificate_check_files(certificate, key, &facts, &error))
		so_error_raise(&error);
	if (!so_succession_possible(so_setting_resolved_certificate_file(), &possible, &error))
		so_error_raise(&error);
	values[0] = CStringGetTextDatum(facts.thumbprint_text);
	values[1] = TimestampTzGetDatum(time_t_to_timestamptz(facts.not_before));
	values[2] = TimestampTzGetDatum(time_t_to_timestamptz(facts.not_after));
	values[3] = BoolGetDatum(possible);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

/* internal.own_endpoint(): https://host:port by the settings, NULL when any port may be taken. */
Datum
so_own_endpoint(PG_FUNCTION_ARGS)
{
	char *host;

	so_error_require_preload();
	if (so_setting_port_number == 0)
		PG_RETURN_NULL();
	host = so_setting_resolved_host_name();
	PG_RETURN_TEXT_P(
		cstring_to_text(psprintf(strchr(host, ':') != NULL ? "https://[%s]:%d" : "https://%s:%d",
								 host, so_setting_port_number)));
}
