/*
 * extension/entry.c
 *
 * so_entry: one C function behind every function of schema catalog.  A
 * SECURITY DEFINER function cannot tell its immediate caller; a SECURITY
 * INVOKER one can, and then switches to the owner itself.
 *
 * Process: client backends.  Plans are kept per process and are re-analysed by
 * the server when what they name changes.  After an error the server itself
 * restores role, settings and SPI when it aborts the (sub)transaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "extension/compat.h"
#include "extension/entry.h"
#include "extension/error.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

/* The caller, and two arguments for each polymorphic one. */
#define MAX_INNER_ARGUMENTS 64

typedef struct Entry
{
	Oid function; /* hash key: the function in schema catalog */
	Oid owner;
	Oid result_type;
	bool returns_set;
	bool returns_row;
	int n_arguments; /* of the function in schema catalog */
	int n_inner;
	Oid types[FUNC_MAX_ARGS];
	bool any_polymorphic;
	bool has_password; /* among its arguments */
	SPIPlanPtr plan;   /* NULL until the first call */
} Entry;

static HTAB *entries = NULL;

SO_SQL_FUNCTION(so_entry);

/*
 * Marks where an entry function was called.  The statement of a call that holds
 * a password (argument is not NULL) and its parameters are kept out of the
 * server log.
 */
static void
entry_context(void *argument)
{
	if (argument != NULL)
	{
		errhidestmt(true);
		/* With log_parameter_max_length_on_error the context repeats bound parameters. */
		errhidecontext(true);
	}
}

bool
so_entry_cut_error_context(void)
{
	for (ErrorContextCallback *frame = error_context_stack; frame != NULL; frame = frame->previous)
	{
		if (frame->callback == entry_context)
		{
			error_context_stack = frame->previous;
			return frame->arg != NULL;
		}
	}
	return false;
}

/* Fill in what the catalog says about the function. */
static void
describe_entry(Entry *entry, char **name)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(entry->function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (so_errcode(SO_ERR_ENTRY_BROKEN),
						errmsg("function %u has no entry in pg_proc", entry->function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	entry->owner = proc->proowner;
	entry->result_type = proc->prorettype;
	entry->returns_set = proc->proretset;
	entry->returns_row = type_is_rowtype(proc->prorettype);
	entry->n_arguments = proc->pronargs;
	entry->any_polymorphic = false;
	entry->has_password = strcmp(NameStr(proc->proname), "update_logdb_info") == 0;
	for (int i = 0; i < proc->pronargs; i++)
	{
		entry->types[i] = proc->proargtypes.values[i];
		entry->any_polymorphic |= entry->types[i] == ANYELEMENTOID;
	}
	*name = pstrdup(NameStr(proc->proname));
	ReleaseSysCache(tuple);
}

/* Prepare the call of the function of the same name in schema internal; inside SPI. */
static void
prepare_entry(Entry *entry, const char *name)
{
	StringInfoData sql;
	Oid types[MAX_INNER_ARGUMENTS];
	int n = 0;

	types[n++] = REGROLEOID;
	for (int i = 0; i < entry->n_arguments; i++)
	{
		if (n + 2 > MAX_INNER_ARGUMENTS)
			ereport(ERROR, (so_errcode(SO_ERR_ENTRY_BROKEN),
							errmsg("function catalog.%s has too many arguments", name)));
		if (entry->types[i] == ANYELEMENTOID)
		{
			types[n++] = TEXTOID;
			types[n++] = REGTYPEOID;
		}
		else
			types[n++] = entry->types[i];
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s internal.%s(",
					 entry->returns_set || entry->returns_row ? "* FROM" : "",
					 quote_identifier(name));
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');
	entry->plan = SPI_prepare(sql.data, n, types);
	if (entry->plan == NULL)
		ereport(ERROR,
				(so_errcode(SO_ERR_ENTRY_BROKEN), errmsg("cannot prepare \"%s\": %s", sql.data,
														 SPI_result_code_string(SPI_result))));
	SPI_keepplan(entry->plan);
	entry->n_inner = n;
}

static Entry *
find_entry(FunctionCallInfo fcinfo, char **name)
{
	Oid function = fcinfo->flinfo->fn_oid;
	Entry *entry = fcinfo->flinfo->fn_extra;
	bool found;

	*name = NULL;
	if (entry != NULL)
		return entry;
	if (entries == NULL)
	{
		HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(Entry)};

		entries = hash_create("scaleout entry functions", 64, &control, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(entries, &function, HASH_ENTER, &found);
	if (!found)
		entry->plan = NULL;
	/* Once per query, so that ALTER FUNCTION ... OWNER takes effect. */
	describe_entry(entry, name);
	fcinfo->flinfo->fn_extra = entry;
	return entry;
}

/*
 * The canonical text of a value: what the type's output function says under
 * settings that the caller cannot influence; booleans as words.
 */
static Datum
canonical_text(Datum value, Oid type)
{
	Oid output;
	bool is_varlena;

	if (type == BOOLOID)
		return CStringGetTextDatum(DatumGetBool(value) ? "true" : "false");
	getTypeOutputInfo(type, &output, &is_varlena);
	return CStringGetTextDatum(OidOutputFunctionCall(output, value));
}

static void
pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

static void
pin_settings(bool for_values)
{
	pin_setting("search_path", "pg_catalog, pg_temp");
	if (!for_values)
		return;
	pin_setting("DateStyle", "ISO, YMD");
	pin_setting("IntervalStyle", "iso_8601");
	pin_setting("extra_float_digits", "1");
	pin_setting("bytea_output", "hex");
	pin_setting("TimeZone", "UTC");
}

/*
 * auto_explain with nested statements would log the call of the inner function
 * with its parameters, one of which is the password.  Where it is not loaded
 * there is nothing to set.
 */
static void
hide_nested_statements(void)
{
	static const char name[] = "auto_explain.log_nested_statements";

	if (GetConfigOption(name, true, false) != NULL)
		(void) set_config_option(name, "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
}

/* The arguments of the inner function: the caller, then what we were given. */
static void
gather_arguments(FunctionCallInfo fcinfo, const Entry *entry, Oid caller, Datum *values,
				 char *nulls)
{
	int n = 0;

	values[n] = ObjectIdGetDatum(caller);
	nulls[n++] = ' ';
	for (int i = 0; i < entry->n_arguments; i++)
	{
		Datum value = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		char null = PG_ARGISNULL(i) ? 'n' : ' ';

		if (entry->types[i] == ANYELEMENTOID)
		{
			Oid type = get_fn_expr_argtype(fcinfo->flinfo, i);

			if (!OidIsValid(type))
				ereport(ERROR, (so_errcode(SO_ERR_ENTRY_BROKEN),
								errmsg("the type of argument %d is not known", i + 1)));
			values[n] = null == 'n' ? (Datum) 0 : canonical_text(value, type);
			nulls[n++] = null;
			values[n] = ObjectIdGetDatum(type);
			nulls[n++] = ' ';
		}
		else
		{
			values[n] = value;
			nulls[n++] = null;
		}
	}
	nulls[n] = '\0';
}

/* Give the rows to the caller in a tuplestore; per_query outlives SPI. */
static void
return_set(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	Tuplestorestate *store;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a function that returns a set was called where none is allowed"),
						errhint("Call it in FROM.")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	store = tuplestore_begin_heap(true, false, work_mem);
	result->returnMode = SFRM_Materialize;
	result->setResult = store;
	result->setDesc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(old);
	for (uint64 row = 0; row < SPI_processed; row++)
		tuplestore_puttuple(store, SPI_tuptable->vals[row]);
}

/* The value of the only row, copied out of SPI's memory. */
static Datum
return_value(FunctionCallInfo fcinfo, const Entry *entry)
{
	bool is_null = true;
	Datum value = (Datum) 0;
	Oid type;
	int16 length;
	bool by_value;

	if (entry->result_type == VOIDOID)
		return (Datum) 0;
	if (SPI_processed == 1 && entry->returns_row)
		return PointerGetDatum(SPI_returntuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc));
	if (SPI_processed == 1)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	if (is_null)
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	type = SPI_gettypeid(SPI_tuptable->tupdesc, 1);
	if (type != entry->result_type)
		ereport(ERROR, (so_errcode(SO_ERR_ENTRY_BROKEN),
						errmsg("the inner function returns %s, not %s", format_type_be(type),
							   format_type_be(entry->result_type))));
	get_typlenbyval(type, &length, &by_value);
	return SPI_datumTransfer(value, by_value, length);
}

/* Run the inner function as the owner; SPI is connected and left connected on error only. */
static Datum
call_inner(FunctionCallInfo fcinfo, Entry *entry, const char *name, Oid caller)
{
	Datum values[MAX_INNER_ARGUMENTS + 1];
	char nulls[MAX_INNER_ARGUMENTS + 1];
	Datum result = (Datum) 0;
	int rc;

	gather_arguments(fcinfo, entry, caller, values, nulls);
	if (SPI_connect() != SPI_OK_CONNECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("SPI_connect failed")));
	if (entry->plan == NULL)
		prepare_entry(entry, name);
	rc = SPI_execute_plan(entry->plan, values, nulls, false, 0);
	if (rc != SPI_OK_SELECT)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL),
						errmsg("SPI_execute_plan failed: %s", SPI_result_code_string(rc))));
	if (entry->returns_set)
		return_set(fcinfo);
	else
		result = return_value(fcinfo, entry);
	SPI_finish();
	return result;
}

/* Every function of schema catalog. */
Datum
so_entry(PG_FUNCTION_ARGS)
{
	ErrorContextCallback frame = {.callback = entry_context};
	Oid caller;
	int security_context;
	int nest_level;
	char *name;
	Entry *entry;
	Datum result;

	so_error_require_preload();
	entry = find_entry(fcinfo, &name);
	if (entry->plan == NULL && name == NULL)
		describe_entry(entry, &name); /* the first call failed while preparing */

	GetUserIdAndSecContext(&caller, &security_context);
	nest_level = NewGUCNestLevel();
	pin_settings(entry->any_polymorphic);
	if (entry->has_password)
		hide_nested_statements();
	SetUserIdAndSecContext(entry->owner, security_context | SECURITY_LOCAL_USERID_CHANGE);
	frame.arg = entry->has_password ? entry : NULL;
	frame.previous = error_context_stack;
	error_context_stack = &frame;
	result = call_inner(fcinfo, entry, name, caller);
	error_context_stack = frame.previous;
	SetUserIdAndSecContext(caller, security_context);
	AtEOXact_GUC(true, nest_level);
	return result;
}
