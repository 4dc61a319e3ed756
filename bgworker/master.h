/*
 * bgworker/master.h
 *
 * What the parts of the master share: one struct in the memory of the process.
 */
#ifndef BGWORKER_MASTER_H
#define BGWORKER_MASTER_H

#include "bgworker/gateway_process.h"
#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"
#include "utils/palloc.h"

/* Limits of one transaction of the master. */
#define SO_MASTER_STATEMENT_TIMEOUT_MS 30000
#define SO_MASTER_LOCK_TIMEOUT         "1s"

/* The additional copy of event messages (log_copy.c). */
typedef struct SoLogCopyMaster
{
	bool due;            /* look whether there is a log database */
	bool target;         /* there is one */
	uint32 seen;         /* of SoLogCopyNews.told, what the catalog has */
	uint32 seen_state;   /* the same of told_state */
	int64 next_clear_ms; /* the queue is cleared no earlier */
	int64 next_start_ms; /* the worker is started no earlier */
	bool complained;     /* about a missing worker slot */
} SoLogCopyMaster;

typedef struct SoMaster
{
	MemoryContext turn; /* reset at every turn of the main loop */
	uint64 epoch;
	char *database; /* its name; a rename makes the master leave */
	SoGateway gateway;
	int64 now_ms; /* monotonic time of this turn */

	/* rows of internal.request */
	bool requests_due; /* somebody woke us */
	char *position;    /* snapshot of the last look, in TopMemoryContext; NULL: look at all */
	int64 next_probe_ms;

	/* the ready queue */
	int64 ready_position;    /* nothing is ready up to this ready_id */
	uint64 ready_generation; /* grows when there may be new work for somebody */
	bool ready_left;         /* there was work that the agents asked so far could not take */

	/* things to tell */
	bool trust_due;          /* read the trust set and send it */
	bool enrollment_open;    /* as the gateway was told last */
	bool identity_due;       /* look at the certificates of the master */
	bool rotation_pending;   /* the next one waits for workers to have its thumbprint */
	int64 pins_version;      /* of pins */
	char *pins;              /* members of the command for workers; in TopMemoryContext */
	int64 next_expiry_ms;    /* when ends of certificates are looked at again */
	bool listening_due;      /* record where the gateway listens */
	char *listening_address; /* in TopMemoryContext, as the gateway said it */
	int listening_port;
	int kept_port; /* with scaleout.port_number 0: the port of the last gateway */
	char *listening_thumbprint;
	int64 next_online_ms;

	/* task logs that workers are asked for */
	bool task_logs_due; /* there may be new ones */
	List *task_logs;    /* in task_log_context */
	int64 task_logs_ms; /* when they are looked at again; only while there are any */
	MemoryContext task_log_context;

	/* after a failure that may pass */
	int64 retry_ms;       /* no transaction before */
	int retry_backoff_ms; /* 0: the last one succeeded */

	/* maintenance */
	BackgroundWorkerHandle *maintenance;
	int64 next_maintenance_ms;

	SoLogCopyMaster log_copy;

	bool leave; /* after this turn: the seat is not ours any more */
	const char *leave_reason;
} SoMaster;

/* There may be work for agents that found none before. */
static inline void
so_master_ready(SoMaster *master)
{
	master->ready_generation++;
}

#endif /* BGWORKER_MASTER_H */
