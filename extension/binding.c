/*
 * extension/binding.c
 *
 * The token file, and the security label on the database of the active
 * catalog.  The label is a hint where to look; the token decides, because a
 * physical copy of the cluster has the same identifiers and labels.
 *
 * Process: backends (enable_scaleout, disable_scaleout) and the master.  The
 * file is replaced atomically and is not part of the transaction: when the
 * transaction that wrote it aborts, file and catalog differ, the master does
 * not start, and enable_scaleout() puts it right.
 */
#include "postgres.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_database.h"
#include "commands/seclabel.h"
#include "bgworker/launcher.h"
#include "extension/binding.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/private_file.h"
#include "extension/settings.h"
#include "extension/wake.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#define MAX_TOKEN_FILE 16384
#define LABEL_ACTIVE   "active"

SO_SQL_FUNCTION(so_write_binding);
SO_SQL_FUNCTION(so_read_binding_token);
SO_SQL_FUNCTION(so_bound_database);
SO_SQL_FUNCTION(so_mark_active);
SO_SQL_FUNCTION(so_system_identifier);

/* SECURITY LABEL FOR scaleout ON DATABASE, as pg_dump -C writes it. */
static void
check_label(const ObjectAddress *object, const char *label)
{
	if (object->classId != DatabaseRelationId)
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_INVALID),
						errmsg("labels of scaleout exist for databases only")));
	if (!superuser())
		ereport(ERROR, (so_errcode(SO_ERR_PERMISSION_DENIED),
						errmsg("only a superuser may set a label of scaleout"),
						errhint("Run SELECT catalog.enable_scaleout().")));
	if (label != NULL && strcmp(label, LABEL_ACTIVE) != 0)
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_INVALID),
						errmsg("\"%s\" is no label of scaleout", label),
						errdetail("The only label is \"%s\".", LABEL_ACTIVE)));
}

void
so_binding_init(void)
{
	register_label_provider(SO_LABEL_PROVIDER, check_label);
}

/* One line "name=value" of the token file; unknown names are for later versions. */
static void
take_line(SoBinding *binding, const char *name, const char *value)
{
	if (strcmp(name, "token") == 0)
		strlcpy(binding->token, value, sizeof(binding->token));
	else if (strcmp(name, "system_identifier") == 0)
		binding->system_identifier = strtoull(value, NULL, 10);
	else if (strcmp(name, "database_oid") == 0)
		binding->database = (Oid) strtoul(value, NULL, 10);
	else if (strcmp(name, "data_directory") == 0 &&
			 binding->n_directories < SO_BINDING_MAX_DIRECTORIES)
		strlcpy(binding->directories[binding->n_directories++], value,
				sizeof(binding->directories[0]));
}

bool
so_binding_read(SoBinding *binding, SoError *error)
{
	char *path = so_setting_resolved_token_file();
	char *content = palloc(MAX_TOKEN_FILE);
	char *rest = NULL;
	bool ok;

	memset(binding, 0, sizeof(*binding));
	ok = so_private_file_read(path, content, MAX_TOKEN_FILE, error);
	if (ok)
	{
		for (char *line = strtok_r(content, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		{
			char *equals = strchr(line, '=');

			if (equals == NULL)
				continue;
			*equals = '\0';
			take_line(binding, line, equals + 1);
		}
		ok = strlen(binding->token) == 36 && OidIsValid(binding->database) &&
			 binding->n_directories > 0;
		if (!ok)
			so_error_set(error, SO_ERR_SECURITY_FILE, path, "\"%s\" is not a token file", path);
	}
	if (!ok)
		so_error_hint(
			error,
			"Run SELECT catalog.enable_scaleout() in the database whose catalog is to be active.");
	pfree(content);
	pfree(path);
	return ok;
}

bool
so_binding_is_ours(const SoBinding *binding, SoError *error)
{
	char own[PATH_MAX];
	char listed[PATH_MAX];

	if (binding->system_identifier != GetSystemIdentifier())
	{
		so_error_set(error, SO_ERR_NOT_ENABLED, NULL, "the token file belongs to another cluster");
		return so_error_hint(
			error, "Run SELECT catalog.enable_scaleout() to bind the catalog to this cluster.");
	}
	if (realpath(DataDir, own) == NULL)
		strlcpy(own, DataDir, sizeof(own));
	for (int i = 0; i < binding->n_directories; i++)
	{
		if (realpath(binding->directories[i], listed) == NULL)
			strlcpy(listed, binding->directories[i], sizeof(listed));
		if (strcmp(own, listed) == 0)
			return true;
	}
	so_error_set(error, SO_ERR_NOT_ENABLED, NULL,
				 "the token file does not list this data directory");
	so_error_detail(error, "The data directory is \"%s\".", own);
	return so_error_hint(error,
						 "On a standby add a line data_directory=%s to the token file; "
						 "on a copy run SELECT catalog.enable_scaleout().",
						 own);
}

/* internal.write_binding(token uuid): bind this data directory and database. */
Datum
so_write_binding(PG_FUNCTION_ARGS)
{
	StringInfoData content;
	SoError error = {0};
	char *token;

	so_error_require_preload();
	if (PG_ARGISNULL(0))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("token must not be NULL")));
	token = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)));
	initStringInfo(&content);
	appendStringInfo(&content, "token=%s\n", token);
	appendStringInfo(&content, "system_identifier=" UINT64_FORMAT "\n", GetSystemIdentifier());
	appendStringInfo(&content, "database_oid=%u\n", MyDatabaseId);
	appendStringInfo(&content, "data_directory=%s\n", DataDir);
	if (!so_private_file_write(so_setting_resolved_token_file(), content.data, content.len, &error))
		so_error_raise(&error);
	PG_RETURN_VOID();
}

/*
 * internal.read_binding_token(): the token of the file when it binds this
 * data directory and this database, else NULL.
 */
Datum
so_read_binding_token(PG_FUNCTION_ARGS)
{
	SoBinding binding;
	SoError error = {0};

	so_error_require_preload();
	if (!so_binding_read(&binding, &error) || !so_binding_is_ours(&binding, &error) ||
		binding.database != MyDatabaseId)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(uuid_in, CStringGetDatum(binding.token)));
}

/* What the token file says, when it is for this server; for the launcher and for SQL. */
Oid
so_binding_database(void)
{
	SoBinding binding;
	SoError error = {0};

	if (!so_binding_read(&binding, &error) || !so_binding_is_ours(&binding, &error))
		return InvalidOid;
	return binding.database;
}

/* internal.bound_database(): the database that the token file names, or NULL. */
Datum
so_bound_database(PG_FUNCTION_ARGS)
{
	Oid database;

	so_error_require_preload();
	database = so_binding_database();
	if (!OidIsValid(database))
		PG_RETURN_NULL();
	PG_RETURN_OID(database);
}

/* internal.mark_active(database oid, active boolean): set or remove the label, wake the launcher. */
Datum
so_mark_active(PG_FUNCTION_ARGS)
{
	ObjectAddress object;

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("an argument is NULL")));
	ObjectAddressSet(object, DatabaseRelationId, PG_GETARG_OID(0));
	SetSecurityLabel(&object, SO_LABEL_PROVIDER, PG_GETARG_BOOL(1) ? LABEL_ACTIVE : NULL);
	so_wake_launcher_at_commit();
	so_wake_master_at_commit();
	PG_RETURN_VOID();
}

/* internal.system_identifier() */
Datum
so_system_identifier(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) GetSystemIdentifier());
}
