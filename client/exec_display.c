/*
 * client/exec_display.c
 *
 * Lines and live tree of scaleout exec.
 *
 * Process: client.  One mutex: the control thread changes the state and prints
 * lines under it, the drawing thread redraws under it.  Errors go to stderr,
 * everything else to stdout.
 */
#include "client/exec_display.h"

#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client/exec_tree.h"
#include "common/clock.h"

/* Milliseconds between two drawings. */
#define FRAME_TIME 100

struct SoExecDisplay
{
	const SoExecOptions *options;
	bool live;
	SoRunSink sink;
	SoExecTree *tree;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool closing;
	int drawn; /* lines of the tree on the screen */
	int frame;
};

char *
so_exec_duration_text(int64_t milliseconds, char *buffer, size_t size)
{
	int64_t seconds = milliseconds / 1000;

	if (seconds < 60)
		snprintf(buffer, size, "%" PRId64 ".%" PRId64 " s", seconds, milliseconds % 1000 / 100);
	else if (seconds < 3600)
		snprintf(buffer, size, "%" PRId64 " min %02" PRId64 " s", seconds / 60, seconds % 60);
	else
		snprintf(buffer, size, "%" PRId64 " h %02" PRId64 " min", seconds / 3600,
				 seconds / 60 % 60);
	return buffer;
}

/* ---- the tree on the screen (under the mutex) ---- */

static void
erase_tree(SoExecDisplay *display)
{
	if (display->drawn > 0)
		printf("\033[%dA\033[J", display->drawn);
	display->drawn = 0;
}

static void
draw_tree(SoExecDisplay *display)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 4 || size.ws_col < 20)
	{
		size.ws_row = 24;
		size.ws_col = 80;
	}
	/* Up and over: less flicker than erasing first. */
	if (display->drawn > 0)
		printf("\033[%dA", display->drawn);
	display->drawn = so_exec_tree_draw(display->tree, stdout, size.ws_row - 1, size.ws_col - 1,
									   display->frame++);
	fputs("\033[J", stdout);
	fflush(stdout);
}

static void *
draw_main(void *argument)
{
	SoExecDisplay *display = argument;
	struct timespec until;

	pthread_mutex_lock(&display->mutex);
	while (!display->closing)
	{
		draw_tree(display);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += FRAME_TIME * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&display->changed, &display->mutex, &until);
	}
	draw_tree(display);
	pthread_mutex_unlock(&display->mutex);
	return NULL;
}

/* ---- lines ---- */

static void
print_line(SoExecDisplay *display, FILE *out, const char *label, const char *path, const char *code,
		   const char *text)
{
	char clock[16];
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	if (display->live)
		erase_tree(display);
	fprintf(out, "%s  %-8s %s%s%s%s%s\n", clock, label, path, code[0] || text[0] ? ": " : "", code,
			code[0] && text[0] ? " " : "", text);
	fflush(out);
	if (display->live)
		draw_tree(display);
}

static unsigned
report_bit(SoMessageType type)
{
	switch (type)
	{
		case SO_MESSAGE_ERROR:
			return SO_REPORT_ERRORS;
		case SO_MESSAGE_WARNING:
			return SO_REPORT_WARNINGS;
		case SO_MESSAGE_INFORMATION:
			return SO_REPORT_INFORMATION;
		case SO_MESSAGE_CUSTOM:
		case SO_MESSAGE_DIAGNOSTIC:
		case SO_MESSAGE_DIAGNOSTIC_EX:
			return SO_REPORT_CUSTOM;
		case SO_MESSAGE_PROGRESS:
			return SO_REPORT_PROGRESS;
		default:
			return 0;
	}
}

/*
 * Do the pairs of the filter want this source?  When there is an I the source
 * must be one of them; an E always leaves out.
 */
static bool
is_wanted(const char *filter, const SoEvent *event)
{
	bool included = false;
	bool any_included = false;

	while (filter != NULL && *filter != '\0')
	{
		const char *source = filter + 2;
		size_t length = strcspn(source, ";");
		bool same = (strlen(event->source_name) == length &&
					 strncasecmp(event->source_name, source, length) == 0) ||
					(strlen(event->source_id) == length &&
					 strncasecmp(event->source_id, source, length) == 0);

		if ((*filter & ~0x20) == 'I')
		{
			any_included = true;
			included = included || same;
		}
		else if (same)
			return false;
		filter = source[length] == ';' ? source + length + 1 : NULL;
	}
	return included || !any_included;
}

static void
print_column(char column, const SoEvent *event)
{
	char clock[32];
	char host[256] = "";
	time_t seconds = (time_t) (event->time_us / 1000000);
	struct passwd *account;
	struct tm local;

	switch (column & ~0x20)
	{
		case 'N':
			fputs(event->event_name, stdout);
			break;
		case 'C':
			gethostname(host, sizeof(host) - 1);
			fputs(host, stdout);
			break;
		case 'O':
			account = getpwuid(getuid());
			fputs(account != NULL ? account->pw_name : "", stdout);
			break;
		case 'S':
			fputs(event->source_name, stdout);
			break;
		case 'G':
			fputs(event->source_id, stdout);
			break;
		case 'M':
			fputs(event->message, stdout);
			break;
		case 'T':
			localtime_r(&seconds, &local);
			strftime(clock, sizeof(clock), "%Y-%m-%d %H:%M:%S", &local);
			fputs(clock, stdout);
			break;
		default:
			break;
	}
}

/* --console-log: every event with the columns that were asked for. */
static void
print_console_log(SoExecDisplay *display, const SoEvent *event)
{
	const char *columns =
		display->options->console_columns != NULL ? display->options->console_columns : "NSM";
	size_t count = strcspn(columns, ";");

	if (!is_wanted(display->options->console_filter, event))
		return;
	if (display->live)
		erase_tree(display);
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			putchar('\t');
		print_column(columns[i], event);
	}
	putchar('\n');
	fflush(stdout);
	if (display->live)
		draw_tree(display);
}

static void
print_event(SoExecDisplay *display, const SoEvent *event)
{
	const char *path = event->execution_path[1] == '\0' ? "\\Package" : event->execution_path;
	char text[128];

	if ((display->options->reporting & report_bit(event->message_type)) == 0 ||
		so_exec_options_lists(display->options->reporting_exceptions, event->event_name))
		return;
	switch (event->message_type)
	{
		case SO_MESSAGE_ERROR:
			print_line(display, stderr, "ERROR", path, event->code, event->message);
			break;
		case SO_MESSAGE_WARNING:
			print_line(display, stderr, "WARNING", path, event->code, event->message);
			break;
		case SO_MESSAGE_INFORMATION:
			print_line(display, stdout,
					   strcmp(event->subcomponent, "stderr") == 0 ? "stderr" : "info", path, "",
					   event->message);
			break;
		case SO_MESSAGE_PROGRESS:
			/* The tree shows progress better. */
			if (display->live)
				break;
			snprintf(text, sizeof(text), "%d%% %" PRId64 "%s", event->percent, event->progress_low,
					 event->message[0] ? " " : "");
			print_line(display, stdout, "progress", path, text, event->message);
			break;
		default:
			print_line(display, stdout, event->event_name, path, "", event->message);
			break;
	}
}

/* ---- the sink ---- */

static void
display_event(void *context, const SoEvent *event)
{
	SoExecDisplay *display = context;

	pthread_mutex_lock(&display->mutex);
	if (event->message_type == SO_MESSAGE_PROGRESS && event->progress_low > 0)
		so_exec_tree_progress(display->tree, event->package_name, event->package_path,
							  event->progress_low);
	if (display->options->console_log)
		print_console_log(display, event);
	else
		print_event(display, event);
	pthread_mutex_unlock(&display->mutex);
}

static void
display_started(void *context, const SoExecutable *executable, const char *execution_path)
{
	SoExecDisplay *display = context;

	pthread_mutex_lock(&display->mutex);
	so_exec_tree_started(display->tree, executable);
	if (!display->live && (display->options->reporting & SO_REPORT_PROGRESS) != 0 &&
		executable->kind != SO_KIND_EVENT_HANDLER && execution_path[1] != '\0')
		print_line(display, stdout, "start", execution_path, "", "");
	pthread_mutex_unlock(&display->mutex);
}

static void
display_statistics(void *context, const SoStatistics *statistics)
{
	static const char *const labels[] = {"success", "FAILURE", "complete", "canceled"};
	SoExecDisplay *display = context;
	char text[96];
	char duration[32];
	int used;

	pthread_mutex_lock(&display->mutex);
	so_exec_tree_ended(display->tree, statistics);
	if (!display->live && (display->options->reporting & SO_REPORT_PROGRESS) != 0 &&
		statistics->execution_path[1] != '\0')
	{
		used = snprintf(text, sizeof(text), "%s",
						so_exec_duration_text(statistics->duration_ms, duration, sizeof(duration)));
		if (statistics->row_count >= 0)
			snprintf(text + used, sizeof(text) - (size_t) used, ", %" PRId64 " rows",
					 statistics->row_count);
		print_line(display, stdout, labels[statistics->result & 3], statistics->execution_path, "",
				   text);
	}
	pthread_mutex_unlock(&display->mutex);
}

static void
display_package(void *context, const SoPackage *package)
{
	SoExecDisplay *display = context;

	pthread_mutex_lock(&display->mutex);
	so_exec_tree_package(display->tree, package);
	pthread_mutex_unlock(&display->mutex);
}

SoExecDisplay *
so_exec_display_open(const SoExecOptions *options, bool live)
{
	SoExecDisplay *display = calloc(1, sizeof(*display));
	pthread_condattr_t attributes;
	sigset_t all;
	sigset_t before;

	if (display == NULL)
		abort();
	display->options = options;
	display->live = live;
	display->tree = so_exec_tree_new();
	display->sink.context = display;
	display->sink.event = display_event;
	display->sink.started = display_started;
	display->sink.statistics = display_statistics;
	display->sink.package = display_package;
	pthread_mutex_init(&display->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&display->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (live && pthread_create(&display->thread, NULL, draw_main, display) != 0)
		display->live = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return display;
}

const SoRunSink *
so_exec_display_sink(SoExecDisplay *display)
{
	return &display->sink;
}

void
so_exec_display_close(SoExecDisplay *display)
{
	if (display->live)
	{
		pthread_mutex_lock(&display->mutex);
		display->closing = true;
		pthread_cond_signal(&display->changed);
		pthread_mutex_unlock(&display->mutex);
		pthread_join(display->thread, NULL);
	}
	pthread_cond_destroy(&display->changed);
	pthread_mutex_destroy(&display->mutex);
	so_exec_tree_free(display->tree);
	free(display);
}
