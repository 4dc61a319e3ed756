/*
 * engine/model/read_file.c
 *
 * Takes in a text that stands in a file of its own (sql_file: load.sql).  The
 * file lies in the document's folder or below; links that lead out of it are
 * refused like "..", because a document may come from somebody else.
 *
 * Process: runner, client, loader.  Reads only; nothing to protect.
 */
#include "engine/model/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE_BYTES (4 * 1024 * 1024)

/* NULL after reporting; allocated by realpath(3) */
static char *
resolve(SoLoader *loader, const SoNode *node)
{
	char *base = realpath(loader->base_folder, NULL);
	char *joined = talloc_asprintf(NULL, "%s/%s", loader->base_folder, node->text);
	char *path = base != NULL && node->text[0] != '/' ? realpath(joined, NULL) : NULL;
	size_t base_length = base != NULL ? strlen(base) : 0;

	if (node->text[0] == '/')
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL, "\"%s\" is an absolute path",
						node->text);
	else if (path == NULL)
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL, "file \"%s\" cannot be read: %s",
						node->text, strerror(errno));
	else if (strncmp(path, base, base_length) != 0 ||
			 (path[base_length] != '/' && strcmp(base, "/") != 0))
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL,
						"file \"%s\" is outside the folder of the document", node->text);
		free(path);
		path = NULL;
	}
	free(base);
	talloc_free(joined);
	return path;
}

/* Valid UTF-8 without NUL (no overlong forms, no surrogates)? */
static bool
is_utf8(const unsigned char *text, size_t length)
{
	size_t i = 0;

	while (i < length)
	{
		unsigned c = text[i];
		unsigned point;
		size_t more;

		if (c == 0)
			return false;
		if (c < 0x80)
		{
			i++;
			continue;
		}
		more = (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : 0;
		if (more == 0 || length - i <= more)
			return false;
		point = c & (0x3fu >> more);
		for (size_t j = 1; j <= more; j++)
		{
			if ((text[i + j] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (text[i + j] & 0x3fu);
		}
		if (point < (more == 1   ? 0x80u
					 : more == 2 ? 0x800u
								 : 0x10000u) ||
			point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

/* All bytes of an open file; NULL after reporting. */
static char *
read_all(SoLoader *loader, const SoNode *node, int fd, TALLOC_CTX *owner, size_t *length)
{
	struct stat status;
	char *text;
	size_t got = 0;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > MAX_FILE_BYTES)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL,
						"\"%s\" is not a file of at most %d bytes", node->text, MAX_FILE_BYTES);
		return NULL;
	}
	text = talloc_size(owner, (size_t) status.st_size + 1);
	while (got < (size_t) status.st_size)
	{
		ssize_t n = read(fd, text + got, (size_t) status.st_size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
		{
			so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL,
							"file \"%s\" cannot be read: %s", node->text, strerror(errno));
			talloc_free(text);
			return NULL;
		}
		if (n == 0)
			break;
		got += (size_t) n;
	}
	text[got] = '\0';
	*length = got;
	return text;
}

char *
so_loader_read_file(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner, size_t *length)
{
	char *path;
	char *text;
	int fd;

	if (node->kind != SO_NODE_STRING || node->length == 0)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_WRONG_TYPE, NULL,
						"expected the path of a file, found %s", so_node_kind_text(node));
		return NULL;
	}
	if (loader->base_folder == NULL)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE,
						"Deploy the canonical form: scaleout format --json takes the files in.",
						"file \"%s\" cannot be taken in here", node->text);
		return NULL;
	}
	path = resolve(loader, node);
	if (path == NULL)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(path);
	if (fd < 0)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, NULL, "file \"%s\" cannot be read: %s",
						node->text, strerror(errno));
		return NULL;
	}
	text = read_all(loader, node, fd, owner, length);
	close(fd);
	if (text != NULL && !is_utf8((const unsigned char *) text, *length))
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_FILE, "Convert it, for example with iconv.",
						"file \"%s\" is not UTF-8 text", node->text);
		talloc_free(text);
		return NULL;
	}
	return text;
}
