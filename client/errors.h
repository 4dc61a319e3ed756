/*
 * client/errors.h
 *
 * scaleout errors: what an error code means and what to do.
 */
#ifndef CLIENT_ERRORS_H
#define CLIENT_ERRORS_H

#include <stdio.h>

/* Returns an exit code of client/options.h. */
extern int so_client_errors(int argc, char **argv);

/* Write docs/errors.md, the whole table as Markdown. */
extern void so_errors_write_markdown(FILE *stream);

#endif /* CLIENT_ERRORS_H */
