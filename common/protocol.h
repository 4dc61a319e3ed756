/*
 * common/protocol.h
 *
 * Numbers and names that both ends of a door must agree on.  docs/protocol.md
 * explains them; a change here is a change there.
 */
#ifndef COMMON_PROTOCOL_H
#define COMMON_PROTOCOL_H

#define SO_VERSION "0.1.0"

/* The wire protocol between agent and master; N and N-1 are spoken. */
#define SO_PROTOCOL_VERSION 1
#define SO_PROTOCOL_OLDEST  1

/* The package format that this engine reads. */
#define SO_PACKAGE_FORMAT_VERSION 1

#define SO_DEFAULT_PORT   8391
#define SO_ROUTE_PREFIX   "/ClusterManagement"
#define SO_ROUTE_REGISTER "/ClusterManagement/v1/register"
#define SO_ROUTE_LEASE    "/ClusterManagement/v1/lease"
#define SO_ROUTE_REPORT   "/ClusterManagement/v1/report"
#define SO_ROUTE_TASK_LOG "/ClusterManagement/v1/task_log"
#define SO_ROUTE_JOIN     "/ClusterManagement/v1/join"

/* Limits of the HTTPS door, in bytes unless the name says otherwise. */
#define SO_LIMIT_HEADERS      (16 * 1024)
#define SO_LIMIT_BODY         (8 * 1024 * 1024)
#define SO_LIMIT_HELD         4096               /* attempts that one agent may hold */
#define SO_LIMIT_ITEMS        2000               /* items in one report */
#define SO_LIMIT_ITEM         (1024 * 1024)      /* one item of a report */
#define SO_LIMIT_TASKS        (48 * 1024 * 1024) /* tasks and projects of one lease answer */
#define SO_LIMIT_LONG_POLL_MS 30000
/* Bytes of a log in one piece: six times that, as JSON in the worst case, are less than an item. */
#define SO_LIMIT_TASK_LOG_PIECE (128 * 1024)

/* SHA-256 of the DER certificate. */
#define SO_THUMBPRINT_SIZE 32
#define SO_UUID_SIZE       16

/* State of an attempt that an agent holds. */
typedef enum SoHeldState
{
	SO_HELD_RUNNING = 1,  /* leased to us; queued, starting or running */
	SO_HELD_STOPPING = 2, /* told to stop, not gone yet */
	SO_HELD_FINISHED = 3  /* ended; its result is not yet acknowledged */
} SoHeldState;

/* Frames between master and gateway (docs/protocol.md, chapter "Master and gateway"). */
typedef enum SoGatewayFrame
{
	/* gateway to master */
	SO_GATEWAY_HELLO = 1,     /* version, pid */
	SO_GATEWAY_LISTENING = 2, /* addresses, port and certificate in use */
	SO_GATEWAY_REQUEST = 3,   /* one HTTP request of a trusted peer */
	SO_GATEWAY_ABANDONED = 4, /* the peer of a parked request has gone */
	SO_GATEWAY_LOG = 5,       /* a log line for the server log */
	SO_GATEWAY_FAILED = 6,    /* cannot serve: an error, then exit */
	SO_GATEWAY_RELOADED = 7,  /* new certificate or settings are in use, or why not */
	SO_GATEWAY_REFUSED = 8,   /* connections that were refused, counted */
	/* master to gateway */
	SO_GATEWAY_CONFIGURE = 33, /* listen addresses, port, files, limits */
	SO_GATEWAY_TRUST = 34,     /* the whole set of trusted thumbprints */
	SO_GATEWAY_ANSWER = 35     /* answer to a request */
} SoGatewayFrame;

/* Flag of a TRUST frame: a worker whose certificate is not in the set may try to join. */
#define SO_TRUST_ENROLLMENT_OPEN 0x01

typedef enum SoRequestKind
{
	SO_REQUEST_REGISTER = 1,
	SO_REQUEST_LEASE = 2,
	SO_REQUEST_REPORT = 3,
	SO_REQUEST_JOIN = 4,    /* the only one of a certificate that is not trusted */
	SO_REQUEST_TASK_LOG = 5 /* a piece of the log of an attempt, which was asked for */
} SoRequestKind;

/* Frames between agent and runner (docs/protocol.md, chapter "Agent and runner"). */
typedef enum SoRunnerFrame
{
	/* runner to agent */
	SO_RUNNER_HELLO = 1, /* version, pid */
	SO_RUNNER_ITEM = 2,  /* u64 sequence, u8 item kind, JSON text of one report item */
	SO_RUNNER_LOG = 3,   /* a log line for the task's log */
	/* agent to runner */
	SO_RUNNER_TASK = 33,        /* JSON text of the leased task */
	SO_RUNNER_CANCEL = 34,      /* stop: cancel what runs, report, exit */
	SO_RUNNER_ACKNOWLEDGE = 35, /* u64: every item up to this sequence is committed */
	SO_RUNNER_LOG_LEVEL = 37, /* u8: sum of the SoLogLevel that go to the task's log; at any time */
	SO_RUNNER_REPLY = 36      /* u64 sequence, JSON: what the catalog answers to this item */
} SoRunnerFrame;

/* Kinds of report items; the JSON member "type" carries the name. */
typedef enum SoItemKind
{
	SO_ITEM_STARTED = 1,     /* "started" */
	SO_ITEM_EXECUTABLES = 2, /* "executables" */
	SO_ITEM_EVENT = 3,       /* "event" */
	SO_ITEM_STATISTICS = 4,  /* "statistics" */
	SO_ITEM_CHECKPOINT = 5,  /* "checkpoint" */
	SO_ITEM_RESULT = 6       /* "result": the last item of an attempt */
} SoItemKind;

#endif /* COMMON_PROTOCOL_H */
