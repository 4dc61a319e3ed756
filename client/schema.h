/*
 * client/schema.h
 *
 * scaleout schema: JSON Schema of documents and the generated parts of the
 * pages about them.
 */
#ifndef CLIENT_SCHEMA_H
#define CLIENT_SCHEMA_H

/* Returns an exit code of client/options.h. */
extern int so_client_schema(int argc, char **argv);

#endif /* CLIENT_SCHEMA_H */
