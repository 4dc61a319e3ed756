/*
 * engine/tasks/process.c
 *
 * Starts a program and lives with it: feeds its standard input, reads its
 * output, watches the clock and the cancel signal, and makes sure that nothing
 * of its process group is left.
 *
 * Process: runner and client, in a task's thread, which waits here; between
 * fork and exec the child calls async-signal-safe functions only, because
 * other threads may hold locks.  If this process dies the kernel kills the
 * program (parent-death signal of the task's thread).
 */
#include "engine/tasks/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

/* Between SIGTERM and SIGKILL. */
#define TERMINATE_GRACE_MS 1500
/* How long output is read after the program ended, when something holds the pipe open. */
#define DRAIN_GRACE_MS 500
#define DRAIN_LIMIT_MS 10000
#define CHUNK          65536

/* Places in Running.fds. */
enum
{
	IN,
	OUT,
	ERR,
	COMMANDS,
	FAILURE, /* errno of a failed exec */
	PIPES
};

typedef struct Running
{
	const SoProcess *process;
	SoProcessOutcome *outcome;
	pid_t pid;
	int pidfd;
	int ours[PIPES];   /* our ends; -1 = closed */
	int theirs[PIPES]; /* the program's ends */
	size_t written;
	int64_t deadline;    /* of the task; 0 = none */
	int64_t kill_at;     /* SIGKILL is due; 0 = not terminating */
	int64_t drain_until; /* 0 = it still runs */
	int64_t drain_limit;
	bool ended;
} Running;

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_all(Running *running)
{
	for (int i = 0; i < PIPES; i++)
	{
		close_fd(&running->ours[i]);
		close_fd(&running->theirs[i]);
	}
	close_fd(&running->pidfd);
}

static bool
make_pipe(int *reading, int *writing, SoError *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "pipe failed: %s",
							strerrordesc_np(errno));
	*reading = ends[0];
	*writing = ends[1];
	return true;
}

static bool
open_file(const char *path, int flags, int *fd, SoError *error)
{
	*fd = open(path, flags | O_CLOEXEC, 0666);
	if (*fd < 0)
		return so_error_set(error, SO_ERR_TASK_FILE, path, "cannot open \"%s\": %s", path,
							strerrordesc_np(errno));
	return true;
}

/* Everything that the program will have as descriptors 0 to 3. */
static bool
open_streams(Running *running, SoError *error)
{
	const SoProcess *process = running->process;
	bool good;

	if (process->input_file != NULL)
		good = open_file(process->input_file, O_RDONLY, &running->theirs[IN], error);
	else if (process->input != NULL)
		good = make_pipe(&running->theirs[IN], &running->ours[IN], error);
	else
		good = open_file("/dev/null", O_RDONLY, &running->theirs[IN], error);
	if (good && process->output_file != NULL)
		good = open_file(process->output_file, O_WRONLY | O_CREAT | O_TRUNC, &running->theirs[OUT],
						 error);
	else if (good)
		good = make_pipe(&running->ours[OUT], &running->theirs[OUT], error);
	if (good && process->error_file != NULL)
		good = open_file(process->error_file, O_WRONLY | O_CREAT | O_TRUNC, &running->theirs[ERR],
						 error);
	else if (good)
		good = make_pipe(&running->ours[ERR], &running->theirs[ERR], error);
	if (good && process->commands)
		good = make_pipe(&running->ours[COMMANDS], &running->theirs[COMMANDS], error);
	return good && make_pipe(&running->ours[FAILURE], &running->theirs[FAILURE], error);
}

/* In the child: put the descriptors in their places and nothing else. */
static bool
arrange_descriptors(const int *theirs, bool commands, int *failure)
{
	int safe[PIPES];

	/* Move all above 10 first, so that no dup2 below overwrites one that is still needed. */
	for (int i = 0; i < PIPES; i++)
	{
		safe[i] = theirs[i] >= 0 ? fcntl(theirs[i], F_DUPFD, 10) : -1;
		if (theirs[i] >= 0 && safe[i] < 0)
			return false;
	}
	*failure = safe[FAILURE];
	if (dup2(safe[IN], 0) < 0 || dup2(safe[OUT], 1) < 0 || dup2(safe[ERR], 2) < 0)
		return false;
	if (commands && dup2(safe[COMMANDS], 3) < 0)
		return false;
	/* The failure pipe goes to 4 and closes itself in exec; all others are closed now. */
	if (dup3(safe[FAILURE], 4, O_CLOEXEC) < 0)
		return false;
	*failure = 4;
	if (!commands)
		close(3);
	return close_range(5, ~0U, 0) == 0;
}

static void __attribute__((noreturn))
run_child(const Running *running, pid_t parent, char **environment)
{
	const SoProcess *process = running->process;
	int failure = running->theirs[FAILURE];
	sigset_t none;
	int reason;

	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
		arrange_descriptors(running->theirs, process->commands, &failure) &&
		(process->working_directory == NULL || chdir(process->working_directory) == 0))
	{
		for (int number = 1; number < 32; number++)
			signal(number, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(process->executable, process->arguments, environment);
	}
	reason = errno;
	if (write(failure, &reason, sizeof(reason)) < 0)
		_exit(126);
	_exit(127);
}

/* Fork; true when the program is running (exec succeeded). */
static bool
start(Running *running, SoError *error)
{
	const SoProcess *process = running->process;
	char **environment = process->environment != NULL ? process->environment : environ;
	pid_t parent = getpid();
	sigset_t all;
	sigset_t old;
	int reason = 0;
	ssize_t got;

	/* No handler of ours may run in the child before exec. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	running->pid = fork();
	if (running->pid == 0)
		run_child(running, parent, environment);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (running->pid < 0)
		return so_error_set(error, SO_ERR_TASK_PROCESS_NOT_STARTED, NULL, "fork failed: %s",
							strerrordesc_np(errno));
	/* Also here, because a kill may come before the child gets to it. */
	setpgid(running->pid, running->pid);
	for (int i = 0; i < PIPES; i++)
		close_fd(&running->theirs[i]);
	do
		got = read(running->ours[FAILURE], &reason, sizeof(reason));
	while (got < 0 && errno == EINTR);
	close_fd(&running->ours[FAILURE]);
	if (got == (ssize_t) sizeof(reason))
	{
		waitpid(running->pid, NULL, 0);
		so_error_set(error, SO_ERR_TASK_PROCESS_NOT_STARTED, NULL, "cannot start \"%s\"%s%s: %s",
					 process->executable, process->working_directory ? " in " : "",
					 process->working_directory ? process->working_directory : "",
					 strerrordesc_np(reason));
		return false;
	}
	/* glibc has a function for it only from 2.36 on. */
	running->pidfd = (int) syscall(SYS_pidfd_open, running->pid, 0);
	if (running->pidfd >= 0)
		return true;
	so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "pidfd_open failed: %s", strerrordesc_np(errno));
	kill(-running->pid, SIGKILL);
	waitpid(running->pid, NULL, 0);
	return false;
}

/* Ask the group to end; SIGKILL follows after the grace. */
static void
terminate(Running *running)
{
	if (running->kill_at != 0 || running->ended)
		return;
	kill(-running->pid, SIGTERM);
	/* A stopped group would never see it. */
	kill(-running->pid, SIGCONT);
	running->kill_at = so_clock_monotonic_ms() + TERMINATE_GRACE_MS;
}

/* SIGPIPE must not kill us when the program does not read its input. */
static ssize_t
write_quietly(int fd, const char *bytes, size_t length)
{
	sigset_t pipe_signal;
	sigset_t old;
	struct timespec now = {0, 0};
	ssize_t written;
	int reason;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
	written = write(fd, bytes, length);
	reason = errno;
	if (written < 0 && reason == EPIPE)
		sigtimedwait(&pipe_signal, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = reason;
	return written;
}

static void
feed_input(Running *running)
{
	const SoProcess *process = running->process;
	size_t left = process->input_length - running->written;
	ssize_t written =
		left == 0 ? 0 : write_quietly(running->ours[IN], process->input + running->written, left);

	if (written < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (written > 0)
		running->written += (size_t) written;
	/* A program may end its input early; that is its business. */
	if (written < 0 || running->written == process->input_length)
		close_fd(&running->ours[IN]);
}

static void
read_stream(Running *running, int which, SoProcessStream stream)
{
	char chunk[CHUNK];
	ssize_t got = read(running->ours[which], chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
	{
		close_fd(&running->ours[which]);
		return;
	}
	if (!running->outcome->stopped &&
		!running->process->reader(running->process->context, stream, chunk, (size_t) got))
	{
		running->outcome->stopped = true;
		terminate(running);
	}
}

/* Milliseconds that poll may wait. */
static int
time_to_wait(const Running *running)
{
	int64_t now = so_clock_monotonic_ms();
	int64_t due = 0;
	int64_t left;

	if (running->deadline != 0 && !running->outcome->timed_out)
		due = running->deadline;
	if (running->kill_at != 0 && (due == 0 || running->kill_at < due))
		due = running->kill_at;
	if (running->drain_until != 0 && (due == 0 || running->drain_until < due))
		due = running->drain_until;
	if (due == 0)
		return -1;
	left = due - now;
	return left <= 0 ? 0 : left > 1000000 ? 1000000 : (int) left;
}

static void
check_clock(Running *running)
{
	int64_t now = so_clock_monotonic_ms();

	if (running->deadline != 0 && !running->outcome->timed_out && !running->ended &&
		now >= running->deadline)
	{
		running->outcome->timed_out = true;
		if (running->process->end_after_time_out)
			terminate(running);
	}
	if (running->kill_at != 0 && !running->ended && now >= running->kill_at)
	{
		kill(-running->pid, SIGKILL);
		running->kill_at = now + TERMINATE_GRACE_MS;
	}
}

/* The program has ended: the rest of its group goes, before its pid can be used again. */
static void
note_end(Running *running)
{
	running->ended = true;
	running->kill_at = 0;
	kill(-running->pid, SIGKILL);
	running->drain_until = so_clock_monotonic_ms() + DRAIN_GRACE_MS;
	running->drain_limit = so_clock_monotonic_ms() + DRAIN_LIMIT_MS;
	close_fd(&running->ours[IN]);
}

static bool
has_open_output(const Running *running)
{
	return running->ours[OUT] >= 0 || running->ours[ERR] >= 0 || running->ours[COMMANDS] >= 0;
}

static bool
run_to_end(Running *running, SoError *error)
{
	while (!running->ended || has_open_output(running))
	{
		struct pollfd fds[6] = {
			{.fd = running->ended ? -1 : running->pidfd, .events = POLLIN},
			{.fd = running->ours[OUT], .events = POLLIN},
			{.fd = running->ours[ERR], .events = POLLIN},
			{.fd = running->ours[COMMANDS], .events = POLLIN},
			{.fd = running->ours[IN], .events = POLLOUT},
			{.fd = running->outcome->cancelled ? -1 : running->process->cancel_fd,
			 .events = POLLIN},
		};
		int ready;

		ready = poll(fds, 6, time_to_wait(running));
		if (ready < 0 && errno != EINTR)
			return so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "poll failed: %s",
								strerrordesc_np(errno));
		if (ready < 0)
			continue;
		if (fds[5].revents != 0)
		{
			running->outcome->cancelled = true;
			terminate(running);
		}
		if (fds[1].revents != 0)
			read_stream(running, OUT, SO_PROCESS_OUTPUT);
		if (fds[2].revents != 0)
			read_stream(running, ERR, SO_PROCESS_ERROR);
		if (fds[3].revents != 0)
			read_stream(running, COMMANDS, SO_PROCESS_COMMANDS);
		if (fds[4].revents != 0 && running->ours[IN] >= 0)
			feed_input(running);
		if (fds[0].revents != 0)
			note_end(running);
		check_clock(running);
		/* What is in the pipes is read; who escaped from the group and holds them open is not waited for. */
		if (running->ended && ((ready == 0 && so_clock_monotonic_ms() >= running->drain_until) ||
							   so_clock_monotonic_ms() >= running->drain_limit))
			break;
	}
	return true;
}

static void
set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

bool
so_process_run(const SoProcess *process, SoProcessOutcome *outcome, SoError *error)
{
	Running running = {.process = process, .outcome = outcome, .pidfd = -1};
	int status = 0;
	bool good;

	memset(outcome, 0, sizeof(*outcome));
	for (int i = 0; i < PIPES; i++)
		running.ours[i] = running.theirs[i] = -1;
	if (!open_streams(&running, error) || !start(&running, error))
	{
		close_all(&running);
		return false;
	}
	for (int i = 0; i < FAILURE; i++)
		set_nonblocking(running.ours[i]);
	if (process->time_out_ms > 0)
		running.deadline = so_clock_monotonic_ms() + process->time_out_ms;
	good = run_to_end(&running, error);
	if (!good)
		kill(-running.pid, SIGKILL);
	while (waitpid(running.pid, &status, 0) < 0 && errno == EINTR)
		;
	close_all(&running);
	outcome->signalled = WIFSIGNALED(status);
	outcome->code = outcome->signalled ? WTERMSIG(status) : WEXITSTATUS(status);
	return good;
}
