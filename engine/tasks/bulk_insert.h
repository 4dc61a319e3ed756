/*
 * engine/tasks/bulk_insert.h
 *
 * The Bulk Insert task: its row of the task table, and the parts that can be
 * tested without a server.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_BULK_INSERT_H
#define ENGINE_TASKS_BULK_INSERT_H

#include "engine/connections/postgres.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_bulk_insert;

/* Order of the property format. */
typedef enum SoBulkFormat
{
	SO_BULK_TEXT,
	SO_BULK_CSV,
	SO_BULK_BINARY
} SoBulkFormat;

/*
 * COPY table (columns) FROM STDIN WITH (...) for the task's properties.
 * send_header tells whether the header line will be among the bytes that are
 * sent.  NULL with *error (a name that is none, a delimiter of several
 * characters).  Owned by context.
 */
extern char *so_bulk_insert_statement(TALLOC_CTX *context, const SoObject *properties,
									  bool send_header, SoError *error);

/* The table's name as it stands in SQL; NULL with *error.  Owned by context. */
extern char *so_bulk_insert_table(TALLOC_CTX *context, const char *table, SoError *error);

/* The delimiter character that text means ("tab", "comma", ";"); 0 when it is none. */
extern char so_bulk_insert_delimiter(const char *text);

/*
 * The line number in the context that the server gives with an error in COPY
 * data ("COPY sales, line 3, column qty: ..."); 0 when there is none.
 */
extern int64_t so_bulk_insert_error_line(const char *context);

/* Finds the ends of rows in bytes that come in pieces. */
typedef struct SoRowScanner
{
	bool csv;
	char quote;
	char escape;
	bool in_quotes; /* CSV: inside a quoted field */
	bool escaped;   /* the last byte takes the meaning of the next one away */
	int64_t line;   /* physical line of the next byte, beginning with 1 */
} SoRowScanner;

extern void so_row_scanner_init(SoRowScanner *scanner, bool csv, char quote, char escape);

/*
 * Bytes up to and including the end of the current row, or 0 when it does not
 * end in these bytes (all of them then belong to it).
 */
extern size_t so_row_scanner_next(SoRowScanner *scanner, const char *bytes, size_t length);

/* The file's way into the table; see bulk_insert_copy.c. */
typedef struct SoBulkCopy
{
	SoTaskRun *run;
	SoConnection *connection;
	const char *statement;
	const char *lock_statement; /* LOCK TABLE ..., NULL = none */
	const char *path;
	int fd;
	int64_t size;  /* of the file; 0 = unknown */
	int64_t bytes; /* read so far */
	int64_t rows;  /* loaded by finished batches */
	int percent;   /* last reported */
	SoWait wait;
	bool in_transaction; /* somebody else begins and ends it */
	/* By rows: */
	bool by_rows;
	int64_t first_row;  /* of the file, 1-based, the header included */
	int64_t last_row;   /* 0 = to the end */
	int64_t batch_size; /* 0 = one batch */
	SoRowScanner scanner;
	int64_t row;        /* number of the row that is being read */
	int64_t in_batch;   /* rows of this batch */
	int64_t batch_line; /* file line where it begins */
	bool copying;       /* a COPY is under way */
} SoBulkCopy;

extern bool so_bulk_insert_copy(SoBulkCopy *copy, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_BULK_INSERT_H */
