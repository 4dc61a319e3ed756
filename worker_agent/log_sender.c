/*
 * worker_agent/log_sender.c
 *
 * Sends task logs that the master asks for; see log_sender.h.  One fetch is at
 * work at a time: a thread reads a piece (a disk may block), a pipe tells the
 * event loop, the piece is posted on a channel of its own, so that neither
 * heartbeats nor results wait for it, and the answer says where to go on.
 *
 * Process: agent, event loop thread, and one detached thread per piece.  A
 * SoLogJob belongs to the thread until it has written its address to the pipe,
 * and then to the event loop, which frees it unread when it is not wanted any
 * more.  Threads that a disk holds up are bounded: then requests are refused
 * with the reason.  After a crash the master asks again.
 */
#include "worker_agent/log_sender.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/log_reader.h"
#include "worker_agent/register.h"

#define SEND_TIMEOUT_MS 30000
#define FIRST_RETRY_MS  200
#define RETRY_MAX_MS    5000
/* Fetches that wait; the master repeats what is not taken up. */
#define MAX_WAITING 64
/* Threads that read, also for fetches that were given up: a disk that hangs must not collect them. */
#define MAX_OUTSTANDING 4
/* At the end: for a thread that reads. */
#define CLOSE_WAIT_MS 1000

/* What the master wants. */
typedef struct Fetch
{
	TAILQ_ENTRY(Fetch) link;
	int64_t id;
	SoUuid task;
	uint32_t attempt;
	int64_t from;    /* SO_LOG_FROM_END at first, unless said */
	int64_t limit;   /* bytes that may still be sent */
	int64_t ended_s; /* the attempt ended so many seconds ago; -1: it has not */
	bool refused;    /* the master did not take a piece: say so instead of sending it */
	SoError refusal;
} Fetch;

/* A piece that is being read. */
typedef struct SoLogJob
{
	int done_fd; /* the thread's end of the pipe */
	char *root;
	SoLogWanted wanted;
	bool good;
	SoLogPiece piece;
	SoError error;
} SoLogJob;

typedef struct SoLogSender
{
	TAILQ_HEAD(, Fetch) fetches; /* the first is at work */
	int waiting;
	int pipe[2]; /* threads write the address of the job that is done */
	struct event *done;
	struct event *retry;
	SoBackoff backoff;
	SoLogJob *job;       /* being read for the first fetch; NULL: none */
	int outstanding;     /* jobs that threads have, also those that are given up */
	int64_t sent_offset; /* of the piece that was posted; -1: a reason was posted */
	int64_t sent_bytes;
} SoLogSender;

static void go_on(SoAgent *agent);

/* ---- jobs ------------------------------------------------------------------------ */

static void
free_job(SoLogJob *job)
{
	close(job->done_fd);
	so_byte_buffer_free(&job->piece.text);
	free(job->root);
	free(job);
}

static void *
read_main(void *argument)
{
	SoLogJob *job = argument;
	ssize_t written;

	job->good = so_log_reader_read(&job->wanted, &job->piece, &job->error);
	do
		written = write(job->done_fd, &job, sizeof(job));
	while (written < 0 && errno == EINTR);
	/* Nobody reads any more: the agent has closed. */
	if (written != (ssize_t) sizeof(job))
		free_job(job);
	return NULL;
}

static SoLogJob *
make_job(const SoAgent *agent, const Fetch *fetch)
{
	const SoAttempt *held = so_held_find(agent->held, &fetch->task, fetch->attempt);
	SoLogJob *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->root = strdup(agent->settings->tasks_root_folder);
	job->done_fd = fcntl(agent->log_sender->pipe[1], F_DUPFD_CLOEXEC, 0);
	if (job->root == NULL || job->done_fd < 0)
	{
		if (job->done_fd >= 0)
			close(job->done_fd);
		free(job->root);
		free(job);
		return NULL;
	}
	job->wanted.root = job->root;
	job->wanted.task = fetch->task;
	job->wanted.attempt = fetch->attempt;
	job->wanted.from = fetch->from;
	job->wanted.limit = fetch->limit;
	job->wanted.growing = held != NULL && !held->gone && held->state != SO_HELD_FINISHED;
	return job;
}

/* Signals are for the event loop. */
static bool
start_thread(SoLogJob *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attributes, read_main, job);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed == 0;
}

/* ---- what is sent ------------------------------------------------------------------ */

/* There is no file: which of the possible reasons is it? */
static void
explain_missing(const SoSettings *settings, const Fetch *fetch, SoError *error)
{
	if (!settings->task_log_enabled)
	{
		so_error_detail(error, "%s is not there: TaskLogEnabled is false.", error->place);
		so_error_hint(error,
					  "Set TaskLogEnabled = true in %s, reload the worker, and run the package "
					  "again.",
					  settings->file);
	}
	else if (settings->task_folder_retention > 0 &&
			 fetch->ended_s * 1000 >= settings->task_folder_retention)
	{
		so_error_detail(error,
						"%s was removed: the attempt ended %" PRId64
						" s ago, and TaskFolderRetention is %" PRId64 " s.",
						error->place, fetch->ended_s, settings->task_folder_retention / 1000);
		so_error_hint(error, "Raise TaskFolderRetention in %s to keep the logs for longer.",
					  settings->file);
	}
	else
	{
		so_error_detail(error,
						"%s is not there: nothing was written with TaskLogLevel %" PRId64
						", or somebody has removed it.",
						error->place, settings->task_log_level);
		so_error_hint(error,
					  "Raise TaskLogLevel in %s (127: everything), reload the worker, and run the "
					  "package again; the messages of the execution are in the catalog.",
					  settings->file);
	}
}

static json_t *
reason_object(const SoError *error)
{
	/* The place is in the texts, or means nothing to the asker. */
	return json_pack("{s:s, s:s, s:s, s:s}", "code", so_error_state(error->code), "message",
					 error->message, "detail", error->detail, "hint", error->hint);
}

static json_t *
piece_object(const SoLogPiece *piece)
{
	return json_pack(
		"{s:I, s:I, s:I, s:b, s:s%}", "offset", (json_int_t) piece->offset, "bytes",
		(json_int_t) piece->bytes, "size", (json_int_t) piece->size, "end", (int) piece->end,
		"text", piece->text.data != NULL ? (const char *) piece->text.data + piece->text.start : "",
		so_byte_buffer_length(&piece->text));
}

static void answered(void *context, const SoAnswer *answer);

/* Post a piece or, when error is not NULL, the reason why there is none. */
static void
post(SoAgent *agent, const Fetch *fetch, const SoLogPiece *piece, const SoError *error)
{
	SoLogSender *sender = agent->log_sender;
	json_t *object = error == NULL ? piece_object(piece) : json_object();
	SoByteBuffer body;
	char *text;

	if (error != NULL)
		json_object_set_new(object, "error", reason_object(error));
	json_object_set_new(object, "agent_id", json_string(agent->identity.agent_id_text));
	json_object_set_new(object, "instance_id", json_string(agent->identity.instance_id_text));
	json_object_set_new(object, "epoch", json_integer((json_int_t) agent->epoch));
	json_object_set_new(object, "fetch", json_integer(fetch->id));
	text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL)
	{
		so_agent_arm(sender->retry, RETRY_MAX_MS);
		return;
	}
	sender->sent_offset = error == NULL ? piece->offset : -1;
	sender->sent_bytes = error == NULL ? piece->bytes : 0;
	so_byte_buffer_init(&body);
	so_put_bytes(&body, text, strlen(text));
	free(text);
	SO_FAULT("agent.before_task_log");
	so_master_client_post(agent->client, SO_CHANNEL_TASK_LOG, SO_ROUTE_TASK_LOG, &body,
						  SEND_TIMEOUT_MS, answered, agent);
	so_byte_buffer_free(&body);
}

/* ---- the fetches ---------------------------------------------------------------------- */

static void
drop_first(SoLogSender *sender)
{
	Fetch *fetch = TAILQ_FIRST(&sender->fetches);

	TAILQ_REMOVE(&sender->fetches, fetch, link);
	sender->waiting--;
	free(fetch);
}

static void
send_failed(SoAgent *agent, const SoAnswer *answer)
{
	SoLogSender *sender = agent->log_sender;
	Fetch *fetch = TAILQ_FIRST(&sender->fetches);
	int64_t delay;

	if (strcmp(answer->code, "SO210") == 0)
	{
		so_register_start(agent);
		return;
	}
	so_log_error(SO_LOG_WARNING, &answer->error);
	if (!answer->retryable && sender->sent_offset < 0)
	{
		/* Not even the reason is taken; the request ends in the catalog by its time limit. */
		drop_first(sender);
		go_on(agent);
		return;
	}
	if (!answer->retryable)
	{
		fetch->refused = true;
		fetch->refusal = answer->error;
	}
	delay = so_backoff_next(&sender->backoff, RETRY_MAX_MS, (uint32_t) random());
	so_agent_arm(sender->retry, delay > answer->retry_after_ms ? delay : answer->retry_after_ms);
}

static void
answered(void *context, const SoAnswer *answer)
{
	SoAgent *agent = context;
	SoLogSender *sender = agent->log_sender;
	Fetch *fetch = TAILQ_FIRST(&sender->fetches);
	const json_t *next;
	SoAnswer refused;

	answer = so_agent_judge_answer(agent, answer, &refused);
	next = json_object_get(answer->body, "next");
	if (answer->error.code != SO_OK)
	{
		send_failed(agent, answer);
		return;
	}
	so_backoff_reset(&sender->backoff);
	if (!so_agent_check_answer(agent, answer))
		return;
	if (json_is_integer(next) && sender->sent_offset >= 0)
	{
		fetch->from = json_integer_value(next);
		/* Another place than expected: an earlier life of this worker had come further. */
		if (fetch->from == sender->sent_offset + sender->sent_bytes &&
			fetch->limit > sender->sent_bytes)
			fetch->limit -= sender->sent_bytes;
	}
	else
		drop_first(sender);
	so_command_handle(agent, json_object_get(answer->body, "commands"));
	go_on(agent);
}

/* Reads that were given up have not come back: another one would only join them. */
static void
refuse_reading(SoAgent *agent, const Fetch *fetch)
{
	SoError error;

	so_error_set(&error, SO_ERR_AGENT_TASK_LOG_UNREADABLE, agent->settings->tasks_root_folder,
				 "the file system of %s does not answer: %d earlier reads of task logs have not "
				 "come back",
				 agent->settings->tasks_root_folder, MAX_OUTSTANDING);
	so_log_error(SO_LOG_WARNING, &error);
	post(agent, fetch, NULL, &error);
}

/* Begin to read the next piece, unless something is under way. */
static void
go_on(SoAgent *agent)
{
	SoLogSender *sender = agent->log_sender;
	Fetch *fetch = TAILQ_FIRST(&sender->fetches);

	if (fetch == NULL || !agent->registered || sender->job != NULL ||
		event_pending(sender->retry, EV_TIMEOUT, NULL) ||
		so_master_client_busy(agent->client, SO_CHANNEL_TASK_LOG))
		return;
	if (fetch->refused)
	{
		post(agent, fetch, NULL, &fetch->refusal);
		return;
	}
	if (sender->outstanding >= MAX_OUTSTANDING)
	{
		refuse_reading(agent, fetch);
		return;
	}
	sender->job = make_job(agent, fetch);
	if (sender->job != NULL && start_thread(sender->job))
	{
		sender->outstanding++;
		return;
	}
	so_log(SO_LOG_WARNING, "no thread to read a task log: %s", strerror(errno));
	if (sender->job != NULL)
		free_job(sender->job);
	sender->job = NULL;
	so_agent_arm(sender->retry, RETRY_MAX_MS);
}

/* The piece of the first fetch has been read. */
static void
send_job(SoAgent *agent, SoLogJob *job)
{
	const Fetch *fetch = TAILQ_FIRST(&agent->log_sender->fetches);

	if (job->good)
		post(agent, fetch, &job->piece, NULL);
	else if (job->error.code == SO_ERR_AGENT_TASK_LOG_MISSING && job->wanted.growing &&
			 agent->settings->task_log_enabled)
	{
		/* It has not said anything yet. */
		job->piece.end = true;
		post(agent, fetch, &job->piece, NULL);
	}
	else
	{
		if (job->error.code == SO_ERR_AGENT_TASK_LOG_MISSING)
			explain_missing(agent->settings, fetch, &job->error);
		so_log_error(job->error.code == SO_ERR_AGENT_TASK_LOG_MISSING ? SO_LOG_INFORMATION
																	  : SO_LOG_WARNING,
					 &job->error);
		post(agent, fetch, NULL, &job->error);
	}
}

static void
done_readable(evutil_socket_t fd, short what, void *argument)
{
	SoAgent *agent = argument;
	SoLogSender *sender = agent->log_sender;
	SoLogJob *job;

	(void) what;
	if (read(fd, &job, sizeof(job)) != (ssize_t) sizeof(job))
		return;
	sender->outstanding--;
	if (job == sender->job)
	{
		sender->job = NULL;
		send_job(agent, job);
	}
	free_job(job);
	go_on(agent);
}

static void
retry_due(evutil_socket_t fd, short what, void *argument)
{
	(void) fd;
	(void) what;
	go_on(argument);
}

/* ---- from outside ---------------------------------------------------------------------- */

static bool
is_known(const SoLogSender *sender, int64_t id)
{
	const Fetch *fetch;

	TAILQ_FOREACH(fetch, &sender->fetches, link)
	{
		if (fetch->id == id)
			return true;
	}
	return false;
}

static bool
read_command(const json_t *command, Fetch *fetch)
{
	const char *task = json_string_value(json_object_get(command, "task"));
	const json_t *from = json_object_get(command, "from");
	const json_t *ended = json_object_get(command, "ended_s");
	json_int_t attempt = json_integer_value(json_object_get(command, "attempt"));

	fetch->id = json_integer_value(json_object_get(command, "fetch"));
	fetch->limit = json_integer_value(json_object_get(command, "limit"));
	fetch->from = json_is_integer(from) ? json_integer_value(from) : SO_LOG_FROM_END;
	fetch->ended_s = json_is_integer(ended) ? json_integer_value(ended) : -1;
	fetch->attempt = (uint32_t) attempt;
	return task != NULL && so_uuid_parse(task, &fetch->task) && attempt >= 1 &&
		   attempt <= INT32_MAX && fetch->id >= 1 && fetch->limit >= 1 &&
		   (fetch->from >= 0 || !json_is_integer(from));
}

void
so_log_sender_command(SoAgent *agent, const json_t *command)
{
	SoLogSender *sender = agent->log_sender;
	Fetch *fetch = calloc(1, sizeof(*fetch));

	if (fetch == NULL)
		return;
	if (!read_command(command, fetch))
		so_log(SO_LOG_WARNING, "the master asks for a task log in a way that is not understood");
	else if (!is_known(sender, fetch->id) && sender->waiting < MAX_WAITING)
	{
		TAILQ_INSERT_TAIL(&sender->fetches, fetch, link);
		sender->waiting++;
		go_on(agent);
		return;
	}
	free(fetch);
}

void
so_log_sender_pause(SoAgent *agent)
{
	SoLogSender *sender = agent->log_sender;

	so_master_client_abort(agent->client, SO_CHANNEL_TASK_LOG);
	event_del(sender->retry);
	sender->job = NULL;
	while (!TAILQ_EMPTY(&sender->fetches))
		drop_first(sender);
}

bool
so_log_sender_open(SoAgent *agent, SoError *error)
{
	SoLogSender *sender = talloc_zero(agent, SoLogSender);

	TAILQ_INIT(&sender->fetches);
	sender->backoff.initial_ms = FIRST_RETRY_MS;
	if (pipe2(sender->pipe, O_CLOEXEC) != 0)
	{
		so_error_set(error, SO_ERR_INTERNAL, "pipe", "no pipe for the threads that read task logs");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	agent->log_sender = sender;
	sender->retry = evtimer_new(agent->base, retry_due, agent);
	sender->done =
		event_new(agent->base, sender->pipe[0], EV_READ | EV_PERSIST, done_readable, agent);
	event_add(sender->done, NULL);
	return true;
}

void
so_log_sender_close(SoAgent *agent)
{
	SoLogSender *sender = agent->log_sender;

	if (sender == NULL)
		return;
	if (agent->client != NULL)
		so_log_sender_pause(agent);
	/* A thread that a disk holds up frees its job by itself. */
	for (struct pollfd ready = {.fd = sender->pipe[0], .events = POLLIN};
		 sender->outstanding > 0 && poll(&ready, 1, CLOSE_WAIT_MS) == 1; sender->outstanding--)
	{
		SoLogJob *job;

		if (read(sender->pipe[0], &job, sizeof(job)) == (ssize_t) sizeof(job))
			free_job(job);
	}
	event_free(sender->done);
	event_free(sender->retry);
	close(sender->pipe[0]);
	close(sender->pipe[1]);
	agent->log_sender = NULL;
}
