/*
 * test/unit/document_support.h
 *
 * What the tests of documents share: files, and a validator for the part of
 * JSON Schema that our schemas use.
 */
#ifndef TEST_UNIT_DOCUMENT_SUPPORT_H
#define TEST_UNIT_DOCUMENT_SUPPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

/* The whole file, zero-terminated; the test fails when it cannot be read. */
extern char *document_read(TALLOC_CTX *context, const char *path, size_t *length);

/* Sorted paths of the files of a folder whose name has the ending; NULL-terminated. */
extern char **document_list(TALLOC_CTX *context, const char *folder, const char *ending);

/*
 * Does value fit schema?  root holds the definitions.  NULL when it does, else
 * what is wrong, with the JSON pointer, in context.
 */
extern char *document_check_schema(TALLOC_CTX *context, const json_t *root, const json_t *schema,
								   const json_t *value, const char *pointer);

/* The document as plain JSON, as an editor's schema check sees it. */
extern json_t *document_plain_json(const char *text, size_t length, const char *path);

#endif /* TEST_UNIT_DOCUMENT_SUPPORT_H */
