/*
 * client/new.h
 *
 * scaleout new: writes a commented starter package.
 */
#ifndef CLIENT_NEW_H
#define CLIENT_NEW_H

/* Returns an exit code of client/options.h. */
extern int so_client_new(int argc, char **argv);

/* The text of a new package, owned by context (a talloc context). */
extern char *so_new_package_text(void *context, const char *name);

#endif /* CLIENT_NEW_H */
