/*
 * engine/tasks/remote_list.c
 *
 * Lists a remote folder: MLSD (RFC 3659) on FTP where the server knows it,
 * else plain names (NLST); the long listing of SFTP.
 *
 * Process: runner and client, in a task's thread.  What servers send is not
 * trusted: names with a slash are cut to their last part, "." and ".." and
 * empty ones are dropped.
 */
#include "engine/tasks/remote_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A listing larger than this is refused. */
#define MAX_LISTING ((size_t) 64 * 1024 * 1024)

static void
add_entry(TALLOC_CTX *context, SoRemoteList *list, const char *name, size_t length,
		  bool is_directory, int64_t size, char *modified)
{
	SoRemoteEntry *entry;

	for (size_t i = length; i > 0; i--)
	{
		if (name[i - 1] == '/')
		{
			name += i;
			length -= i;
			break;
		}
	}
	if (length == 0 || (length == 1 && name[0] == '.') ||
		(length == 2 && name[0] == '.' && name[1] == '.'))
		return;
	if ((list->count & (list->count - 1)) == 0)
		list->entries = talloc_realloc(context, list->entries, SoRemoteEntry,
									   list->count == 0 ? 1 : list->count * 2);
	entry = &list->entries[list->count++];
	entry->name = talloc_strndup(context, name, length);
	entry->is_directory = is_directory;
	entry->size = size;
	entry->modified = modified != NULL ? modified : talloc_strdup(context, "");
}

/* The next line of *text without its end; false when there is none. */
static bool
next_line(const char **text, const char **line, size_t *length)
{
	if (**text == '\0')
		return false;
	*line = *text;
	*length = strcspn(*text, "\r\n");
	*text += *length;
	*text += strspn(*text, "\r\n");
	return true;
}

/* "type=file;size=3;modify=20240102030405; name" */
void
so_remote_list_read_mlsd(TALLOC_CTX *context, const char *text, SoRemoteList *list)
{
	const char *line;
	size_t length;

	while (next_line(&text, &line, &length))
	{
		const char *blank = memchr(line, ' ', length);
		bool is_directory = false;
		bool is_entry = true;
		int64_t size = -1;
		char *modified = NULL;

		if (blank == NULL)
			continue;
		for (const char *fact = line; fact < blank;)
		{
			size_t fact_length = strcspn(fact, "; ");

			if (strncasecmp(fact, "type=", 5) == 0)
			{
				is_directory = strncasecmp(fact + 5, "dir", 3) == 0;
				is_entry = is_directory || strncasecmp(fact + 5, "cdir", 4) != 0;
				is_entry = is_entry && strncasecmp(fact + 5, "pdir", 4) != 0;
			}
			else if (strncasecmp(fact, "size=", 5) == 0)
				size = strtoll(fact + 5, NULL, 10);
			else if (strncasecmp(fact, "modify=", 7) == 0)
				modified = talloc_strndup(context, fact + 7, fact_length - 7);
			fact += fact_length + 1;
		}
		if (is_entry)
			add_entry(context, list, blank + 1, length - (size_t) (blank + 1 - line), is_directory,
					  size, modified);
	}
}

void
so_remote_list_read_names(TALLOC_CTX *context, const char *text, SoRemoteList *list)
{
	const char *line;
	size_t length;

	while (next_line(&text, &line, &length))
		add_entry(context, list, line, length, false, -1, NULL);
}

/* "-rw-r--r--    1 user group   123 Jan  2 03:04 name": eight fields and the name */
void
so_remote_list_read_long(TALLOC_CTX *context, const char *text, SoRemoteList *list)
{
	const char *line;
	size_t length;

	while (next_line(&text, &line, &length))
	{
		const char *end = line + length;
		const char *p = line;
		const char *date = NULL;
		int64_t size = -1;
		int field;

		for (field = 0; field < 8 && p < end; field++)
		{
			if (field == 4)
				size = strtoll(p, NULL, 10);
			if (field == 5)
				date = p;
			while (p < end && *p != ' ')
				p++;
			if (field < 7)
				while (p < end && *p == ' ')
					p++;
		}
		if (field < 8 || p >= end)
			continue;
		/* Exactly one blank before the name: more belong to it. */
		add_entry(context, list, p + 1, (size_t) (end - p - 1), *line == 'd', size,
				  talloc_strndup(context, date, (size_t) (p - date)));
	}
}

static int
compare(const void *left, const void *right)
{
	return strcmp(((const SoRemoteEntry *) left)->name, ((const SoRemoteEntry *) right)->name);
}

/* Fetch a listing; command replaces LIST when it is not NULL. */
static CURLcode
fetch(SoTransfer *transfer, const char *url, const char *command, bool names_only,
	  SoTransferText *text, SoError *error)
{
	CURLcode code;

	if (!so_transfer_prepare(transfer, url, error))
		return CURLE_FAILED_INIT;
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, so_transfer_write_text);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, text);
	if (command != NULL)
		curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, command);
	if (names_only)
		curl_easy_setopt(transfer->easy, CURLOPT_DIRLISTONLY, 1L);
	code = so_transfer_perform(transfer, error);
	if (text->overflow)
		so_error_set(error, SO_ERR_TASK_OUTPUT_TOO_LARGE, NULL,
					 "the folder's listing is larger than %zu bytes", text->limit);
	return code;
}

static bool
list_ftp(TALLOC_CTX *context, SoTransfer *transfer, const char *url, SoRemoteList *list,
		 SoError *error)
{
	SoTransferText text = {.context = context, .limit = MAX_LISTING};
	CURLcode code = fetch(transfer, url, "MLSD", false, &text, error);

	if (code == CURLE_OK)
	{
		so_remote_list_read_mlsd(context, text.bytes != NULL ? text.bytes : "", list);
		return true;
	}
	/* The server knows no MLSD (5xx): ask for names. */
	if (code != CURLE_FTP_COULDNT_RETR_FILE && code != CURLE_REMOTE_FILE_NOT_FOUND &&
		code != CURLE_QUOTE_ERROR)
		return false;
	text = (SoTransferText){.context = context, .limit = MAX_LISTING};
	code = fetch(transfer, url, NULL, true, &text, error);
	/* Some servers answer an empty folder with 550. */
	if (code != CURLE_OK)
		return false;
	so_remote_list_read_names(context, text.bytes != NULL ? text.bytes : "", list);
	return true;
}

bool
so_remote_list(TALLOC_CTX *context, SoTransfer *transfer, const char *folder, SoRemoteList *list,
			   SoError *error)
{
	bool slash = folder[0] != '\0' && folder[strlen(folder) - 1] == '/';
	char *url = so_transfer_url(
		transfer, folder[0] != '\0' && !slash ? talloc_asprintf(context, "%s/", folder) : folder);

	memset(list, 0, sizeof(*list));
	transfer->describe = "listing of the folder";
	/* The folder of the connection itself must end in a slash as well. */
	if (url[strlen(url) - 1] != '/')
		url = talloc_asprintf(context, "%s/", url);
	if (strcmp(transfer->scheme, "sftp") == 0)
	{
		SoTransferText text = {.context = context, .limit = MAX_LISTING};

		if (fetch(transfer, url, NULL, false, &text, error) != CURLE_OK)
			return false;
		so_remote_list_read_long(context, text.bytes != NULL ? text.bytes : "", list);
	}
	else if (!list_ftp(context, transfer, url, list, error))
		return false;
	if (list->count > 1)
		qsort(list->entries, (size_t) list->count, sizeof(SoRemoteEntry), compare);
	return true;
}
