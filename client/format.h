/*
 * client/format.h
 *
 * scaleout format: writes documents in their normal form.
 */
#ifndef CLIENT_FORMAT_H
#define CLIENT_FORMAT_H

/* Returns an exit code of client/options.h. */
extern int so_client_format(int argc, char **argv);

#endif /* CLIENT_FORMAT_H */
