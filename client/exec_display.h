/*
 * client/exec_display.h
 *
 * What scaleout exec shows while a package runs: a live tree of executables on
 * a terminal, plain lines elsewhere.
 *
 * Process: client.  The engine's control thread reports; on a terminal a thread
 * of the display redraws, under the display's mutex.
 */
#ifndef CLIENT_EXEC_DISPLAY_H
#define CLIENT_EXEC_DISPLAY_H

#include "client/exec_options.h"

typedef struct SoExecDisplay SoExecDisplay;

/* live: draw the tree; stdout is a terminal then. */
extern SoExecDisplay *so_exec_display_open(const SoExecOptions *options, bool live);

/* The sink to run with; valid as long as the display. */
extern const SoRunSink *so_exec_display_sink(SoExecDisplay *display);

/* Draw for the last time and free. */
extern void so_exec_display_close(SoExecDisplay *display);

/* "1.2 s", "3 min 05 s", "1 h 02 min"; buffer needs 32 bytes.  Returns buffer. */
extern char *so_exec_duration_text(int64_t milliseconds, char *buffer, size_t size);

#endif /* CLIENT_EXEC_DISPLAY_H */
