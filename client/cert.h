/*
 * client/cert.h
 *
 * scaleout cert: makes, shows and checks certificates.
 */
#ifndef CLIENT_CERT_H
#define CLIENT_CERT_H

/* The subcommand: argv[0] is "cert".  Returns the exit status. */
extern int so_client_cert(int argc, char **argv);

#endif /* CLIENT_CERT_H */
