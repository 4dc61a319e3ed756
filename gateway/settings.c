/*
 * gateway/settings.c
 *
 * Reads CONFIGURE frames.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/settings.h"

#include <string.h>

/* A text without NUL that fits. */
static bool
get_text(SoFieldReader *reader, char *buffer, size_t size)
{
	size_t length;
	const char *text = so_get_block(reader, &length);

	if (length >= size || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	return true;
}

bool
so_settings_read(const SoFrame *frame, SoSettings *settings)
{
	SoFieldReader reader;

	memset(settings, 0, sizeof(*settings));
	so_field_reader_init(&reader, frame->payload, frame->length);
	if (!get_text(&reader, settings->addresses, sizeof(settings->addresses)))
		return false;
	settings->port = so_get_u16(&reader);
	if (!get_text(&reader, settings->certificate_file, sizeof(settings->certificate_file)) ||
		!get_text(&reader, settings->key_file, sizeof(settings->key_file)))
		return false;
	settings->limits.max_connections = so_get_u32(&reader);
	settings->limits.idle_timeout_ms = so_get_u32(&reader);
	settings->limits.request_timeout_ms = so_get_u32(&reader);
	return so_field_reader_done(&reader);
}
