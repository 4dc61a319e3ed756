/*
 * worker_agent/notify.c
 *
 * Tells systemd how the agent is; see notify.h.
 *
 * Process: agent, event loop thread.  Nothing is kept that could be lost; when
 * the agent dies or hangs, systemd learns it by the end of the process or by
 * the watchdog, and starts it again.
 */
#include "worker_agent/notify.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/clock.h"

void
so_notify_open(SoAgent *agent)
{
	uint64_t interval_us;

	if (sd_watchdog_enabled(1, &interval_us) > 0)
		agent->notify.watchdog_ms = (int64_t) (interval_us / 1000);
}

const char *
so_notify_status(const SoAgent *agent, char *text, size_t size)
{
	int active = so_held_active(agent->held);
	const char *url = so_master_client_url(agent->client);
	char tasks[64];

	snprintf(tasks, sizeof(tasks), "%d %s", active, active == 1 ? "task" : "tasks");
	if (agent->complained == SO_ERR_AGENT_MASTER_UNREACHABLE)
		snprintf(text, size, "%s, %s; the master at %s is away (%s)",
				 agent->leaving ? "Draining" : "Running", tasks, url,
				 so_error_state(agent->complained));
	else if (agent->complained != SO_OK)
		snprintf(text, size, "%s, %s; it cannot work with the master at %s: %s (%s)",
				 agent->leaving ? "Draining" : "Running", tasks, url,
				 so_error_summary(agent->complained), so_error_state(agent->complained));
	else if (agent->leaving)
		snprintf(text, size, "Draining, %s", tasks);
	else if (!agent->registered)
		snprintf(text, size, "Registering at %s, %s", url, tasks);
	else if (!agent->enabled)
		snprintf(text, size, "Registered at %s, disabled, %s", url, tasks);
	else
	{
		bool closed = agent->capacity.obstacle != SO_OBSTACLE_NONE;

		snprintf(text, size, "Registered at %s, %s of %d%s%s", url, tasks,
				 (int) agent->settings->max_task_count, closed ? "; asks for no more: " : "",
				 closed ? agent->capacity.reason : "");
	}
	return text;
}

void
so_notify_tick(SoAgent *agent, int64_t now_ms)
{
	SoNotify *notify = &agent->notify;
	char status[sizeof(notify->status)];

	if (!notify->ready)
		return;
	if (strcmp(so_notify_status(agent, status, sizeof(status)), notify->status) != 0)
	{
		memcpy(notify->status, status, sizeof(status));
		sd_notifyf(0, "STATUS=%s", status);
	}
	if (notify->watchdog_ms > 0 && now_ms - notify->alive_ms >= notify->watchdog_ms / 3)
	{
		sd_notify(0, "WATCHDOG=1");
		notify->alive_ms = now_ms;
	}
}

void
so_notify_ready(SoAgent *agent)
{
	if (agent->notify.ready)
		return;
	agent->notify.ready = true;
	sd_notify(0, "READY=1");
	so_notify_tick(agent, so_clock_monotonic_ms());
}

void
so_notify_reloading(SoAgent *agent)
{
	if (!agent->notify.ready)
		return;
	/* The time tells systemd which of several reloads this is. */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long) so_clock_monotonic_ms() * 1000);
}

void
so_notify_reloaded(SoAgent *agent)
{
	if (agent->notify.ready)
		sd_notify(0, "READY=1");
}

void
so_notify_stopping(SoAgent *agent)
{
	if (agent->notify.stopping)
		return;
	agent->notify.stopping = true;
	sd_notify(0, "STOPPING=1");
	so_notify_tick(agent, so_clock_monotonic_ms());
}
