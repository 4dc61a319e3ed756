/*
 * extension/error.c
 *
 * internal.raise_error and the way from the common error table to ereport.
 *
 * Process: every process of the server; no state, nothing shared.
 */
#include "postgres.h"

#include "extension/compat.h"
#include "extension/entry.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "fmgr.h"
#include "utils/builtins.h"

SO_SQL_FUNCTION(so_raise_error);

int
so_error_sqlstate(SoErrorCode code)
{
	const char *state = so_error_state(code);

	return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

void
so_error_raise(const SoError *error)
{
	ereport(ERROR, (so_errcode(error->code), errmsg("%s", error->message),
					error->detail[0] ? errdetail("%s", error->detail) : 0,
					error->hint[0] ? errhint("%s", error->hint) : 0,
					error->place[0] ? errcontext("at %s", error->place) : 0));
	pg_unreachable();
}

void
so_error_require_preload(void)
{
	if (so_shared == NULL)
		ereport(ERROR,
				(so_errcode(SO_ERR_NOT_PRELOADED), errmsg("the library scaleout is not preloaded"),
				 errhint("%s", so_error_default_hint(SO_ERR_NOT_PRELOADED))));
}

static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * internal.raise_error(code, message, detail, hint): code is an SOnnn of the
 * common table; message and hint come from the table when NULL.
 */
Datum
so_raise_error(PG_FUNCTION_ARGS)
{
	char *state = text_argument(fcinfo, 0);
	char *message = text_argument(fcinfo, 1);
	char *detail = text_argument(fcinfo, 2);
	char *hint = text_argument(fcinfo, 3);
	SoErrorCode code = state ? so_error_from_state(state) : SO_OK;
	bool hide;

	if (code == SO_OK)
	{
		code = SO_ERR_INTERNAL;
		detail = psprintf("raise_error was called with the code \"%s\".", state ? state : "NULL");
	}
	hide = so_entry_cut_error_context();
	ereport(ERROR, (so_errcode(code), errhidestmt(hide), errhidecontext(hide),
					errmsg("%s", message ? message : so_error_summary(code)),
					detail ? errdetail("%s", detail) : 0,
					errhint("%s", hint ? hint : so_error_default_hint(code))));
	PG_RETURN_VOID();
}
