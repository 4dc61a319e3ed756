/*
 * client/stop.h
 *
 * scaleout stop: stops an execution.
 */
#ifndef CLIENT_STOP_H
#define CLIENT_STOP_H

/* Returns an exit code of client/options.h. */
extern int so_client_stop(int argc, char **argv);

#endif /* CLIENT_STOP_H */
