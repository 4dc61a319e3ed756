/*
 * bgworker/answers.h
 *
 * The JSON of the answers to agents (docs/protocol.md, chapter 2).
 */
#ifndef BGWORKER_ANSWERS_H
#define BGWORKER_ANSWERS_H

#include "bgworker/agents.h"
#include "bgworker/leases.h"
#include "bgworker/master.h"
#include "lib/stringinfo.h"

/* Append a UUID in its text form, with quotes. */
extern void so_answers_uuid(StringInfo json, const pg_uuid_t *uuid);

/* Append {"task":...,"attempt":n} members, without braces. */
extern void so_answers_attempt(StringInfo json, const pg_uuid_t *task, uint32 attempt);

/*
 * When the agent that runs this lease must be told to stop it: 0 for now, later
 * when it has been told a moment ago and has not said that it is stopping.
 */
extern int64 so_answers_stop_due(const SoLease *lease);

/*
 * Append the list of commands for the agent, with brackets; those that are
 * said once are forgotten.
 */
extern void so_answers_commands(SoMaster *master, StringInfo json, SoAgent *agent);

/*
 * Answer the agent's parked poll: tasks and projects are the insides of the
 * JSON list and object, or NULL.  The agent must have a poll parked.
 */
extern void
so_answers_poll(SoMaster *master, SoAgent *agent, const char *tasks, const char *projects);

/* Answer a poll that another one has replaced. */
extern void so_answers_replaced_poll(SoMaster *master, uint64 request, bool enabled);

/* Answer a report; lists are insides of the JSON lists, or NULL. */
extern void so_answers_report(SoMaster *master, const SoRequest *request, SoAgent *agent,
							  const char *acknowledged, const char *rejected, const char *replies);

/* Answer a piece of a task log: where to go on, or -1 when nothing more is wanted. */
extern void
so_answers_task_log(SoMaster *master, const SoRequest *request, SoAgent *agent, int64 next_offset);

/* Answer a registration. */
extern void so_answers_register(SoMaster *master, const SoRequest *request, SoAgent *agent);

/* Answer every poll that has waited long enough or has news. */
extern void so_answers_due_polls(SoMaster *master);

#endif /* BGWORKER_ANSWERS_H */
