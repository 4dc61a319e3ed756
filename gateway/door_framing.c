/*
 * gateway/door_framing.c
 *
 * Where does a request end?  evhttp takes the first of several lengths, chunks
 * before a length, and any list of transfer encodings that ends in chunks; a
 * program between worker and gateway may read the same bytes otherwise, and then
 * take a part of one request for another.  What is not clear is refused.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/door_connection.h"

#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>

/* What RFC 9110, 5.6.2 allows in the name of a header. */
static bool
is_name(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
								"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return name[0] != '\0' && name[strspn(name, token)] == '\0';
}

bool
so_door_framing_is_clear(const struct evkeyvalq *headers, SoError *error)
{
	const struct evkeyval *header;
	int lengths = 0;
	int encodings = 0;

	TAILQ_FOREACH(header, headers, next)
	{
		const char *value = header->value;

		if (!is_name(header->key))
			return so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
								"a header has a name that is none");
		if (strcasecmp(header->key, "Content-Length") == 0)
		{
			lengths++;
			if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0')
				return so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
									"Content-Length must be a number");
		}
		else if (strcasecmp(header->key, "Transfer-Encoding") == 0)
		{
			encodings++;
			if (strcasecmp(value, "chunked") != 0)
				return so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
									"Transfer-Encoding must be chunked");
		}
	}
	if (lengths + encodings > 1)
		return so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
							"the length of the request is said more than once");
	return true;
}
