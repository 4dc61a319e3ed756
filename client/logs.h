/*
 * client/logs.h
 *
 * scaleout logs: the messages of an execution and the logs of its attempts.
 */
#ifndef CLIENT_LOGS_H
#define CLIENT_LOGS_H

/* Returns an exit code of client/options.h. */
extern int so_client_logs(int argc, char **argv);

#endif /* CLIENT_LOGS_H */
