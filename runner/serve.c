/*
 * runner/serve.c
 *
 * Runs one execution for the agent and reports it item by item.
 *
 * Process: runner.  The calling thread is the engine's control thread; the
 * channel has a thread for the socket.  If this process dies half-way the agent
 * reports the attempt as lost; databases roll back what was not committed.
 */
#include "runner/serve.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/orphan.h"
#include "runner/channel.h"
#include "runner/checkpoint_store.h"
#include "runner/event_log.h"
#include "runner/item.h"
#include "runner/task_message.h"

/* Milliseconds to wait for killed descendants. */
#define KILL_TIME 5000
/* Of a runner, of at most 1000; sshd and databases are below 0, everything else is at 0. */
#define OOM_SCORE_ADJUSTMENT 500

static void
report_package(void *context, const SoPackage *package)
{
	int next = 0;

	while (next < package->executable_count)
		so_channel_item(context, SO_ITEM_EXECUTABLES, so_item_executables(package, &next));
}

static void
report_event(void *context, const SoEvent *event)
{
	so_channel_item(context, SO_ITEM_EVENT, so_item_event(event));
}

static void
report_statistics(void *context, const SoStatistics *statistics)
{
	so_channel_item(context, SO_ITEM_STATISTICS, so_item_statistics(statistics));
}

static void
send_log(const SoLogRecord *record, void *context)
{
	so_channel_log(context, (int) record->level, record->line);
}

static void
report_refusal(SoChannel *channel, const SoError *error, const char *package_name)
{
	so_channel_item(channel, SO_ITEM_EVENT, so_item_refusal_event(error, package_name));
	so_channel_item(channel, SO_ITEM_RESULT, so_item_refusal_result(error));
}

static void
run_task(SoChannel *channel, json_t *json)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoRunSink sink = {.context = channel,
					  .event = report_event,
					  .trace = so_event_log_event,
					  .statistics = report_statistics,
					  .package = report_package};
	SoTaskMessage message;
	SoRunOutcome outcome;
	SoError error = {0};

	so_event_log_begin(json);
	so_channel_item(channel, SO_ITEM_STARTED, so_item_started());
	if (so_task_message_read(context, json, &message, &error))
	{
		message.options.cancel_fd = so_channel_cancel_fd(channel);
		message.options.checkpoint_store = so_runner_checkpoint_store(context, channel);
		SO_FAULT("runner.before_run");
		if (so_run_package(context, message.project, message.package_name, &message.options, &sink,
						   &outcome, &error))
		{
			SO_FAULT("runner.before_result");
			so_event_log_end(&outcome);
			so_channel_item(channel, SO_ITEM_RESULT, so_item_result(&outcome));
			talloc_free(context);
			return;
		}
	}
	so_event_log_refusal(&error);
	report_refusal(channel, &error, message.package_name);
	talloc_free(context);
}

static bool
nobody(pid_t pid, void *context)
{
	(void) pid;
	(void) context;
	return false;
}

/* Programs that tasks started and that outlived them, in whatever session they are. */
static void
kill_descendants(void)
{
	int64_t deadline = so_clock_monotonic_ms() + KILL_TIME;

	while (so_orphan_kill(nobody, NULL) > 0 && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 10);
}

/*
 * When memory runs out, the kernel shall end this execution and not the agent
 * or the nursery, which would cost all the others.  The programs of its tasks
 * inherit it.  Best effort: raising is always allowed where /proc is there.
 */
static void
offer_to_oom_killer(void)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "r+e");
	int now;

	if (file == NULL)
		return;
	if (fscanf(file, "%d", &now) == 1 && now < OOM_SCORE_ADJUSTMENT)
	{
		rewind(file);
		fprintf(file, "%d", OOM_SCORE_ADJUSTMENT);
	}
	fclose(file);
}

int
so_runner_serve(int fd)
{
	SoChannel *channel;
	SoError error = {0};
	json_t *task;
	bool delivered;

	so_log_open("scaleout-runner", SO_LOG_DEFAULT_MASK);
	signal(SIGPIPE, SIG_IGN);
	so_orphan_adopt();
	offer_to_oom_killer();
	channel = so_channel_open(fd, &task, &error);
	if (channel == NULL)
	{
		so_log_error(SO_LOG_ERROR, &error);
		return 1;
	}
	so_log_set_sink(send_log, channel);
	/* What cannot be read now cannot be read by another attempt either: it has failed. */
	if (task != NULL)
		run_task(channel, task);
	else
		report_refusal(channel, &error, "");
	json_decref(task);
	kill_descendants();
	SO_FAULT("runner.after_result");
	delivered = so_channel_finish(channel);
	so_log_set_sink(NULL, NULL);
	so_channel_close(channel);
	return delivered ? 0 : 1;
}
