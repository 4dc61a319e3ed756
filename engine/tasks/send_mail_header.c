/*
 * engine/tasks/send_mail_header.c
 *
 * Header values and addresses of mail messages.
 *
 * Process: runner and client, in a task's thread.  Pure functions.
 */
#include "engine/tasks/send_mail.h"

#include <openssl/evp.h>
#include <string.h>

/* Bytes in one encoded word: 45 give 60 in base64, and "=?UTF-8?B?...?=" stays below 75. */
#define WORD_BYTES 45

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < 0x20 || (unsigned char) *text > 0x7E)
			return false;
	}
	return true;
}

char *
so_send_mail_header(TALLOC_CTX *context, const char *text)
{
	char *clean = talloc_strdup(context, text);
	char *encoded = talloc_strdup(context, "");
	const char *p = clean;

	for (char *c = clean; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20)
			*c = ' ';
	}
	if (is_plain(clean) && strstr(clean, "=?") == NULL)
		return clean;
	while (*p != '\0')
	{
		char base64[4 * (WORD_BYTES + 2) / 3 + 4];
		size_t length = strnlen(p, WORD_BYTES);

		/* Words end between characters. */
		while (length > 1 && ((unsigned char) p[length] & 0xC0) == 0x80)
			length--;
		EVP_EncodeBlock((unsigned char *) base64, (const unsigned char *) p, (int) length);
		encoded = talloc_asprintf_append_buffer(
			encoded, "%s=?UTF-8?B?%s?=", encoded[0] != '\0' ? "\r\n " : "", base64);
		p += length;
	}
	return encoded;
}

char *
so_send_mail_address(TALLOC_CTX *context, const char *text)
{
	const char *open = strrchr(text, '<');
	const char *start = open != NULL ? open + 1 : text;
	size_t length;

	start += strspn(start, " \t");
	length = strcspn(start, open != NULL ? ">" : "");
	while (length > 0 && strchr(" \t", start[length - 1]) != NULL)
		length--;
	if (length == 0 || memchr(start, '@', length) == NULL || memchr(start, ' ', length) != NULL ||
		memchr(start, '<', length) != NULL || memchr(start, '\r', length) != NULL ||
		memchr(start, '\n', length) != NULL)
		return NULL;
	return talloc_strndup(context, start, length);
}
