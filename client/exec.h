/*
 * client/exec.h
 *
 * scaleout exec: runs a package here and now, without any server, with
 * dtexec's options.
 */
#ifndef CLIENT_EXEC_H
#define CLIENT_EXEC_H

/* Returns dtexec's exit code (client/options.h). */
extern int so_client_exec(int argc, char **argv);

#endif /* CLIENT_EXEC_H */
