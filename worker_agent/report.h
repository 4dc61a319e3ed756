/*
 * worker_agent/report.h
 *
 * Reports (docs/protocol.md 2.6): what waits in the spool goes to the master in
 * batches; acknowledgements come back.  An empty report is a heartbeat.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_REPORT_H
#define WORKER_AGENT_REPORT_H

#include "worker_agent/agent.h"

extern void so_report_open(SoAgent *agent);
extern void so_report_close(SoAgent *agent);

extern void so_report_pause(SoAgent *agent);
extern void so_report_resume(SoAgent *agent);

/* There is something in the spool: send it soon. */
extern void so_report_pump(SoAgent *agent);
/*
 * Send a report when the lease of a held attempt is due for renewal, which may
 * be before the next heartbeat: an execution can have a short lease of its own.
 */
extern void so_report_renew(SoAgent *agent, int64_t now_ms);

#endif /* WORKER_AGENT_REPORT_H */
