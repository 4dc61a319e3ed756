/*
 * worker_agent/lease.c
 *
 * Polls for tasks and hands them to the runners.
 *
 * Process: agent, event loop thread.  A lost answer is sent again by the master,
 * because the next poll does not list its tasks.
 */
#include "worker_agent/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/grant.h"
#include "worker_agent/register.h"

/* How long a full worker waits for a free slot before it parks a poll without capacity. */
#define GRACE_MS 50
/* Beyond the time that the master may park the poll. */
#define ANSWER_MARGIN_MS 15000
#define FIRST_RETRY_MS   200

uint64_t
so_lease_oldest_open(const SoAgent *agent)
{
	uint64_t oldest = UINT64_MAX;

	for (int i = 0; i < 2; i++)
	{
		uint64_t number = agent->lease.polls[i].number;

		if (number != 0 && number < oldest)
			oldest = number;
	}
	return oldest;
}

static void
poll_failed(SoAgent *agent, const SoAnswer *answer)
{
	if (strcmp(answer->code, "SO210") == 0)
	{
		so_register_start(agent);
		return;
	}
	agent->lease.waiting = true;
	so_agent_arm(agent->lease.retry, so_agent_request_failed(agent, answer, &agent->lease.backoff));
}

/* While draining: say when no poll is open any more that could bring a task. */
static void
check_withdrawn(SoAgent *agent)
{
	SoLeaseState *lease = &agent->lease;

	if (!agent->draining || lease->withdrawn)
		return;
	for (int i = 0; i < 2; i++)
	{
		if (lease->polls[i].number != 0 && lease->polls[i].capacity > 0)
			return;
	}
	lease->withdrawn = true;
	so_log(SO_LOG_INFORMATION, "draining: the master sends nothing more");
}

static void
answered(void *context, const SoAnswer *answer)
{
	SoLeasePoll *poll = context;
	SoAgent *agent = poll->agent;
	uint64_t number = poll->number;
	SoAnswer refused;

	poll->number = 0;
	answer = so_agent_judge_answer(agent, answer, &refused);
	if (answer->error.code != SO_OK)
	{
		poll_failed(agent, answer);
		return;
	}
	SO_FAULT("agent.after_lease");
	so_agent_request_succeeded(agent, &agent->lease.backoff);
	if (!so_agent_check_answer(agent, answer))
		return;
	so_held_renew(agent->held, SO_HELD_BY_LEASE, number, answer->sent_ms);
	/*
	 * After a stall nobody knows how old this answer is; what it grants is sent
	 * again.  The time that it takes to read a large one here is no stall: the
	 * same would come again, and take as long, for ever.
	 */
	if (so_agent_stalled(agent, answer->arrived_ms))
		so_log(SO_LOG_WARNING,
			   "this process was stopped for a while; tasks granted meanwhile are ignored");
	else
		so_grant_tasks(agent, answer->body, answer->arrived_ms);
	so_agent_expire_leases(agent);
	so_command_handle(agent, json_object_get(answer->body, "commands"));
	so_held_forget(agent->held, so_lease_oldest_open(agent));
	so_lease_pump(agent);
	check_withdrawn(agent);
}

/*
 * Append the members that say why no more is asked for, the load and the time of
 * this machine; the texts are ours and need no quoting.
 */
static void
put_asked(const SoAgent *agent, int capacity, SoByteBuffer *body)
{
	static const char *const names[SO_PRESSURE_KINDS] = {"cpu_pressure", "memory_pressure",
														 "io_pressure"};
	const char *reason = so_capacity_reason(agent, capacity);
	double memory = so_load_memory(&agent->load);
	char text[SO_CAPACITY_REASON_SIZE + 20];

	snprintf(text, sizeof(text), ",\"cpu\":%.0f,\"time_ms\":%" PRId64, so_load_cpu(&agent->load),
			 so_clock_unix_ms());
	so_put_bytes(body, text, strlen(text));
	if (agent->round_trip_ms >= 0)
	{
		snprintf(text, sizeof(text), ",\"round_trip_ms\":%" PRId64, agent->round_trip_ms);
		so_put_bytes(body, text, strlen(text));
	}
	if (memory >= 0)
	{
		snprintf(text, sizeof(text), ",\"memory_free_mb\":%.0f", memory);
		so_put_bytes(body, text, strlen(text));
	}
	for (int kind = 0; kind < SO_PRESSURE_KINDS; kind++)
	{
		if (agent->load.pressure.percent[kind] < 0)
			continue;
		snprintf(text, sizeof(text), ",\"%s\":%.2f", names[kind],
				 agent->load.pressure.percent[kind]);
		so_put_bytes(body, text, strlen(text));
	}
	if (reason != NULL)
	{
		snprintf(text, sizeof(text), ",\"reason\":\"%s\"", reason);
		so_put_bytes(body, text, strlen(text));
	}
}

static void
send_poll(SoAgent *agent, SoLeasePoll *poll, int capacity)
{
	SoByteBuffer body;
	char head[500];
	int length;

	poll->number = ++agent->request_number;
	poll->capacity = capacity;
	agent->lease.newest = poll->number;
	agent->lease.grace_over = false;
	event_del(agent->lease.grace);
	length = snprintf(head, sizeof(head),
					  "{\"agent_id\":\"%s\",\"instance_id\":\"%s\",\"epoch\":%" PRIu64
					  ",\"capacity\":%d,\"wait_ms\":%" PRId64,
					  agent->identity.agent_id_text, agent->identity.instance_id_text, agent->epoch,
					  capacity, agent->long_poll_ms);
	so_byte_buffer_init(&body);
	so_put_bytes(&body, head, (size_t) length);
	put_asked(agent, capacity, &body);
	so_put_bytes(&body, ",\"held\":", 8);
	so_held_write(agent->held, &body, SO_HELD_BY_LEASE, poll->number);
	so_put_bytes(&body, "}", 1);
	so_master_client_post(agent->client, poll->channel, SO_ROUTE_LEASE, &body,
						  agent->long_poll_ms + ANSWER_MARGIN_MS, answered, poll);
	so_byte_buffer_free(&body);
}

void
so_lease_pump(SoAgent *agent)
{
	SoLeaseState *lease = &agent->lease;
	SoLeasePoll *newest =
		lease->polls[0].number > lease->polls[1].number ? &lease->polls[0] : &lease->polls[1];
	SoLeasePoll *unused = newest == &lease->polls[0] ? &lease->polls[1] : &lease->polls[0];
	int capacity;

	if (!agent->registered || lease->waiting)
		return;
	capacity = so_capacity_now(agent);
	if (newest->number != 0)
	{
		/*
		 * Replace a parked poll only when it could not bring anything, or when
		 * nothing may come any more (full is no reason: it brought the tasks).
		 */
		if (unused->number == 0 && (capacity > 0) != (newest->capacity > 0) &&
			(capacity > 0 || agent->capacity.obstacle != SO_OBSTACLE_NONE))
			send_poll(agent, unused, capacity);
		return;
	}
	if (capacity > 0 || lease->grace_over)
		send_poll(agent, newest, capacity);
	else if (!event_pending(lease->grace, EV_TIMEOUT, NULL))
		so_agent_arm(lease->grace, GRACE_MS);
}

void
so_lease_pause(SoAgent *agent)
{
	for (int i = 0; i < 2; i++)
	{
		so_master_client_abort(agent->client, agent->lease.polls[i].channel);
		agent->lease.polls[i].number = 0;
	}
	event_del(agent->lease.grace);
	event_del(agent->lease.retry);
	agent->lease.waiting = false;
}

void
so_lease_resume(SoAgent *agent)
{
	so_lease_pump(agent);
}

static void
grace_due(evutil_socket_t fd, short what, void *argument)
{
	SoAgent *agent = argument;

	(void) fd;
	(void) what;
	agent->lease.grace_over = true;
	so_lease_pump(agent);
}

static void
retry_due(evutil_socket_t fd, short what, void *argument)
{
	SoAgent *agent = argument;

	(void) fd;
	(void) what;
	agent->lease.waiting = false;
	so_lease_pump(agent);
}

void
so_lease_open(SoAgent *agent)
{
	SoLeaseState *lease = &agent->lease;

	for (int i = 0; i < 2; i++)
	{
		lease->polls[i].agent = agent;
		lease->polls[i].channel = i == 0 ? SO_CHANNEL_LEASE_A : SO_CHANNEL_LEASE_B;
	}
	lease->grace = evtimer_new(agent->base, grace_due, agent);
	lease->retry = evtimer_new(agent->base, retry_due, agent);
	lease->backoff.initial_ms = FIRST_RETRY_MS;
}

void
so_lease_close(SoAgent *agent)
{
	if (agent->lease.grace != NULL)
		event_free(agent->lease.grace);
	if (agent->lease.retry != NULL)
		event_free(agent->lease.retry);
}
