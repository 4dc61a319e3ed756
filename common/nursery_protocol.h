/*
 * common/nursery_protocol.h
 *
 * What the agent and the nursery (the warm parent of the runners) say to each
 * other.  The nursery has its end of a SOCK_SEQPACKET socket pair as descriptor
 * 3.  A packet holds one or more messages, each a u8 type and its fields in the
 * coding of common/byte_buffer.h; both are programs of the same version.
 *
 * SPAWN is alone in its packet, which carries two descriptors: the runner's end
 * of its socket pair, and where its standard output and error go.
 */
#ifndef COMMON_NURSERY_PROTOCOL_H
#define COMMON_NURSERY_PROTOCOL_H

/* The descriptor of the nursery's control socket. */
#define SO_NURSERY_FD 3

/* Upper bound of a packet, in bytes. */
#define SO_NURSERY_PACKET_SIZE 16384

typedef enum SoNurseryMessage
{
	/* agent to nursery */
	SO_NURSERY_SPAWN = 1, /* u64 token; descriptors: socket, output */
	SO_NURSERY_KILL = 2,  /* u64 token: SIGKILL to the runner and all it started */
	/* nursery to agent */
	SO_NURSERY_READY = 33,   /* string version, u32 pid, string task types (comma separated) */
	SO_NURSERY_SPAWNED = 34, /* u64 token, u32 pid */
	SO_NURSERY_EXITED = 35,  /* u64 token, u32 wait status; sent when all it started is gone too */
	SO_NURSERY_FAILED = 36   /* u64 token, u32 errno: could not be forked */
} SoNurseryMessage;

#endif /* COMMON_NURSERY_PROTOCOL_H */
