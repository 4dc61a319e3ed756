/*
 * common/uuid.c
 *
 * Makes, reads and writes UUIDs; see uuid.h.
 *
 * Process: all of them; values are the caller's, nothing is shared.
 */
#include "common/uuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

bool
so_uuid_generate(SoUuid *uuid, SoError *error)
{
	ssize_t got;

	do
		got = getrandom(uuid->bytes, sizeof(uuid->bytes), 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t) sizeof(uuid->bytes))
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, "getrandom", "no random bytes for a UUID");
		return so_error_detail(error, "getrandom: %s.", strerror(errno));
	}
	uuid->bytes[6] = (uint8_t) ((uuid->bytes[6] & 0x0F) | 0x40);
	uuid->bytes[8] = (uint8_t) ((uuid->bytes[8] & 0x3F) | 0x80);
	return true;
}

static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char) tolower((unsigned char) digit);
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

bool
so_uuid_parse(const char *text, SoUuid *uuid)
{
	bool braced = text[0] == '{';
	int byte = 0;

	if (braced)
		text++;
	while (byte < SO_UUID_SIZE)
	{
		int high;
		int low;

		if (byte == 4 || byte == 6 || byte == 8 || byte == 10)
		{
			if (*text++ != '-')
				return false;
		}
		high = hex_value(text[0]);
		if (high < 0)
			return false;
		low = hex_value(text[1]);
		if (low < 0)
			return false;
		uuid->bytes[byte++] = (uint8_t) (high * 16 + low);
		text += 2;
	}
	if (braced && *text++ != '}')
		return false;
	return *text == '\0';
}

char *
so_uuid_format(const SoUuid *uuid, char *buffer)
{
	static const char digits[] = "0123456789abcdef";
	char *to = buffer;

	for (int i = 0; i < SO_UUID_SIZE; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digits[uuid->bytes[i] >> 4];
		*to++ = digits[uuid->bytes[i] & 0x0F];
	}
	*to = '\0';
	return buffer;
}

bool
so_uuid_equal(const SoUuid *a, const SoUuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
