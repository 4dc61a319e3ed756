/*
 * client/workers.h
 *
 * scaleout workers: the worker agents and what may be done with them.
 */
#ifndef CLIENT_WORKERS_H
#define CLIENT_WORKERS_H

/* Returns an exit code of client/options.h. */
extern int so_client_workers(int argc, char **argv);

#endif /* CLIENT_WORKERS_H */
