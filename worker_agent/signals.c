/*
 * worker_agent/signals.c
 *
 * Draining, reloading and reaping on signals; see signals.h.
 *
 * Process: agent, event loop thread.  New settings are complete and valid before
 * any of them is used.
 */
#include "worker_agent/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/notify.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/own_log.h"
#include "worker_agent/register.h"
#include "worker_agent/rotation.h"
#include "worker_agent/runners.h"

/* After the second signal: how long the results of killed runners may take to reach the master. */
#define KILLED_FLUSH_MS 2000

bool
so_signals_address(const SoSettings *settings, SoMasterAddress *address, SoError *error)
{
	memset(address, 0, sizeof(*address));
	return so_endpoint_parse_list(settings->master_endpoint, &address->endpoints, error) &&
		   so_thumbprint_parse_list(settings->master_thumbprint, address->pins, SO_PINS_MAX,
									&address->pin_count, error);
}

/* ---- HUP -------------------------------------------------------------------------- */

static bool
same_address(const SoMasterAddress *a, const SoMasterAddress *b)
{
	return a->pin_count == b->pin_count && a->endpoints.count == b->endpoints.count &&
		   memcmp(a->pins, b->pins, sizeof(a->pins)) == 0 &&
		   memcmp(a->endpoints.endpoints, b->endpoints.endpoints, sizeof(a->endpoints.endpoints)) ==
			   0;
}

static void
apply_settings(SoAgent *agent, const SoSettings *fresh)
{
	SoMasterAddress old;
	SoMasterAddress new;
	SoError error;
	char restart[1000];
	int changed = so_settings_compare(agent->settings, fresh, restart, sizeof(restart));

	if (!so_signals_address(agent->settings, &old, &error) ||
		!so_signals_address(fresh, &new, &error))
	{
		so_log_error(SO_LOG_ERROR, &error);
		return;
	}
	so_pins_apply(&agent->pins, &old);
	so_pins_apply(&agent->pins, &new);
	so_settings_apply_reloadable(agent->settings, fresh);
	so_runners_log_level(agent);
	if (!so_own_log_open(agent->settings, &error))
		so_log_error(SO_LOG_ERROR, &error);
	so_log(SO_LOG_INFORMATION, "settings read again, %d changed", changed);
	if (restart[0] != '\0')
		so_log(SO_LOG_WARNING, "these take effect at the next start: %s", restart);
	if (changed == 0)
		return;
	if (!same_address(&old, &new))
		so_master_client_set_address(agent->client, &new);
	/* The master shows names and sizes, and may be another one now. */
	so_register_start(agent);
}

static void
reload(SoAgent *agent)
{
	SoSettingsErrors *errors = talloc_zero(agent, SoSettingsErrors);
	SoSettings *fresh;
	SoError error;

	so_notify_reloading(agent);
	/* First of all, because a rotated log is waiting, even if the settings are refused. */
	if (!so_own_log_open(agent->settings, &error))
		so_log_error(SO_LOG_ERROR, &error);
	fresh = so_settings_load(agent, agent->settings->file, errors);
	if (fresh != NULL)
		apply_settings(agent, fresh);
	else
	{
		for (int i = 0; i < errors->count && i < SO_SETTINGS_MAX_ERRORS; i++)
			so_log_error(SO_LOG_ERROR, &errors->errors[i]);
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_AGENT_SETTINGS_REFUSED,
					"the settings file is refused; the old settings stay");
	}
	talloc_free(fresh);
	talloc_free(errors);
	so_notify_reloaded(agent);
}

/* ---- TERM, INT ----------------------------------------------------------------------- */

static void
leave(SoAgent *agent)
{
	int64_t now_ms = so_clock_monotonic_ms();

	if (!agent->leaving)
	{
		agent->leaving = true;
		agent->draining = true;
		if (agent->settings->drain_timeout > 0)
			agent->leave_deadline_ms = now_ms + agent->settings->drain_timeout;
		so_log(SO_LOG_INFORMATION, "draining: %d tasks are running; a second signal kills them",
			   so_held_active(agent->held));
		so_notify_stopping(agent);
		so_lease_pump(agent);
	}
	else
	{
		so_log(SO_LOG_WARNING, "the running tasks are killed");
		agent->flush_deadline_ms = now_ms + KILLED_FLUSH_MS;
		so_runners_kill_all(agent);
	}
	so_agent_check_leave(agent);
}

static void
signal_arrived(evutil_socket_t number, short what, void *argument)
{
	SoAgent *agent = argument;

	(void) what;
	switch (number)
	{
		case SIGTERM:
		case SIGINT:
			leave(agent);
			break;
		case SIGHUP:
			reload(agent);
			break;
		case SIGUSR1:
			so_rotation_start(agent);
			break;
		case SIGCHLD:
			if (agent->nursery != NULL)
				so_nursery_reap(agent->nursery);
			break;
	}
}

void
so_signals_open(SoAgent *agent)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		agent->signals[i] = evsignal_new(agent->base, numbers[i], signal_arrived, agent);
		evsignal_add(agent->signals[i], NULL);
	}
}

void
so_signals_close(SoAgent *agent)
{
	for (size_t i = 0; i < sizeof(agent->signals) / sizeof(agent->signals[0]); i++)
	{
		if (agent->signals[i] != NULL)
			event_free(agent->signals[i]);
		agent->signals[i] = NULL;
	}
}
