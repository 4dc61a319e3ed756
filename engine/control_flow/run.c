/*
 * engine/control_flow/run.c
 *
 * so_run_package: sets a run up, turns the loop until the package's root has
 * ended, and takes everything down again.
 *
 * Process: runner and client.  The caller's thread is the control thread; it
 * waits in one poll for messages of tasks, for a cancel and for the end of the
 * time that OnQueryCancel handlers have.
 */
#include "engine/control_flow/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/event_sink.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/run_cancel.h"
#include "engine/control_flow/setup.h"
#include "engine/control_flow/task_thread.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/control_flow/work_folder.h"
#include "engine/model/object_types.h"

/* Steps between two looks at the cancel descriptor: a loop without tasks must be stoppable. */
#define AGENDA_STEPS 256
/* Milliseconds that OnQueryCancel handlers have after a cancel. */
#define QUERY_CANCEL_TIME 5000

void
so_run_options_init(SoRunOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->logging_level = 1;
	options->cancel_fd = -1;
}

/* ---- cancel ---- */

static void
raise_signal(SoCancelSignal *signal)
{
	uint64_t one = 1;

	atomic_store(&signal->raised, true);
	if (write(signal->fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 0 cannot refuse a 1 */
}

void
so_run_cancel(SoRun *run)
{
	if (run->canceled)
		return;
	run->canceled = true;
	for (SoUnit *unit = run->active; unit != NULL; unit = unit->active_next)
		so_event_message(unit, SO_MESSAGE_QUERY_CANCEL, "%s is asked to stop.",
						 unit->executable->name);
	raise_signal(&run->cancel);
	run->hard_cancel_at = so_clock_monotonic_ms() + QUERY_CANCEL_TIME;
	so_unit_drop_waiting(run);
	so_unit_checkpoint_release(run);
}

void
so_run_cancel_hard(SoRun *run)
{
	run->hard_cancel_at = 0;
	if (!atomic_load(&run->hard_cancel.raised))
		raise_signal(&run->hard_cancel);
}

/* ---- the loop ---- */

static int
poll_timeout(const SoRun *run, bool busy)
{
	int due = so_unit_checkpoint_due(run);
	int64_t left;

	if (busy)
		return 0;
	if (run->hard_cancel_at == 0)
		return due;
	left = run->hard_cancel_at - so_clock_monotonic_ms();
	left = left < 0 ? 0 : left;
	return due >= 0 && due < left ? due : (int) left;
}

static void
wait_for_something(SoRun *run, bool busy)
{
	struct pollfd fds[3];
	nfds_t count = 1;
	nfds_t cancel = 0;
	nfds_t store = 0;

	fds[0].fd = so_message_queue_fd(run->queue);
	fds[0].events = POLLIN;
	if (run->options->cancel_fd >= 0 && !run->canceled)
	{
		cancel = count;
		fds[count].fd = run->options->cancel_fd;
		fds[count++].events = POLLIN;
	}
	if (run->sessions != NULL && run->options->checkpoint_store->wait_fd >= 0)
	{
		store = count;
		fds[count].fd = run->options->checkpoint_store->wait_fd;
		fds[count++].events = POLLIN;
	}
	if (poll(fds, count, poll_timeout(run, busy)) < 0)
		return; /* EINTR: look again */
	if (cancel > 0 && fds[cancel].revents != 0)
		so_run_cancel(run);
	if (run->hard_cancel_at != 0 && so_clock_monotonic_ms() >= run->hard_cancel_at)
		so_run_cancel_hard(run);
	if (fds[0].revents != 0)
		so_task_thread_messages(run);
	if (store > 0 && fds[store].revents != 0)
		so_unit_checkpoint_receive(run);
}

static void
turn(SoRun *run)
{
	while (!run->ended)
	{
		bool busy = so_unit_run_agenda(run, AGENDA_STEPS);

		if (run->ended)
			break;
		/*
		 * What is ready is known now, so slots go out in the document's order;
		 * a loop without tasks that keeps the agenda full must not hold them up.
		 */
		if (so_unit_dispatch(run) && !busy)
			continue;
		if (!busy && so_unit_checkpoint_flush(run))
			continue;
		wait_for_something(run, busy);
	}
}

static void
root_ended(SoUnit *root)
{
	root->run->outcome->result = root->result;
	root->run->ended = true;
}

/* ---- up and down ---- */

static bool
open_signal(SoCancelSignal *signal, SoError *error)
{
	atomic_init(&signal->raised, false);
	signal->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signal->fd >= 0)
		return true;
	so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "no descriptor for the cancel signal");
	return so_error_detail(error, "eventfd: %s.", strerror(errno));
}

static void
make_guid(char *text)
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	bytes[6] = (unsigned char) ((bytes[6] & 0x0F) | 0x40);
	bytes[8] = (unsigned char) ((bytes[8] & 0x3F) | 0x80);
	snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
			 bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static int
concurrency(const SoRun *run, const SoUnit *root)
{
	int64_t wanted = run->options->max_concurrent_executables;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted == 0)
		wanted = so_property_integer(root->properties, "max_concurrent_executables", -1);
	if (wanted <= 0)
		wanted = (processors > 0 ? processors : 1) + 2;
	return (int) wanted;
}

static bool
open_run(SoRun *run, const SoPackage *package, SoError *error)
{
	char *name = talloc_asprintf(run, "scaleout %s", package->name);

	run->cancel.fd = run->hard_cancel.fd = -1;
	if (run->options->execution_instance_guid != NULL)
		snprintf(run->instance_guid, sizeof(run->instance_guid), "%s",
				 run->options->execution_instance_guid);
	else
		make_guid(run->instance_guid);
	run->queue = so_message_queue_new(error);
	if (run->queue == NULL || !open_signal(&run->cancel, error) ||
		!open_signal(&run->hard_cancel, error) || !so_work_folder_open(run, error))
		return false;
	run->pool = so_connection_pool_new(name);
	if (run->pool == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for the connection pool");
	return true;
}

static void
close_run(SoRun *run)
{
	so_connection_pool_free(run->pool);
	so_message_queue_free(run->queue);
	if (run->cancel.fd >= 0)
		close(run->cancel.fd);
	if (run->hard_cancel.fd >= 0)
		close(run->hard_cancel.fd);
	so_work_folder_close(run);
}

static const SoPackage *
find_package(const SoProject *project, const char *name, SoError *error)
{
	const SoPackage *package;

	if (name == NULL && project->package_count == 1)
		return project->packages[0];
	if (name == NULL)
	{
		so_error_set(error, SO_ERR_RUN_PACKAGE_UNKNOWN, project->name,
					 "the project has %d packages: say which one to run", project->package_count);
		return NULL;
	}
	package = so_project_package(project, name);
	if (package == NULL)
		so_error_set(error, SO_ERR_RUN_PACKAGE_UNKNOWN, project->name,
					 "the project has no package \"%s\"", name);
	return package;
}

/*
 * Without a store a checkpoint cannot exist: checkpoint_usage = always fails as
 * it does in SSIS when the file is missing, save_checkpoints is warned about.
 */
static bool
check_checkpoints(SoUnit *root, const SoRunOptions *options, SoError *error)
{
	if (options->checkpoint_store != NULL || options->validate_only)
		return true;
	if (so_unit_integer(root, "checkpoint_usage", SO_CHECKPOINT_NEVER) == SO_CHECKPOINT_ALWAYS)
		return so_error_set(error, SO_ERR_RUN_CHECKPOINT_UNSUPPORTED, root->executable->path,
							"package \"%s\" may only start from a checkpoint, and there is none",
							root->executable->package->name);
	if (!so_unit_boolean(root, "save_checkpoints", false))
		return true;
	so_event_announce(root->run, root->executable->package);
	so_event_warning(
		root, SO_ERR_RUN_CHECKPOINT_UNSUPPORTED,
		"save_checkpoints has no effect here: a failed execution starts again from the "
		"beginning.");
	return true;
}

static bool
set_up(SoRun *run, const SoPackage *package, SoPackageRun **result, SoError *error)
{
	SoPackageRun *package_run;

	run->package_count = 0;
	so_setup_project(run);
	package_run = so_setup_package(run, run, package, NULL);
	*result = package_run;
	if (!so_setup_options(package_run, error))
		return false;
	package_run->root = so_unit_new(package_run, package_run, package->root, NULL, 0, root_ended);
	return so_setup_compile(package_run->root, error);
}

static void
set_chain(SoRun *run, const SoCheckpointState *state)
{
	int next = state != NULL ? state->attempt + 1 : 1;

	/* A new execution that goes on from a checkpoint belongs to the checkpoint's chain. */
	if (state != NULL)
		run->chain_id = talloc_strdup(run, state->chain_id);
	else if (run->options->chain_id != NULL)
		run->chain_id = run->options->chain_id;
	else
		run->chain_id = run->instance_guid;
	run->attempt = run->options->attempt > next ? run->options->attempt : next;
}

/*
 * Open the checkpoint, and set everything up again when it has another
 * configuration than the one that was given.  A checkpoint that cannot be used
 * fails the package, it does not keep it from beginning.
 */
static bool
set_up_checkpoint(SoRun *run, const SoPackage *package, SoPackageRun **result, SoError *error)
{
	SoPackageRun *first = *result;
	SoCheckpointSession *session;
	const SoRunOptions *options;
	SoError cause = {0};

	set_chain(run, NULL);
	if (!so_checkpoint_session_open(first->root, &cause))
	{
		first->checkpoint_error = talloc_memdup(first, &cause, sizeof(cause));
		return true;
	}
	session = first->checkpoint;
	options = so_checkpoint_restore_options(first);
	if (options == NULL)
		return true;
	set_chain(run, session->state);
	run->options = options;
	if (!set_up(run, package, result, error))
		return false;
	(*result)->checkpoint = talloc_steal(*result, session);
	session->package_run = *result;
	talloc_free(first);
	return so_checkpoint_restore_state(*result, error);
}

bool
so_run_package(TALLOC_CTX *context, const SoProject *project, const char *package_name,
			   const SoRunOptions *options, const SoRunSink *sink, SoRunOutcome *outcome,
			   SoError *error)
{
	const SoPackage *package = find_package(project, package_name, error);
	int64_t start = so_clock_monotonic_ms();
	SoPackageRun *package_run;
	SoRun *run;
	bool good;

	memset(outcome, 0, sizeof(*outcome));
	outcome->result = SO_RESULT_FAILURE;
	if (package == NULL)
		return false;
	run = talloc_zero(NULL, SoRun);
	run->project = project;
	run->options = options;
	run->sink = sink;
	run->outcome = outcome;
	good = open_run(run, package, error);
	if (good)
	{
		good = set_up(run, package, &package_run, error) &&
			   check_checkpoints(package_run->root, options, error) &&
			   set_up_checkpoint(run, package, &package_run, error);
		if (good)
		{
			run->max_concurrent = concurrency(run, package_run->root);
			so_unit_start(package_run->root);
			turn(run);
		}
	}
	close_run(run);
	outcome->duration_ms = so_clock_monotonic_ms() - start;
	if (outcome->first_error != NULL)
		outcome->first_error = talloc_strdup(context, outcome->first_error);
	talloc_free(run);
	return good;
}
