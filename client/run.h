/*
 * client/run.h
 *
 * scaleout run: starts an execution of a deployed package.
 */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

/* Returns an exit code of client/options.h. */
extern int so_client_run(int argc, char **argv);

#endif /* CLIENT_RUN_H */
