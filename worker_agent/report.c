/*
 * worker_agent/report.c
 *
 * Sends the spool to the master and settles what is acknowledged.
 *
 * Process: agent, event loop thread.  Nothing is forgotten before an answer says
 * that it is committed; a lost answer costs a repetition.
 */
#include "worker_agent/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/lease.h"
#include "worker_agent/register.h"
#include "worker_agent/runners.h"

#define REPORT_TIMEOUT_MS 30000
#define FIRST_RETRY_MS    200
/* The master answered and settled nothing of what it was sent. */
#define UNSETTLED_RETRY_MS 1000
/* Reports begin at least this far apart, so that a busy worker sends larger ones. */
#define BATCH_GAP_MS 4
/* Half of what the master accepts, because held attempts come on top. */
#define BATCH_BYTES (SO_LIMIT_BODY / 2)

/* What the master refuses to read is replaced; its sequence must not be missing. */
static const char unreadable_event[] = "{\"type\":\"event\",\"message_type\":120,\"message_source_"
									   "type\":30,\"event_name\":\"OnError\","
									   "\"message\":\"a record of this execution could not be "
									   "delivered; the log of the worker has it\","
									   "\"code\":\"SO443\"}";
static const char unreadable_result[] =
	"{\"type\":\"result\",\"status\":4,\"outcome\":\"package\",\"error_count\":1,\"warning_count\":"
	"0,"
	"\"message\":\"the result of this execution could not be delivered\",\"code\":\"SO443\"}";

/* ---- acknowledgements ------------------------------------------------------- */

/* A number that does not fit must not be taken for another one. */
static bool
read_key(const json_t *entry, SoUuid *task, uint32_t *attempt, uint64_t *sequence)
{
	const char *text = json_string_value(json_object_get(entry, "task"));
	json_int_t number = json_integer_value(json_object_get(entry, "attempt"));
	json_int_t item = json_integer_value(json_object_get(entry, "sequence"));

	*attempt = (uint32_t) number;
	*sequence = (uint64_t) item;
	return number > 0 && number <= INT32_MAX && item > 0 && text != NULL &&
		   so_uuid_parse(text, task);
}

/* The result is settled when it waited before and does not any more. */
static void
check_result_settled(SoAgent *agent, const SoUuid *task, uint32_t attempt_number)
{
	SoAttempt *attempt = so_held_find(agent->held, task, attempt_number);

	if (attempt == NULL || attempt->gone || attempt->state != SO_HELD_FINISHED ||
		so_spool_has_result(agent->spool, task, attempt_number))
		return;
	so_held_drop(agent->held, attempt, agent->lease.newest);
}

static void
settle_acknowledged(SoAgent *agent, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		SoUuid task;
		uint32_t attempt;
		uint64_t sequence;

		if (!read_key(json_array_get(list, i), &task, &attempt, &sequence))
			continue;
		sequence = so_spool_acknowledge(agent->spool, &task, attempt, sequence);
		so_runners_acknowledge(agent, &task, attempt, sequence);
		check_result_settled(agent, &task, attempt);
	}
}

/* To the runner, if it is still there: the item was refused. */
static void
reply_refusal(SoAgent *agent, const SoUuid *task, uint32_t attempt, uint64_t sequence,
			  const char *code, const char *message)
{
	json_t *body = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	if (text != NULL)
		so_runners_reply(agent, task, attempt, sequence, text);
	free(text);
	json_decref(body);
}

/* Replies may hold what a checkpoint holds: they are wiped. */
static void
forward_replies(SoAgent *agent, const json_t *answer)
{
	const json_t *replies = json_object_get(answer, "replies");
	const json_t *rejected = json_object_get(answer, "rejected");
	SoUuid task;
	uint32_t attempt;
	uint64_t sequence;

	for (size_t i = 0; i < json_array_size(replies); i++)
	{
		const json_t *entry = json_array_get(replies, i);
		char *text = json_dumps(json_object_get(entry, "body"), JSON_COMPACT);

		if (text != NULL && read_key(entry, &task, &attempt, &sequence))
			so_runners_reply(agent, &task, attempt, sequence, text);
		if (text != NULL)
			explicit_bzero(text, strlen(text));
		free(text);
	}
	for (size_t i = 0; i < json_array_size(rejected); i++)
	{
		const json_t *entry = json_array_get(rejected, i);
		const char *code = json_string_value(json_object_get(entry, "code"));
		const char *message = json_string_value(json_object_get(entry, "message"));

		if (read_key(entry, &task, &attempt, &sequence))
			reply_refusal(agent, &task, attempt, sequence, code != NULL ? code : "",
						  message != NULL ? message : "");
	}
}

static void
settle_rejected(SoAgent *agent, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const json_t *entry = json_array_get(list, i);
		const char *code = json_string_value(json_object_get(entry, "code"));
		const char *message = json_string_value(json_object_get(entry, "message"));
		SoUuid task;
		uint32_t attempt;
		uint64_t sequence;
		char text[SO_UUID_TEXT_SIZE];

		if (!read_key(entry, &task, &attempt, &sequence))
			continue;
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_AGENT_ITEM_REJECTED,
					"the master rejects record %" PRIu64 " of task %s, attempt %u: "
					"%s %s",
					sequence, so_uuid_format(&task, text), attempt, code != NULL ? code : "",
					message != NULL ? message : "");
		so_spool_reject(agent->spool, &task, attempt, sequence);
		check_result_settled(agent, &task, attempt);
	}
}

/* ---- failures ---------------------------------------------------------------- */

static void
wait_after_failure(SoAgent *agent, const SoAnswer *answer)
{
	agent->report.waiting = true;
	so_agent_arm(agent->report.timer,
				 so_agent_request_failed(agent, answer, &agent->report.backoff));
	so_agent_check_leave(agent);
}

/* Has this item been replaced before?  Then something else is to blame. */
static bool
is_replaced(SoReportState *report, const SoUuid *task, uint32_t attempt, uint64_t sequence)
{
	if (report->replaced_sequence == sequence && report->replaced_attempt == attempt &&
		so_uuid_equal(&report->replaced_task, task))
		return true;
	report->replaced_task = *task;
	report->replaced_attempt = attempt;
	report->replaced_sequence = sequence;
	return false;
}

/*
 * The master does not accept the batch as it is.  Halve it until one item is
 * left; that one is to blame and is replaced.
 */
static void
shrink_batch(SoAgent *agent, const SoAnswer *answer)
{
	SoReportState *report = &agent->report;
	SoUuid task;
	uint32_t attempt;
	uint64_t sequence;
	SoItemKind kind = SO_ITEM_EVENT;
	char text[SO_UUID_TEXT_SIZE];

	if (report->sent_items > 1)
	{
		report->batch_items = report->sent_items / 2;
		so_report_pump(agent);
		return;
	}
	report->batch_items = 1;
	if (so_spool_replace_first(agent->spool, unreadable_event, &task, &attempt, &sequence, &kind))
	{
		bool again = is_replaced(report, &task, attempt, sequence);

		if (kind == SO_ITEM_RESULT)
			so_spool_replace_first(agent->spool, unreadable_result, &task, &attempt, &sequence,
								   &kind);
		if (again)
		{
			wait_after_failure(agent, answer);
			return;
		}
		if (kind == SO_ITEM_CHECKPOINT)
			reply_refusal(agent, &task, attempt, sequence, so_error_state(answer->error.code),
						  answer->error.message);
		so_log_error(SO_LOG_ERROR, &answer->error);
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_AGENT_ITEM_INVALID,
					"record %" PRIu64 " of task %s, attempt %u is replaced because "
					"the master does not accept it",
					sequence, so_uuid_format(&task, text), attempt);
	}
	report->waiting = true;
	so_agent_arm(report->timer, FIRST_RETRY_MS);
}

static void
report_failed(SoAgent *agent, const SoAnswer *answer)
{
	if (strcmp(answer->code, "SO210") == 0)
	{
		so_register_start(agent);
		return;
	}
	if ((answer->status == 400 || answer->status == 413) && agent->report.sent_items > 0)
	{
		shrink_batch(agent, answer);
		return;
	}
	wait_after_failure(agent, answer);
}

/* ---- sending ------------------------------------------------------------------ */

/* Said once: the same records are sent until the master settles one. */
static void
wait_unsettled(SoAgent *agent)
{
	if (!agent->report.told_unsettled)
		so_log_code(NULL, SO_LOG_WARNING, SO_ERR_AGENT_MASTER_ANSWER,
					"the master answers a report of %d records and settles none of them",
					agent->report.sent_items);
	agent->report.told_unsettled = true;
	so_agent_arm(agent->report.timer, UNSETTLED_RETRY_MS);
}

static void
answered(void *context, const SoAnswer *answer)
{
	SoAgent *agent = context;
	SoReportState *report = &agent->report;
	size_t waiting = so_spool_waiting(agent->spool);
	SoAnswer refused;

	answer = so_agent_judge_answer(agent, answer, &refused);
	if (answer->error.code != SO_OK)
	{
		report_failed(agent, answer);
		return;
	}
	SO_FAULT("agent.after_report");
	so_agent_request_succeeded(agent, &report->backoff);
	agent->round_trip_ms = so_clock_monotonic_ms() - answer->sent_ms;
	if (!so_agent_check_answer(agent, answer))
		return;
	report->batch_items =
		report->batch_items * 2 < SO_LIMIT_ITEMS ? report->batch_items * 2 : SO_LIMIT_ITEMS;
	so_held_renew(agent->held, SO_HELD_BY_REPORT, report->number, answer->sent_ms);
	so_agent_expire_leases(agent);
	/* Before the acknowledgements: a runner must not take a refused item for recorded. */
	forward_replies(agent, answer->body);
	settle_acknowledged(agent, json_object_get(answer->body, "acknowledged"));
	settle_rejected(agent, json_object_get(answer->body, "rejected"));
	so_command_handle(agent, json_object_get(answer->body, "commands"));
	so_held_forget(agent->held, so_lease_oldest_open(agent));
	/* Acknowledgements written down save repetitions after a crash. */
	so_agent_flush_spool(agent);
	so_agent_arm(report->timer, agent->heartbeat_interval_ms);
	if (report->sent_items > 0 && so_spool_waiting(agent->spool) >= waiting)
		wait_unsettled(agent);
	else if (report->sent_items > 0)
	{
		report->told_unsettled = false;
		so_report_pump(agent);
	}
	so_lease_pump(agent);
	so_agent_check_leave(agent);
}

static void
send_report(SoAgent *agent)
{
	SoReportState *report = &agent->report;
	SoByteBuffer body;
	char head[300];
	int length;

	if (!agent->registered || report->waiting ||
		so_master_client_busy(agent->client, SO_CHANNEL_REPORT))
		return;
	event_del(report->timer);
	report->number = ++agent->request_number;
	report->last_sent_ms = so_clock_monotonic_ms();
	length =
		snprintf(head, sizeof(head),
				 "{\"agent_id\":\"%s\",\"instance_id\":\"%s\",\"epoch\":%" PRIu64 ",\"held\":",
				 agent->identity.agent_id_text, agent->identity.instance_id_text, agent->epoch);
	so_byte_buffer_init(&body);
	so_put_bytes(&body, head, (size_t) length);
	so_held_write(agent->held, &body, SO_HELD_BY_REPORT, report->number);
	so_put_bytes(&body, ",\"items\":[", 10);
	report->sent_items = so_spool_collect(agent->spool, &body, report->batch_items, BATCH_BYTES);
	so_put_bytes(&body, "]}", 2);
	SO_FAULT("agent.before_report");
	so_master_client_post(agent->client, SO_CHANNEL_REPORT, SO_ROUTE_REPORT, &body,
						  REPORT_TIMEOUT_MS, answered, agent);
	so_byte_buffer_free(&body);
}

void
so_report_pump(SoAgent *agent)
{
	SoReportState *report = &agent->report;
	int64_t since;

	if (!agent->registered || report->waiting || so_spool_waiting(agent->spool) == 0 ||
		so_master_client_busy(agent->client, SO_CHANNEL_REPORT))
		return;
	since = so_clock_monotonic_ms() - report->last_sent_ms;
	so_agent_arm(report->timer, since >= BATCH_GAP_MS ? 0 : BATCH_GAP_MS - since);
}

void
so_report_renew(SoAgent *agent, int64_t now_ms)
{
	SoReportState *report = &agent->report;
	SoAttempt *attempt;

	if (!agent->registered || report->waiting || now_ms - report->last_sent_ms < BATCH_GAP_MS ||
		so_master_client_busy(agent->client, SO_CHANNEL_REPORT))
		return;
	TAILQ_FOREACH(attempt, so_held_list(agent->held), link)
	{
		if (attempt->state != SO_HELD_FINISHED && so_held_renewal_due(attempt) <= now_ms)
		{
			so_agent_arm(report->timer, 0);
			return;
		}
	}
}

static void
timer_due(evutil_socket_t fd, short what, void *argument)
{
	SoAgent *agent = argument;

	(void) fd;
	(void) what;
	agent->report.waiting = false;
	send_report(agent);
}

void
so_report_pause(SoAgent *agent)
{
	if (!agent->registration.open)
		so_master_client_abort(agent->client, SO_CHANNEL_REPORT);
	event_del(agent->report.timer);
	agent->report.waiting = false;
}

void
so_report_resume(SoAgent *agent)
{
	/* At once: the first heartbeat renews what is held. */
	so_agent_arm(agent->report.timer, 0);
}

void
so_report_open(SoAgent *agent)
{
	agent->report.timer = evtimer_new(agent->base, timer_due, agent);
	agent->report.backoff.initial_ms = FIRST_RETRY_MS;
	agent->report.batch_items = SO_LIMIT_ITEMS;
}

void
so_report_close(SoAgent *agent)
{
	if (agent->report.timer != NULL)
		event_free(agent->report.timer);
}
