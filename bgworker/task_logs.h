/*
 * bgworker/task_logs.h
 *
 * Fetching the logs of tasks from workers: the command fetch_log is repeated
 * until the request has ended; pieces come in requests of their own.
 */
#ifndef BGWORKER_TASK_LOGS_H
#define BGWORKER_TASK_LOGS_H

#include "bgworker/agents.h"
#include "bgworker/tick.h"

/* The first look is due: whatever an earlier master left open goes on. */
extern void so_task_logs_init(SoMaster *master);

/* When open requests must be looked at: monotonic ms, PG_INT64_MAX while there are none. */
extern int64 so_task_logs_deadline(const SoMaster *master);

/* Inside the transaction: store pieces; find out what is open, end what nobody answers. */
extern void so_task_logs_take(SoMaster *master, SoBatch *batch);
extern void so_task_logs_look(SoMaster *master, SoBatch *batch);

/* After the commit: answers, waiters, and what agents are told from now on. */
extern void so_task_logs_done(SoMaster *master, SoBatch *batch);

/* The agent has registered and knows of nothing that it was told before. */
extern void so_task_logs_registered(SoMaster *master, const SoAgent *agent);

/* Append the commands that the agent has not been given for a while to a JSON list. */
extern void so_task_logs_commands(SoMaster *master, StringInfo json, SoAgent *agent);

#endif /* BGWORKER_TASK_LOGS_H */
