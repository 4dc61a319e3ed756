/*
 * client/list.h
 *
 * scaleout list: what is in the catalog.
 */
#ifndef CLIENT_LIST_H
#define CLIENT_LIST_H

/* Returns an exit code of client/options.h. */
extern int so_client_list(int argc, char **argv);

#endif /* CLIENT_LIST_H */
