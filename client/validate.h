/*
 * client/validate.h
 *
 * scaleout validate: checks package documents without running them.
 */
#ifndef CLIENT_VALIDATE_H
#define CLIENT_VALIDATE_H

/* Returns an exit code of client/options.h. */
extern int so_client_validate(int argc, char **argv);

#endif /* CLIENT_VALIDATE_H */
