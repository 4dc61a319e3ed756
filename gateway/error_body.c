/*
 * gateway/error_body.c
 *
 * Writes errors as JSON.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/error_body.h"

#include <jansson.h>
#include <string.h>

/* Texts may hold bytes that a client sent: what JSON cannot hold is replaced. */
static json_t *
text_value(const char *text)
{
	json_t *value = json_string(text);
	char ascii[2048];
	size_t length = 0;

	if (value != NULL)
		return value;
	for (; *text != '\0' && length < sizeof(ascii) - 1; text++)
		ascii[length++] = (unsigned char) *text < 0x80 ? *text : '?';
	ascii[length] = '\0';
	return json_string(ascii);
}

char *
so_error_body(const SoError *error, size_t *length)
{
	json_t *body =
		json_pack("{s:{s:s, s:o, s:o, s:o, s:b}}", "error", "code", so_error_state(error->code),
				  "message", text_value(error->message), "detail", text_value(error->detail),
				  "hint", text_value(error->hint), "retryable", so_error_retryable(error->code));
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	*length = text ? strlen(text) : 0;
	return text;
}
