/*
 * engine/model/structure.c
 *
 * The keys of a document that are not properties but build the package:
 * type, after, executables, variables ...  The loader accepts them, the schema
 * and docs/packages.md describe them from here.
 *
 * Process: runner, client, loader.  Constant data, nothing to protect.
 */
#include "engine/model/loader.h"

#define CONTAINERS    (SO_HOLDER_CONTAINER | SO_HOLDER_FOREACH)
#define CHILDREN      (CONTAINERS | SO_HOLDER_TASK)
#define CONTROL_FLOWS (SO_HOLDER_PACKAGE | CONTAINERS | SO_HOLDER_EVENT_HANDLER)
#define EXECUTABLES   (CONTROL_FLOWS | SO_HOLDER_TASK)

static const SoStructureKey keys[] = {
	{"format_version", SO_HOLDER_PACKAGE, "integer",
	 "Version of the document format; 1. Written by tools, not needed by hand.",
	 "format_version: 1"},
	{"type", CHILDREN | SO_HOLDER_CONNECTION | SO_HOLDER_ENUMERATOR, "name of a type",
	 "What kind of object this is; it decides which other properties there are.", "type: sequence"},
	{"after", CHILDREN, "name, object, or list of both",
	 "What must have ended before this starts: the name of a sibling (which must have succeeded), "
	 "or an object {executable, on, expression, eval_op, logical_and}; a list of them must hold "
	 "together. {any: [...]} is satisfied by one of the list.",
	 "after: [download, {executable: check, on: completion}]"},
	{"parameters", SO_HOLDER_PACKAGE | SO_HOLDER_PROJECT, "list of parameters",
	 "Inputs that are given from outside for every execution.",
	 "parameters: [{name: since, type: datetime, required: true}]"},
	{"variables", EXECUTABLES, "list of variables", "Variables that are visible here and below.",
	 "variables: [{name: rows, type: int64, value: 0}]"},
	{"connections", SO_HOLDER_PACKAGE | SO_HOLDER_PROJECT, "list of connection managers",
	 "Connection managers; tasks name them in connection.",
	 "connections: [{name: warehouse, type: postgres, connection_string: \"service=warehouse\"}]"},
	{"enumerator", SO_HOLDER_FOREACH, "enumerator", "What the loop goes through.",
	 "enumerator: {type: file, folder: /srv/in, files: \"*.csv\"}"},
	{"expressions", EXECUTABLES | SO_HOLDER_CONNECTION | SO_HOLDER_ENUMERATOR,
	 "map of property to expression",
	 "Properties whose value is computed when it is needed: property name and expression.",
	 "expressions: {folder: \"@[System::WorkFolder]\"}"},
	{"executables", CONTROL_FLOWS, "list of executables",
	 "Tasks and containers of this control flow. Without constraints they run in parallel.",
	 "executables: [{name: hello, type: expression, expression: \"@[User::x] = 1\"}]"},
	{"precedence_constraints", CONTROL_FLOWS, "list of precedence constraints",
	 "The long form of after: constraints between the executables of this control flow, each with "
	 "an id.",
	 "precedence_constraints: [{from: download, to: load, value: success}]"},
	{"event_handlers", EXECUTABLES, "map of event to event handler",
	 "Control flows that run when an event is raised here or below.",
	 "event_handlers: {on_error: {executables: []}}"},
	{0}};

const SoStructureKey *
so_structure_keys(void)
{
	return keys;
}

const char *const *
so_structure_names(unsigned holder)
{
	static const char *const package[] = {"format_version",
										  "parameters",
										  "variables",
										  "connections",
										  "expressions",
										  "executables",
										  "precedence_constraints",
										  "event_handlers",
										  NULL};
	static const char *const container[] = {"type",           "after",
											"variables",      "expressions",
											"executables",    "precedence_constraints",
											"event_handlers", NULL};
	static const char *const foreach_loop[] = {"type",
											   "after",
											   "variables",
											   "enumerator",
											   "expressions",
											   "executables",
											   "precedence_constraints",
											   "event_handlers",
											   NULL};
	static const char *const task[] = {"type",        "after",          "variables",
									   "expressions", "event_handlers", NULL};
	static const char *const handler[] = {"variables",      "expressions",
										  "executables",    "precedence_constraints",
										  "event_handlers", NULL};
	static const char *const typed[] = {"type", "expressions", NULL};
	static const char *const project[] = {"parameters", "connections", NULL};

	switch (holder)
	{
		case SO_HOLDER_PACKAGE:
			return package;
		case SO_HOLDER_CONTAINER:
			return container;
		case SO_HOLDER_FOREACH:
			return foreach_loop;
		case SO_HOLDER_TASK:
			return task;
		case SO_HOLDER_EVENT_HANDLER:
			return handler;
		case SO_HOLDER_PROJECT:
			return project;
		default:
			return typed;
	}
}
