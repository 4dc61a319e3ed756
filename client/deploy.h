/*
 * client/deploy.h
 *
 * scaleout deploy: checks documents and puts them into the catalog.
 */
#ifndef CLIENT_DEPLOY_H
#define CLIENT_DEPLOY_H

/* Returns an exit code of client/options.h. */
extern int so_client_deploy(int argc, char **argv);

#endif /* CLIENT_DEPLOY_H */
