/*
 * engine/control_flow/event_name.c
 *
 * The events of SSIS: their names, those of their handlers, the numbers of messages,
 * and the text of an error.
 *
 * Process: runner and client; constant data and pure functions.
 */
#include "engine/control_flow/event_name.h"

#include <string.h>

static const struct
{
	SoMessageType type;
	const char *name;
	const char *handler;
} event_types[] = {
	{SO_MESSAGE_PRE_VALIDATE, "OnPreValidate", "on_pre_validate"},
	{SO_MESSAGE_POST_VALIDATE, "OnPostValidate", "on_post_validate"},
	{SO_MESSAGE_PRE_EXECUTE, "OnPreExecute", "on_pre_execute"},
	{SO_MESSAGE_POST_EXECUTE, "OnPostExecute", "on_post_execute"},
	{SO_MESSAGE_STATUS_CHANGE, "OnExecStatusChanged", "on_exec_status_changed"},
	{SO_MESSAGE_PROGRESS, "OnProgress", "on_progress"},
	{SO_MESSAGE_INFORMATION, "OnInformation", "on_information"},
	{SO_MESSAGE_VARIABLE_VALUE_CHANGED, "OnVariableValueChanged", "on_variable_value_changed"},
	{SO_MESSAGE_DIAGNOSTIC, "Diagnostic", NULL},
	{SO_MESSAGE_QUERY_CANCEL, "OnQueryCancel", "on_query_cancel"},
	{SO_MESSAGE_WARNING, "OnWarning", "on_warning"},
	{SO_MESSAGE_ERROR, "OnError", "on_error"},
	{SO_MESSAGE_TASK_FAILED, "OnTaskFailed", "on_task_failed"},
	{SO_MESSAGE_DIAGNOSTIC_EX, "DiagnosticEx", NULL},
	{SO_MESSAGE_CUSTOM, "OnCustomEvent", NULL},
	{SO_MESSAGE_NON_DIAGNOSTIC, "NonDiagnostic", NULL},
};

const char *
so_event_name(SoMessageType type)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++)
	{
		if (event_types[i].type == type)
			return event_types[i].name;
	}
	return "Unknown";
}

const char *
so_event_handler_name(SoMessageType type)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++)
	{
		if (event_types[i].type == type)
			return event_types[i].handler;
	}
	return NULL;
}

int
so_event_message_code(SoErrorCode code)
{
	switch (code)
	{
		case SO_ERR_RUN_VALIDATION_FAILED:
			return (int) 0xC0024107; /* DTS_E_TASKVALIDATIONFAILED */
		case SO_ERR_RUN_MAXIMUM_ERROR_COUNT:
			return (int) 0x80019002; /* DTS_W_MAXIMUMERRORCOUNTREACHED */
		case SO_ERR_RUN_VARIABLE_UNKNOWN:
			return (int) 0xC0010001; /* DTS_E_VARIABLENOTFOUND */
		case SO_ERR_RUN_VARIABLE_VALUE:
			return (int) 0xC001F009; /* DTS_E_VARIABLETYPEMISMATCH */
		case SO_ERR_RUN_CONNECTION_UNKNOWN:
			return (int) 0xC001000E; /* DTS_E_CONNECTIONNOTFOUND */
		case SO_ERR_RUN_PROPERTY_EXPRESSION:
			return (int) 0xC0017004; /* the result cannot be written to the property */
		case SO_ERR_CHECKPOINT_PACKAGE:
			return (int) 0xC0016049; /* DTS_E_CHECKPOINTMISMATCH */
		case SO_ERR_CHECKPOINT_FOREIGN:
			return (int) 0xC001604A; /* DTS_E_CHECKPOINTFILEALREADYEXISTS */
		case SO_ERR_CHECKPOINT_LOCKED:
			return (int) 0xC001604B; /* DTS_E_CHECKPOINTFILELOCKED */
		case SO_ERR_CHECKPOINT_OPEN:
			return (int) 0xC001604C; /* DTS_E_CHECKPOINTFILEOPEN */
		case SO_ERR_CHECKPOINT_CREATE:
			return (int) 0xC001604D; /* DTS_E_CHECKPOINTFILECREATE */
		case SO_ERR_RUN_ENUMERATOR_EMPTY:
			return (int) 0x8001C004; /* the For Each File enumerator is empty */
		default:
			return 0;
	}
}

char *
so_event_error_text(TALLOC_CTX *context, const SoError *error)
{
	char *text = talloc_strdup(context, error->message);
	/* The detail often quotes SQL or an expression with a caret: keep its lines. */
	bool lines = strchr(error->detail, '\n') != NULL;
	size_t length = strlen(error->detail);
	bool stopped = length > 0 && error->detail[length - 1] == '.';

	if (length > 0)
		text = talloc_asprintf_append_buffer(text, lines ? "\n%s" : ". %s", error->detail);
	if (error->hint[0] != '\0')
		text = talloc_asprintf_append_buffer(text, "%s%s",
											 lines     ? "\nHint: "
											 : stopped ? " Hint: "
													   : ". Hint: ",
											 error->hint);
	return text;
}
