/*
 * bgworker/server_log.h
 *
 * The lines of launcher, master, maintenance and gateway are in the server's
 * log, as it is configured; with scaleout.log_file they are in a file of their
 * own as well, in the format of common/log.h, with rotation.
 *
 * Process: launcher, master, maintenance; each writes to the file by itself.
 */
#ifndef BGWORKER_SERVER_LOG_H
#define BGWORKER_SERVER_LOG_H

#include "common/log.h"

/* From now on the messages of this process are its lines; program: "scaleout-master". */
extern void so_server_log_init(const char *program);

/*
 * The next message is a line of another process: written with this level,
 * program and process, and as text, which may be more than the message says.
 * Ends with so_server_log_own.
 */
extern void so_server_log_foreign(SoLogLevel level, const char *program, int pid, const char *text);
extern void so_server_log_own(void);

#endif /* BGWORKER_SERVER_LOG_H */
