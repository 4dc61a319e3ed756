/*
 * client/exec_tree.c
 *
 * Keeps and draws the tree of executables.
 *
 * Process: client; the display's mutex protects it.
 */
#include "client/exec_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client/exec_display.h"
#include "common/clock.h"

typedef enum LineState
{
	LINE_WAITING,
	LINE_RUNNING,
	LINE_SUCCEEDED,
	LINE_FAILED,
	LINE_CANCELED
} LineState;

typedef struct Line
{
	const SoExecutable *executable;
	int depth;
	LineState state;
	int running; /* activations */
	int runs;
	int64_t since_ms;
	int64_t duration_ms; /* of all runs */
	int64_t rows;        /* -1 = none */
} Line;

struct SoExecTree
{
	Line *lines;
	int count;
};

SoExecTree *
so_exec_tree_new(void)
{
	return talloc_zero(NULL, SoExecTree);
}

void
so_exec_tree_free(SoExecTree *tree)
{
	talloc_free(tree);
}

static bool
is_shown(const SoExecutable *executable)
{
	for (; executable != NULL; executable = executable->parent)
	{
		if (executable->kind == SO_KIND_EVENT_HANDLER)
			return false;
	}
	return true;
}

void
so_exec_tree_package(SoExecTree *tree, const SoPackage *package)
{
	for (int i = 0; i < package->executable_count; i++)
	{
		const SoExecutable *executable = package->executables[i];
		Line *line;

		if (!is_shown(executable))
			continue;
		tree->lines = talloc_realloc(tree, tree->lines, Line, tree->count + 1);
		line = &tree->lines[tree->count++];
		memset(line, 0, sizeof(*line));
		line->executable = executable;
		line->rows = -1;
		for (const SoExecutable *parent = executable->parent; parent != NULL;
			 parent = parent->parent)
			line->depth++;
	}
}

static Line *
find_line(SoExecTree *tree, const SoExecutable *executable)
{
	for (int i = 0; i < tree->count; i++)
	{
		if (tree->lines[i].executable == executable)
			return &tree->lines[i];
	}
	return NULL;
}

void
so_exec_tree_started(SoExecTree *tree, const SoExecutable *executable)
{
	Line *line = find_line(tree, executable);

	if (line == NULL)
		return;
	if (line->running++ == 0)
		line->since_ms = so_clock_monotonic_ms();
	line->state = LINE_RUNNING;
}

void
so_exec_tree_ended(SoExecTree *tree, const SoStatistics *statistics)
{
	Line *line = find_line(tree, statistics->executable);

	if (line == NULL)
		return;
	line->running--;
	line->runs++;
	line->duration_ms += statistics->duration_ms;
	if (statistics->row_count >= 0)
		line->rows = (line->rows < 0 || line->runs == 1 ? 0 : line->rows) + statistics->row_count;
	if (line->running > 0)
		return;
	line->state = statistics->result == SO_RESULT_FAILURE    ? LINE_FAILED
				  : statistics->result == SO_RESULT_CANCELED ? LINE_CANCELED
															 : LINE_SUCCEEDED;
}

void
so_exec_tree_progress(SoExecTree *tree, const char *package_name, const char *package_path,
					  int64_t rows)
{
	for (int i = 0; i < tree->count; i++)
	{
		Line *line = &tree->lines[i];

		if (line->runs == 0 && strcmp(line->executable->path, package_path) == 0 &&
			strcmp(line->executable->package->name, package_name) == 0)
			line->rows = rows;
	}
}

/* ---- drawing ---- */

static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"};

static void
draw_line(const Line *line, FILE *out, int columns, int frame)
{
	static const char *const colors[] = {"\033[2m", "\033[36m", "\033[32m", "\033[31m", "\033[33m"};
	static const char *const marks[] = {"·", "", "✓", "✗", "■"};
	int64_t duration = line->duration_ms;
	const char *mark = line->state == LINE_RUNNING ? spinner[frame % 8] : marks[line->state];
	char right[96] = "";
	char text[32];
	int used = 0;
	int width;

	if (line->state == LINE_RUNNING)
		duration += so_clock_monotonic_ms() - line->since_ms;
	if (line->rows >= 0)
		used += snprintf(right, sizeof(right), "%" PRId64 " rows  ", line->rows);
	if (line->runs + line->running > 1)
		used += snprintf(right + used, sizeof(right) - (size_t) used, "%dx  ",
						 line->runs + line->running);
	if (line->state != LINE_WAITING)
		snprintf(right + used, sizeof(right) - (size_t) used, "%s",
				 so_exec_duration_text(duration, text, sizeof(text)));
	width = columns - line->depth * 2 - 3 - (int) strlen(right);
	if (width < 8)
		width = 8;
	fprintf(out, "%*s%s%s\033[0m %s%-*.*s\033[0m %s\033[K\n", line->depth * 2, "",
			colors[line->state], mark, line->state == LINE_WAITING ? colors[0] : "", width, width,
			line->executable->name, right);
}

/* How early a line is left out when there are too many: the higher, the earlier. */
static int
dispensability(const Line *line)
{
	switch (line->state)
	{
		case LINE_WAITING:
			return 2;
		case LINE_SUCCEEDED:
			return 1;
		default:
			return 0;
	}
}

int
so_exec_tree_draw(const SoExecTree *tree, FILE *out, int rows, int columns, int frame)
{
	int limit = 2; /* lines of a higher dispensability are left out */
	int shown = tree->count;
	int drawn = 0;

	while (shown > rows && limit > 0)
	{
		limit--;
		shown = 1;
		for (int i = 0; i < tree->count; i++)
			shown += dispensability(&tree->lines[i]) <= limit;
	}
	for (int i = 0; i < tree->count && (drawn < rows - 1 || shown <= rows); i++)
	{
		if (dispensability(&tree->lines[i]) > limit)
			continue;
		draw_line(&tree->lines[i], out, columns, frame);
		drawn++;
	}
	if (drawn < tree->count)
	{
		fprintf(out, "\033[2m... and %d more\033[0m\033[K\n", tree->count - drawn);
		drawn++;
	}
	return drawn;
}
