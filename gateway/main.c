/*
 * gateway/main.c
 *
 * scaleout-gateway PARENT-PID: the HTTPS endpoint of the master, which starts it
 * with a socket pair as descriptor 3 (docs/protocol.md, chapter 3).
 *
 * Process: gateway, a child of the master.  It is not attached to the server's
 * shared memory, has no database connection and may be killed at any time.  It
 * ends when the master's end of the socket pair closes; the parent-death signal
 * is for a gateway that hangs.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "gateway/gateway.h"
#include "gateway/limits.h"

#define LINK_FD 3

/* Leave what the server has left us, and die with the master. */
static bool
set_up_process(const char *parent, SoError *error)
{
	char *end;
	long expected = strtol(parent, &end, 10);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (*parent == '\0' || *end != '\0' || getppid() != (pid_t) expected)
		return so_error_set(error, SO_ERR_SYSTEM_CALL, NULL,
							"the parent is process %ld, not %.20s: the master has gone",
							(long) getppid(), parent);
	umask(077);
	closefrom(LINK_FD + 1);
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/") != 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, "/", "chdir failed");
		return so_error_detail(error, "The system says: %s.", strerror(errno));
	}
	return true;
}

static void
libevent_log_cb(int severity, const char *message)
{
	so_log(severity >= EVENT_LOG_ERR    ? SO_LOG_ERROR
		   : severity >= EVENT_LOG_WARN ? SO_LOG_WARNING
										: SO_LOG_VERBOSE,
		   "libevent: %s", message);
}

static struct event_base *
make_event_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/* No descriptor here is ever duplicated, which the change list could not follow. */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0 &&
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int
main(int argc, char **argv)
{
	struct event_base *base;
	SoGateway *gateway;
	SoError error;

	so_log_open("scaleout-gateway", SO_LOG_DEFAULT_MASK);
	if (argc != 2)
	{
		fprintf(stderr,
				"scaleout-gateway is started by the scaleout master in the server, not by hand.\n");
		return 64;
	}
	if (!set_up_process(argv[1], &error))
	{
		so_log_error(SO_LOG_CRITICAL, &error);
		return 1;
	}
	event_set_log_callback(libevent_log_cb);
	base = make_event_base();
	if (base == NULL)
	{
		so_log(SO_LOG_CRITICAL, "cannot make an event loop");
		return 1;
	}
	gateway = so_gateway_open(base, LINK_FD, so_limits_raise_descriptors(), &error);
	if (gateway == NULL)
	{
		so_log_error(SO_LOG_CRITICAL, &error);
		return 1;
	}
	so_gateway_run(gateway);
	so_log(SO_LOG_CRITICAL, "the event loop has ended");
	return 1;
}
