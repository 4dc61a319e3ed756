/*
 * worker_agent/agent.c
 *
 * The event loop of the agent: opens everything, ticks, and closes everything.
 *
 * Process: agent, one thread.  When it dies, the nursery kills the runners; the
 * spool keeps what they had reported; the next instance registers without the
 * attempts that died, and the master offers them at once.
 */
#include "worker_agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/notify.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/register.h"
#include "worker_agent/report.h"
#include "worker_agent/rotation.h"
#include "worker_agent/root_account.h"
#include "worker_agent/runners.h"
#include "worker_agent/signals.h"
#include "worker_agent/task_sweep.h"

/* The longest time between two looks at deadlines, and the shortest. */
#define TICK_MAX_MS 1000
#define TICK_MIN_MS 20
/* A tick later than this means that the process did not run. */
#define STALL_MS  1500
#define SAMPLE_MS 1000
/* How often old task folders are looked for. */
#define SWEEP_MS 3600000
/* Longest wait before the master is asked again. */
#define RETRY_MAX_MS 10000
/* The same failure is logged again after this time. */
#define COMPLAIN_AGAIN_MS 60000
/* At the end: how long the master may take to acknowledge what is left. */
#define FLUSH_LIMIT_MS      30000
#define FLUSH_LIMIT_AWAY_MS 3000

void
so_agent_arm(struct event *timer, int64_t delay_ms)
{
	struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(timer, &delay);
}

/* ---- the connection ------------------------------------------------------------- */

/* Trying again must not take longer than leases last. */
static int64_t
retry_maximum(const SoAgent *agent)
{
	int64_t maximum = RETRY_MAX_MS;

	if (so_held_active(agent->held) > 0 && agent->lease_interval_ms / 8 < maximum)
		maximum = agent->lease_interval_ms / 8;
	return maximum;
}

int64_t
so_agent_request_failed(SoAgent *agent, const SoAnswer *answer, SoBackoff *backoff)
{
	int64_t now_ms = so_clock_monotonic_ms();
	int64_t maximum = retry_maximum(agent);
	int64_t delay = so_backoff_next(backoff, maximum, (uint32_t) random());

	if (answer->retry_after_ms > delay)
		delay = answer->retry_after_ms < maximum ? answer->retry_after_ms : maximum;
	if (agent->complained != answer->error.code ||
		now_ms - agent->complained_ms >= COMPLAIN_AGAIN_MS)
	{
		so_log_error(answer->retryable ? SO_LOG_WARNING : SO_LOG_ERROR, &answer->error);
		so_identity_complain(&agent->identity, answer->error.code);
		agent->complained = answer->error.code;
		agent->complained_ms = now_ms;
	}
	/* Two requests that failed at the same endpoint are one reason to leave it. */
	if (answer->endpoint == so_master_client_address(agent->client)->current)
		so_master_client_next_endpoint(agent->client);
	return delay;
}

void
so_agent_request_succeeded(SoAgent *agent, SoBackoff *backoff)
{
	if (agent->complained != SO_OK)
	{
		so_log(SO_LOG_INFORMATION, "the master at %s answers again",
			   so_master_client_url(agent->client));
		so_identity_complain(&agent->identity, SO_OK);
	}
	agent->complained = SO_OK;
	so_backoff_reset(backoff);
}

const SoAnswer *
so_agent_judge_answer(const SoAgent *agent, const SoAnswer *answer, SoAnswer *refused)
{
	if (answer->error.code != SO_OK ||
		json_integer_value(json_object_get(answer->body, "epoch")) > 0)
		return answer;
	*refused = *answer;
	refused->body = NULL;
	refused->retryable = true;
	so_error_set(&refused->error, SO_ERR_AGENT_MASTER_ANSWER, so_master_client_url(agent->client),
				 "the answer of the master names no epoch");
	return refused;
}

bool
so_agent_check_answer(SoAgent *agent, const SoAnswer *answer)
{
	uint64_t epoch = (uint64_t) json_integer_value(json_object_get(answer->body, "epoch"));
	SoError error;

	if (!agent->registered)
		return false;
	if (epoch != agent->epoch)
	{
		so_log(SO_LOG_INFORMATION, "the master is in epoch %" PRIu64 " now", epoch);
		so_register_start(agent);
		return false;
	}
	agent->enabled = json_is_true(json_object_get(answer->body, "enabled"));
	if (agent->enabled && agent->told_disabled)
		so_log(SO_LOG_INFORMATION, "this worker is enabled");
	if (!agent->enabled && !agent->told_disabled)
	{
		so_error_set(&error, SO_ERR_AGENT_DISABLED, NULL, "this worker is registered and disabled");
		so_error_hint(&error,
					  "It gets no tasks until an administrator runs "
					  "SELECT catalog.enable_worker_agent('%s').",
					  agent->identity.agent_id_text);
		so_log_error(SO_LOG_WARNING, &error);
	}
	agent->told_disabled = !agent->enabled;
	return true;
}

/* ---- spool ------------------------------------------------------------------------- */

bool
so_agent_flush_spool(SoAgent *agent)
{
	SoError error;

	if (so_spool_flush(agent->spool, &error))
	{
		if (agent->spool_blocked)
		{
			agent->spool_blocked = false;
			so_log(SO_LOG_INFORMATION, "the spool can be written again");
			so_runners_set_reading(agent, true);
			so_report_pump(agent);
		}
		so_runners_settle_results(agent);
		return true;
	}
	if (!agent->spool_blocked)
	{
		agent->spool_blocked = true;
		agent->spool_blocked_since_ms = so_clock_monotonic_ms();
		so_log_error(SO_LOG_CRITICAL, &error);
		so_runners_set_reading(agent, false);
	}
	return false;
}

static void
retry_spool(SoAgent *agent, int64_t now_ms)
{
	if (!agent->spool_blocked || so_agent_flush_spool(agent))
		return;
	if (now_ms - agent->spool_blocked_since_ms > agent->settings->log_retry_timeout)
	{
		so_log_code(NULL, SO_LOG_CRITICAL, SO_ERR_AGENT_SPOOL_WRITE,
					"the spool could not be written for longer than "
					"ExecutionLogRetryTimeout; the running tasks are killed");
		agent->spool_blocked_since_ms = now_ms;
		so_runners_kill_all(agent);
	}
}

/* ---- time ----------------------------------------------------------------------------- */

bool
so_agent_stalled(const SoAgent *agent, int64_t at_ms)
{
	return at_ms - agent->tick_due_ms > STALL_MS;
}

void
so_agent_expire_leases(SoAgent *agent)
{
	int64_t now_ms = so_clock_monotonic_ms();
	SoAttempt *attempt = TAILQ_FIRST(so_held_list(agent->held));

	while (attempt != NULL)
	{
		SoAttempt *next = TAILQ_NEXT(attempt, link);

		if (attempt->state != SO_HELD_FINISHED &&
			so_held_deadline(attempt, agent->settings->heartbeat_error_tolerance) <= now_ms)
			so_runners_expire(agent, attempt);
		attempt = next;
	}
}

/* The next look is due when a lease is to be renewed or ends, a second from now at the latest. */
static int64_t
next_tick(const SoAgent *agent, int64_t now_ms)
{
	int64_t next = now_ms + TICK_MAX_MS;
	SoAttempt *attempt;

	TAILQ_FOREACH(attempt, so_held_list(agent->held), link)
	{
		int64_t deadline = so_held_deadline(attempt, agent->settings->heartbeat_error_tolerance);

		if (attempt->state != SO_HELD_FINISHED && deadline < next)
			next = deadline;
		if (attempt->state != SO_HELD_FINISHED && so_held_renewal_due(attempt) < next)
			next = so_held_renewal_due(attempt);
	}
	return next < now_ms + TICK_MIN_MS ? now_ms + TICK_MIN_MS : next;
}

static void
check_leave_deadlines(SoAgent *agent, int64_t now_ms)
{
	if (!agent->leaving)
		return;
	if (agent->leave_deadline_ms != 0 && now_ms >= agent->leave_deadline_ms)
	{
		so_log(SO_LOG_WARNING, "DrainTimeout is over; the running tasks are killed");
		agent->leave_deadline_ms = 0;
		so_runners_kill_all(agent);
	}
	so_agent_check_leave(agent);
}

static void
tick(evutil_socket_t fd, short what, void *argument)
{
	SoAgent *agent = argument;
	int64_t now_ms = so_clock_monotonic_ms();

	(void) fd;
	(void) what;
	if (now_ms - agent->tick_due_ms > STALL_MS)
		so_log(SO_LOG_WARNING, "this process did not run for %" PRId64 " ms",
			   now_ms - agent->tick_due_ms);
	if (now_ms - agent->sampled_ms >= SAMPLE_MS)
	{
		so_load_read(&agent->load, agent->settings->pressure_folder,
					 agent->settings->control_group_folder, now_ms);
		agent->sampled_ms = now_ms;
		so_capacity_check_idle(agent, now_ms);
	}
	if (agent->swept_ms == 0 || now_ms - agent->swept_ms >= SWEEP_MS)
	{
		so_task_sweep_start(agent->settings->tasks_root_folder,
							agent->settings->task_folder_retention, agent->held);
		agent->swept_ms = now_ms;
	}
	so_rotation_check_expiry(agent, now_ms);
	so_agent_expire_leases(agent);
	so_report_renew(agent, now_ms);
	so_runners_check(agent, now_ms);
	retry_spool(agent, now_ms);
	so_lease_pump(agent);
	check_leave_deadlines(agent, now_ms);
	so_notify_tick(agent, now_ms);
	agent->tick_due_ms = next_tick(agent, now_ms);
	so_agent_arm(agent->tick, agent->tick_due_ms - now_ms);
}

/* ---- leaving ------------------------------------------------------------------------------ */

void
so_agent_check_leave(SoAgent *agent)
{
	int64_t now_ms = so_clock_monotonic_ms();
	size_t waiting = so_spool_waiting(agent->spool);
	bool away = !agent->registered || agent->report.backoff.failures > 0;

	if (!agent->leaving || !TAILQ_EMPTY(&agent->runners) || so_held_active(agent->held) > 0)
		return;
	if (waiting == 0)
	{
		event_base_loopbreak(agent->base);
		return;
	}
	if (agent->flush_deadline_ms == 0)
		agent->flush_deadline_ms = now_ms + FLUSH_LIMIT_MS;
	if (away && agent->flush_deadline_ms > now_ms + FLUSH_LIMIT_AWAY_MS)
		agent->flush_deadline_ms = now_ms + FLUSH_LIMIT_AWAY_MS;
	if (now_ms >= agent->flush_deadline_ms)
	{
		so_log(SO_LOG_WARNING, "%zu records stay in the spool; the next start sends them", waiting);
		event_base_loopbreak(agent->base);
	}
}

void
so_agent_fail(SoAgent *agent, const SoError *error)
{
	so_log_error(SO_LOG_CRITICAL, error);
	agent->exit_status = 1;
	event_base_loopbreak(agent->base);
}

/* ---- start and end --------------------------------------------------------------------------- */

static void
nursery_ready(void *context)
{
	SoAgent *agent = context;

	/* The first time: now the capabilities are known. */
	if (!agent->registered)
		so_register_start(agent);
	so_notify_ready(agent);
	so_runners_start_waiting(agent);
	so_lease_pump(agent);
}

static void
nursery_impossible(void *context, const SoError *error)
{
	so_agent_fail(context, error);
}

static void
restore_result(void *context, const SoUuid *task, uint32_t attempt)
{
	SoAgent *agent = context;

	so_held_restore(agent->held, task, attempt);
}

static bool
open_folders(SoAgent *agent, SoError *error)
{
	const char *folder = agent->settings->tasks_root_folder;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, folder, "TasksRootFolder cannot be made");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	agent->spool =
		so_spool_open(agent, agent->settings->spool_folder, SO_SPOOL_SEGMENT_SIZE, error);
	if (agent->spool == NULL)
		return false;
	if (so_spool_waiting(agent->spool) > 0)
		so_log(SO_LOG_INFORMATION, "%zu records of an earlier run wait in the spool",
			   so_spool_waiting(agent->spool));
	so_spool_each_result(agent->spool, restore_result, agent);
	return true;
}

static struct event_base *
make_loop(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* Two descriptors come and go with every task; this saves half of the system calls for them. */
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool
open_agent(SoAgent *agent, SoError *error)
{
	SoNurseryEvents events = {
		.context = agent,
		.ready = nursery_ready,
		.spawned = so_runners_spawned,
		.exited = so_runners_exited,
		.failed = so_runners_failed,
		.lost = so_runners_lost,
		.impossible = nursery_impossible,
	};
	SoMasterAddress address;

	TAILQ_INIT(&agent->runners);
	agent->identity.lock_fd = -1;
	agent->lease_interval_ms = 60000;
	agent->heartbeat_interval_ms = 10000;
	agent->long_poll_ms = 25000;
	agent->round_trip_ms = -1;
	so_load_init(&agent->load);
	agent->held = so_held_create(agent);
	agent->base = make_loop();
	if (agent->base == NULL)
		return so_error_set(error, SO_ERR_INTERNAL, "libevent", "no event loop");
	if (!so_signals_address(agent->settings, &address, error) ||
		!so_identity_open(agent->settings, &agent->identity, error) || !open_folders(agent, error))
		return false;
	if (!so_pins_read(agent->settings, &agent->pins, error))
		so_log_error(SO_LOG_WARNING, error);
	so_pins_apply(&agent->pins, &address);
	agent->client = so_master_client_create(agent, agent->base, &agent->identity.pair, error);
	if (agent->client == NULL)
		return false;
	so_master_client_set_address(agent->client, &address);
	so_register_open(agent);
	so_lease_open(agent);
	so_report_open(agent);
	if (!so_log_sender_open(agent, error))
		return false;
	so_signals_open(agent);
	so_notify_open(agent);
	agent->tick = evtimer_new(agent->base, tick, agent);
	agent->tick_due_ms = so_clock_monotonic_ms();
	so_agent_arm(agent->tick, 0);
	agent->nursery =
		so_nursery_start(agent, agent->base, agent->settings->runner_program, &events, error);
	return agent->nursery != NULL;
}

static void
close_agent(SoAgent *agent)
{
	if (agent->nursery != NULL)
		so_nursery_stop(agent->nursery);
	agent->nursery = NULL;
	so_runners_close(agent);
	so_log_sender_close(agent);
	if (agent->client != NULL)
		so_master_client_free(agent->client);
	if (agent->spool != NULL)
		so_spool_close(agent->spool);
	so_register_close(agent);
	so_lease_close(agent);
	so_report_close(agent);
	so_signals_close(agent);
	if (agent->tick != NULL)
		event_free(agent->tick);
	so_identity_close(&agent->identity);
	if (agent->base != NULL)
		event_base_free(agent->base);
}

int
so_agent_run(TALLOC_CTX *context, SoSettings *settings)
{
	SoAgent *agent = talloc_zero(context, SoAgent);
	SoError error;
	int status;

	agent->settings = talloc_steal(agent, settings);
	/* Only for jitter. */
	srandom((unsigned) time(NULL) ^ (unsigned) getpid());
	if (open_agent(agent, &error))
	{
		so_log(SO_LOG_INFORMATION, "scaleout-worker " SO_VERSION " %s, certificate %s, master %s",
			   agent->identity.agent_id_text, agent->identity.facts.thumbprint_text,
			   settings->master_endpoint);
		if (so_root_account_is_ours() && !settings->allow_root)
			so_log_code(NULL, SO_LOG_WARNING, SO_ERR_AGENT_ROOT,
						"the worker runs as root, and so do the programs of all packages");
		event_base_dispatch(agent->base);
		so_notify_stopping(agent);
		so_log(SO_LOG_INFORMATION, "this worker ends");
	}
	else
	{
		so_log_error(SO_LOG_CRITICAL, &error);
		agent->exit_status = 1;
	}
	close_agent(agent);
	status = agent->exit_status;
	talloc_free(agent);
	return status;
}
