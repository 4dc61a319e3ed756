/*
 * extension/diagnose.c
 *
 * What catalog.diagnose_scaleout() needs from outside of the database: files,
 * programs and space, as the server's account sees them; and its answer when
 * the library is not preloaded and nothing else can be asked.
 *
 * Process: client backends; reads only.
 */
#include "postgres.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "common/certificate.h"
#include "common/certificate_host.h"
#include "common/thumbprint.h"
#include "extension/compat.h"
#include "extension/entry.h"
#include "extension/error.h"
#include "extension/private_file.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Less than this is a warning: the files themselves are small, the logs next to them are not. */
#define LOW_SPACE_MB 100

SO_SQL_FUNCTION(so_diagnose_scaleout);
SO_SQL_FUNCTION(so_check_server_file);

static bool
file_error(SoError *error, SoErrorCode code, const char *path, const char *what)
{
	int reason = errno;

	so_error_set(error, code, path, "%s", what);
	return so_error_detail(error, "\"%s\": %s.", path, strerror(reason));
}

static bool
check_directory(SoError *error)
{
	char *path = so_setting_resolved_security_directory();
	bool created;

	/* The check below would make it. */
	if (access(path, F_OK) != 0)
	{
		file_error(error, SO_ERR_SECURITY_DIRECTORY, path, "the security directory is missing");
		return so_error_hint(error, "Restore it from its backup; or run SELECT * FROM "
									"catalog.enable_scaleout(); which makes what is missing, "
									"and then SELECT pg_reload_conf();");
	}
	if (!so_private_file_prepare_directory(path, DataDir, &created, error))
		return false;
	if (access(path, W_OK | X_OK) != 0)
	{
		file_error(error, SO_ERR_SECURITY_DIRECTORY, path,
				   "the security directory cannot be written");
		return so_error_hint(error, "Run chmod 700 %s", path);
	}
	return true;
}

static bool
check_space(SoError *error)
{
	char *path = so_setting_resolved_security_directory();
	struct statvfs space;
	unsigned long long free_mb;

	if (statvfs(path, &space) != 0)
		return file_error(error, SO_ERR_SECURITY_DIRECTORY, path, "the free space is not known");
	free_mb = (unsigned long long) space.f_bavail * space.f_frsize / (1024 * 1024);
	if (free_mb >= LOW_SPACE_MB)
		return true;
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, path,
				 "the file system of the security directory is almost full");
	so_error_detail(error, "%llu MB are free in \"%s\".", free_mb, path);
	return so_error_hint(error,
						 "Free space there: run du -ax \"$(df --output=target '%s' | tail -n 1)\" "
						 "| sort -n | tail to see what takes it.",
						 path);
}

static bool
check_certificate(SoError *error)
{
	SoCertificateFacts facts;
	char *path = so_setting_resolved_certificate_file();

	if (access(path, F_OK) != 0)
	{
		file_error(error, SO_ERR_FILE_UNREADABLE, path, "the certificate of the master is missing");
		return so_error_hint(
			error, "Restore certificate and key from their backup; or run SELECT * "
				   "FROM catalog.enable_scaleout(); which makes new ones, then "
				   "SELECT pg_reload_conf(); and give the new thumbprint to the workers.");
	}
	if (so_certificate_check_files(path, so_setting_resolved_key_file(), &facts, error))
		return true;
	/* A cure that can be done as it is written. */
	if (error->code == SO_ERR_KEY_EXPOSED)
		so_error_hint(error, "Run chmod 600 %s", so_setting_resolved_key_file());
	else if (error->code == SO_ERR_FILE_UNREADABLE)
	{
		if (access(path, R_OK) == 0)
			path = so_setting_resolved_key_file();
		if (access(path, R_OK) != 0 && errno == ENOENT)
			so_error_hint(error, "Restore \"%s\" from its backup.", path);
		else
			so_error_hint(error,
						  "The account of the server must own the file: run chmod 600 %s; or as "
						  "root chown it first.",
						  path);
	}
	return false;
}

/* Whether the certificate is for the name that workers are told. */
static bool
check_host_name(SoError *error)
{
	return so_certificate_file_matches_host(so_setting_resolved_certificate_file(),
											so_setting_resolved_host_name(), error);
}

static bool
check_programs(SoError *error)
{
	static const char *const programs[] = {"scaleout-gateway", "scaleout-loader"};

	for (int i = 0; i < lengthof(programs); i++)
	{
		char *path = so_setting_resolved_program(programs[i]);

		if (access(path, X_OK) == 0)
			continue;
		file_error(error, SO_ERR_SYSTEM_CALL, path, "a program of the server cannot be run");
		if (strcmp(so_setting_program_directory, SO_PROGRAM_DIRECTORY) != 0)
			return so_error_hint(error,
								 "Set scaleout.program_directory = '%s' and run SELECT "
								 "pg_reload_conf(); or install the programs of this version there.",
								 SO_PROGRAM_DIRECTORY);
		return so_error_hint(error, "Install the programs of this version (make install), or set "
									"\"scaleout.program_directory\".");
	}
	return true;
}

/*
 * internal.check_server_file(what text, OUT ok, OUT cause, OUT cure): security
 * directory, space, certificate, host name, programs.
 */
Datum
so_check_server_file(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *what;
		bool (*check)(SoError *error);
	} checks[] = {{"security directory", check_directory},
				  {"space", check_space},
				  {"certificate", check_certificate},
				  {"host name", check_host_name},
				  {"programs", check_programs}};
	char *what = text_to_cstring(PG_GETARG_TEXT_PP(0));
	TupleDesc descriptor;
	Datum values[3] = {0};
	bool nulls[3] = {false, true, true};
	SoError error = {0};
	bool known = false;
	bool ok = false;

	so_error_require_preload();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < lengthof(checks) && !known; i++)
	{
		known = strcmp(checks[i].what, what) == 0;
		if (known)
			ok = checks[i].check(&error);
	}
	if (!known)
		elog(ERROR, "there is no check \"%s\"", what);
	values[0] = BoolGetDatum(ok);
	if (!ok)
	{
		const char *hint = error.hint[0] != '\0' ? error.hint : so_error_default_hint(error.code);

		nulls[1] = nulls[2] = false;
		values[1] = CStringGetTextDatum(
			psprintf("%s: %s%s%s%s", so_error_state(error.code), error.message,
					 error.place[0] != '\0' && strstr(error.detail, error.place) == NULL &&
							 strstr(error.message, error.place) == NULL
						 ? psprintf(" (%s)", error.place)
						 : "",
					 error.detail[0] != '\0' ? ". " : "", error.detail));
		values[2] = CStringGetTextDatum(hint);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* The only row that can be given without shared memory. */
static void
return_not_preloaded(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum values[4];
	bool nulls[4] = {false};
	TupleDesc descriptor;
	MemoryContext old;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		!(result->allowedModes & SFRM_Materialize) ||
		get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a function that returns a set was called where none is allowed"),
						errhint("Call it in FROM.")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	result->returnMode = SFRM_Materialize;
	result->setDesc = CreateTupleDescCopy(descriptor);
	result->setResult = tuplestore_begin_heap(true, false, work_mem);
	MemoryContextSwitchTo(old);
	values[0] = CStringGetTextDatum("library preloaded");
	values[1] = CStringGetTextDatum("failed");
	values[2] = CStringGetTextDatum(psprintf("%s: %s", so_error_state(SO_ERR_NOT_PRELOADED),
											 so_error_summary(SO_ERR_NOT_PRELOADED)));
	values[3] = CStringGetTextDatum(so_error_default_hint(SO_ERR_NOT_PRELOADED));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* catalog.diagnose_scaleout(): an entry function that also answers without the library. */
Datum
so_diagnose_scaleout(PG_FUNCTION_ARGS)
{
	if (so_shared != NULL)
		return so_entry(fcinfo);
	return_not_preloaded(fcinfo);
	return (Datum) 0;
}
