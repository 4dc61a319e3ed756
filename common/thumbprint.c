/*
 * common/thumbprint.c
 *
 * Computes, writes and reads certificate thumbprints.
 *
 * Process: all of them, and the server's backends; no state, nothing is left
 * behind by a crash.
 */
#include "common/thumbprint.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/openssl_error.h"

static bool
digest_failed(SoError *error)
{
	return so_openssl_error(error, SO_ERR_CERTIFICATE_FAILED, NULL, "cannot compute a thumbprint");
}

bool
so_thumbprint_of_der(const void *der, size_t size, SoThumbprint *thumbprint, SoError *error)
{
	unsigned int written = 0;

	ERR_clear_error();
	if (EVP_Digest(der, size, thumbprint->bytes, &written, EVP_sha256(), NULL) != 1 ||
		written != SO_THUMBPRINT_SIZE)
		return digest_failed(error);
	return true;
}

bool
so_thumbprint_of_x509(const struct x509_st *certificate, SoThumbprint *thumbprint, SoError *error)
{
	unsigned int written = 0;

	ERR_clear_error();
	if (X509_digest(certificate, EVP_sha256(), thumbprint->bytes, &written) != 1 ||
		written != SO_THUMBPRINT_SIZE)
		return digest_failed(error);
	return true;
}

char *
so_thumbprint_format(const SoThumbprint *thumbprint, char *buffer)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SO_THUMBPRINT_SIZE; i++)
	{
		buffer[2 * i] = digits[thumbprint->bytes[i] >> 4];
		buffer[2 * i + 1] = digits[thumbprint->bytes[i] & 0x0F];
	}
	buffer[2 * SO_THUMBPRINT_SIZE] = '\0';
	return buffer;
}

/* The value of a hex digit, or -1. */
static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/*
 * How many bytes of a space or mark that nobody sees stand here; dialogs and web
 * pages from which a thumbprint is copied put them in front.
 */
static size_t
invisible(const char *text)
{
	static const char *const marks[] = {
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\x8b", "\xe2\x80\xaa", "\xe2\x80\xac",
		"\xe2\x80\xad", "\xe2\x81\xa0", "\xef\xbb\xbf", "\xc2\xa0",
	};

	if (*text == ':' || *text == ' ' || *text == '\t')
		return 1;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
	{
		if (strncmp(text, marks[i], strlen(marks[i])) == 0)
			return strlen(marks[i]);
	}
	return 0;
}

/* Parse length bytes of text, behind which is a comma or the end. */
static bool
parse(const char *text, size_t length, SoThumbprint *thumbprint, SoError *error)
{
	const int shown = length > 100 ? 100 : (int) length;
	SoThumbprint result;
	size_t digits = 0;

	memset(&result, 0, sizeof(result));
	for (size_t i = 0; i < length; i++)
	{
		int value = hex_value(text[i]);
		size_t skip = invisible(text + i);

		if (skip > 0)
		{
			i += skip - 1;
			continue;
		}
		if (value < 0)
			return so_error_set(error, SO_ERR_THUMBPRINT_MALFORMED, NULL,
								"\"%.*s\" is not a thumbprint: character %zu is no hex digit",
								shown, text, i + 1);
		if (digits == 2 * SO_THUMBPRINT_SIZE)
		{
			digits++;
			break;
		}
		result.bytes[digits / 2] = (uint8_t) (result.bytes[digits / 2] << 4 | value);
		digits++;
	}
	if (digits == 40)
		return so_error_set(error, SO_ERR_THUMBPRINT_MALFORMED, NULL,
							"\"%.*s\" is a SHA-1 thumbprint; SHA-256 is needed", shown, text);
	if (digits != 2 * SO_THUMBPRINT_SIZE)
		return so_error_set(error, SO_ERR_THUMBPRINT_MALFORMED, NULL,
							"\"%.*s\" is not a thumbprint: it has %s than 64 hex digits", shown,
							text, digits < 2 * SO_THUMBPRINT_SIZE ? "fewer" : "more");
	*thumbprint = result;
	return true;
}

bool
so_thumbprint_parse(const char *text, SoThumbprint *thumbprint, SoError *error)
{
	return parse(text, strlen(text), thumbprint, error);
}

bool
so_thumbprint_parse_list(const char *text, SoThumbprint *list, int most, int *count, SoError *error)
{
	*count = 0;
	for (;; text++)
	{
		size_t length = strcspn(text, ",");
		SoThumbprint thumbprint;

		if (!parse(text, length, &thumbprint, error))
			return false;
		if (*count == most)
			return so_error_set(error, SO_ERR_THUMBPRINT_MALFORMED, NULL,
								"there are more than %d thumbprints", most);
		if (list != NULL)
			list[*count] = thumbprint;
		(*count)++;
		text += length;
		if (*text == '\0')
			return true;
	}
}

bool
so_thumbprint_equal(const SoThumbprint *a, const SoThumbprint *b)
{
	return memcmp(a->bytes, b->bytes, SO_THUMBPRINT_SIZE) == 0;
}

int
so_thumbprint_compare(const void *a, const void *b)
{
	return memcmp(((const SoThumbprint *) a)->bytes, ((const SoThumbprint *) b)->bytes,
				  SO_THUMBPRINT_SIZE);
}
