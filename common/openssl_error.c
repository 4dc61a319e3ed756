/*
 * common/openssl_error.c
 *
 * Says what OpenSSL says.
 *
 * Process: all of them; no state, nothing to lose.
 */
#include "common/openssl_error.h"

#include <openssl/err.h>

bool
so_openssl_error(SoError *error, SoErrorCode code, const char *place, const char *message)
{
	unsigned long reason = ERR_get_error();
	char text[256];

	ERR_clear_error();
	so_error_set(error, code, place, "%s", message);
	if (reason == 0)
		return false;
	ERR_error_string_n(reason, text, sizeof(text));
	return so_error_detail(error, "OpenSSL says: %s.", text);
}
