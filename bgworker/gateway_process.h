/*
 * bgworker/gateway_process.h
 *
 * The gateway as a child process of the master: start, watch, start again.
 */
#ifndef BGWORKER_GATEWAY_PROCESS_H
#define BGWORKER_GATEWAY_PROCESS_H

#include "common/byte_buffer.h"
#include "port.h"

typedef struct SoGateway
{
	pid_t pid;      /* 0: there is none */
	pgsocket fd;    /* our end, non-blocking; PGINVALID_SOCKET without a gateway */
	bool eof;       /* nothing more will come */
	int64 eof_ms;   /* since when; it is killed when it does not leave by itself */
	bool listening; /* it has said LISTENING in this life */
	SoByteBuffer in;
	SoByteBuffer out;
	int64 started_ms;
	int64 next_start_ms; /* not before */
	int backoff_ms;
	uint64 spawns; /* changes with every start; for rebuilding wait sets */
} SoGateway;

/* Called once; starts nothing. */
extern void so_gateway_process_init(SoGateway *gateway);

/*
 * Start the gateway when there is none and its time has come.  Returns true
 * when one was started in this call; CONFIGURE and TRUST are then due.  On
 * failure logs a warning and lets the back-off grow.
 */
extern bool so_gateway_process_start(SoGateway *gateway, int64 now_ms);

/* Read what there is; sets eof at the end of the stream. */
extern void so_gateway_process_read(SoGateway *gateway);

/* Write what fits; sets eof when the gateway does not read any more. */
extern void so_gateway_process_write(SoGateway *gateway);

/*
 * Has the gateway ended?  To be called after every wait.  Its last words are
 * still in the socket: read them (the input ends with eof), then call
 * so_gateway_process_forget.  One that has closed its end and does not leave
 * is killed after a second.
 */
extern bool so_gateway_process_ended(SoGateway *gateway, int64 now_ms);

/* Close the socket, decide when the next one may start. */
extern void so_gateway_process_forget(SoGateway *gateway, int64 now_ms);

/* The next start is not put off because earlier ones have failed. */
extern void so_gateway_process_try_at_once(SoGateway *gateway);

/* End it at once: a gateway that violates the protocol. */
extern void so_gateway_process_kill(SoGateway *gateway);

#endif /* BGWORKER_GATEWAY_PROCESS_H */
