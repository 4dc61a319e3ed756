/*
 * common/utf8.c
 *
 * Validity of UTF-8, and replacing what is not.
 *
 * Process: all of them; pure functions, no shared data, nothing to lose.
 */
#include "common/utf8.h"

size_t
so_utf8_length(const uint8_t *bytes, size_t size)
{
	uint8_t first = bytes[0];
	uint8_t low = 0x80;
	uint8_t high = 0xBF;
	size_t length;

	if (first < 0xC2 || first > 0xF4)
		return 0;
	length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	if (size < length)
		return 0;
	/* The second byte's range excludes the other bad forms. */
	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	if (bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
	{
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
	}
	return length;
}

void
so_utf8_put_clean(SoByteBuffer *out, const uint8_t *bytes, size_t size)
{
	size_t copied = 0;
	size_t position = 0;

	while (position < size)
	{
		size_t length = 1;

		if (bytes[position] >= 0x80)
			length = so_utf8_length(bytes + position, size - position);
		else if (bytes[position] == 0)
			length = 0;
		if (length == 0)
		{
			so_put_bytes(out, bytes + copied, position - copied);
			so_put_bytes(out, SO_UTF8_REPLACEMENT, sizeof(SO_UTF8_REPLACEMENT) - 1);
			copied = position + 1;
			length = 1;
		}
		position += length;
	}
	so_put_bytes(out, bytes + copied, size - copied);
}

size_t
so_utf8_whole(const uint8_t *bytes, size_t size)
{
	for (size_t back = 1; back <= 3 && back <= size; back++)
	{
		uint8_t byte = bytes[size - back];
		size_t wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;

		if ((byte & 0xC0) == 0x80)
			continue;
		return byte >= 0xC2 && byte <= 0xF4 && wanted > back ? size - back : size;
	}
	return size;
}
