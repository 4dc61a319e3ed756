/*
 * client/exec_graph.c
 *
 * Prints the control flow as Graphviz and as text.
 *
 * Process: client; reads the model only.
 */
#include "client/exec_graph.h"

#include <string.h>

#include "engine/tasks/task.h"

static const char *
kind_name(const SoExecutable *executable)
{
	return executable->object->type->name;
}

static void
print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static const char *
value_name(SoExecutionResult value)
{
	return value == SO_RESULT_FAILURE      ? "failure"
		   : value == SO_RESULT_COMPLETION ? "completion"
										   : "success";
}

/* ---- Graphviz ---- */

static bool
is_container(const SoExecutable *executable)
{
	return executable->kind != SO_KIND_TASK;
}

static void
print_constraint(FILE *out, const SoPrecedenceConstraint *constraint)
{
	static const char *const colors[] = {"darkgreen", "red3", "blue3"};

	fprintf(out, "  n%d -> n%d [color=%s", constraint->from->index, constraint->to->index,
			colors[constraint->value >= 0 && constraint->value <= 2 ? constraint->value : 0]);
	if (is_container(constraint->from))
		fprintf(out, ", ltail=cluster%d", constraint->from->index);
	if (is_container(constraint->to))
		fprintf(out, ", lhead=cluster%d", constraint->to->index);
	if (!constraint->logical_and)
		fputs(", style=dashed", out);
	if (constraint->expression != NULL)
	{
		fputs(", label=", out);
		print_quoted(out, constraint->expression);
	}
	fputs("];\n", out);
}

static void
print_dot(FILE *out, const SoExecutable *executable)
{
	bool disabled = so_executable_boolean(executable, "disable");

	if (!is_container(executable))
	{
		fprintf(out, "  n%d [shape=box, style=\"rounded%s\", label=", executable->index,
				disabled ? ",dashed" : "");
		print_quoted(out, executable->name);
		fprintf(out, ", tooltip=\"%s\"];\n", kind_name(executable));
		return;
	}
	fprintf(out, "  subgraph cluster%d {\n  label=", executable->index);
	print_quoted(out, executable->name);
	fprintf(out, "; tooltip=\"%s\"; style=\"rounded%s\";\n", kind_name(executable),
			executable->kind == SO_KIND_EVENT_HANDLER || disabled ? ",dashed" : "");
	/* Edges end at nodes, so a container has an invisible one. */
	fprintf(out, "  n%d [shape=point, style=invis];\n", executable->index);
	for (int i = 0; i < executable->child_count; i++)
		print_dot(out, executable->children[i]);
	for (int i = 0; i < executable->event_handler_count; i++)
		print_dot(out, executable->event_handlers[i]);
	fputs("  }\n", out);
}

void
so_exec_graph_dot(FILE *out, const SoPackage *package)
{
	fputs("digraph ", out);
	print_quoted(out, package->name);
	fputs(" {\n  compound=true; node [fontname=\"sans-serif\"]; fontname=\"sans-serif\";\n", out);
	print_dot(out, package->root);
	for (int i = 0; i < package->executable_count; i++)
	{
		const SoExecutable *executable = package->executables[i];

		for (int j = 0; j < executable->constraint_count; j++)
			print_constraint(out, executable->constraints[j]);
		/* Handlers of a task hang on it. */
		if (executable->kind == SO_KIND_TASK)
		{
			for (int j = 0; j < executable->event_handler_count; j++)
			{
				print_dot(out, executable->event_handlers[j]);
				fprintf(out, "  n%d -> n%d [style=dotted, arrowhead=none, lhead=cluster%d];\n",
						executable->index, executable->event_handlers[j]->index,
						executable->event_handlers[j]->index);
			}
		}
	}
	fputs("}\n", out);
}

/* ---- text ---- */

static void
print_waits(FILE *out, const SoExecutable *executable)
{
	const SoExecutable *parent = executable->parent;
	bool first = true;

	for (int i = 0; parent != NULL && i < parent->constraint_count; i++)
	{
		const SoPrecedenceConstraint *constraint = parent->constraints[i];

		if (constraint->to != executable)
			continue;
		fputs(first ? "  <- " : constraint->logical_and ? " and " : " or ", out);
		first = false;
		if (constraint->operation == SO_EVALUATE_EXPRESSION)
			fprintf(out, "%s if %s", constraint->from->name, constraint->expression);
		else
		{
			fputs(constraint->from->name, out);
			if (constraint->value != SO_RESULT_SUCCESS)
				fprintf(out, " (%s)", value_name(constraint->value));
			if (constraint->expression != NULL)
				fprintf(out, " %s %s",
						constraint->operation == SO_EVALUATE_EXPRESSION_OR_CONSTRAINT ? "or if"
																					  : "if",
						constraint->expression);
		}
	}
}

static void
print_text(FILE *out, const SoExecutable *executable, const char *indent, const char *branch,
		   const char *below)
{
	int count = executable->child_count + executable->event_handler_count;
	char next[512];

	fprintf(out, "%s%s%s [%s]%s", indent, branch, executable->name, kind_name(executable),
			so_executable_boolean(executable, "disable") ? " disabled" : "");
	print_waits(out, executable);
	fputc('\n', out);
	snprintf(next, sizeof(next), "%s%s", indent, below);
	for (int i = 0; i < count; i++)
	{
		bool last = i == count - 1;

		print_text(out,
				   i < executable->child_count
					   ? executable->children[i]
					   : executable->event_handlers[i - executable->child_count],
				   next, last ? "└─ " : "├─ ", last ? "   " : "│  ");
	}
}

void
so_exec_graph_text(FILE *out, const SoPackage *package)
{
	print_text(out, package->root, "", "", "");
}
