/*
 * test/unit/test_control_flow_event.c
 *
 * The way of an event outwards: which handlers run, in which order, what each of
 * them holds up, where errors count, and what the sink gets of it.  Handlers do not
 * run here: so_unit_start is the test's, which ends them when it likes.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/event_name.h"
#include "engine/control_flow/event_sink.h"
#include "engine/model/load.h"

static const char document[] =
	"name: p\n"
	"executables:\n"
	"  - name: s\n"
	"    type: sequence\n"
	"    executables:\n"
	"      - {name: t, type: no_operation}\n"
	"      - {name: quiet, type: no_operation, logging_mode: disabled}\n"
	"      - {name: alone, type: no_operation, disable_event_handlers: true,\n"
	"         event_handlers: {on_error: {}}}\n"
	"    event_handlers:\n"
	"      on_error: {executables: [{name: h, type: no_operation}]}\n"
	"event_handlers:\n"
	"  on_error: {executables: [{name: g, type: no_operation}]}\n"
	"  on_information: {}\n"
	"  on_warning: {disable: true}\n"
	"  on_query_cancel: {}\n";

static TALLOC_CTX *context;
static SoRun *run;
static SoPackageRun *package_run;
static SoRunOptions options;
static SoRunOutcome outcome;
static SoRunSink sink;
static const SoPackage *package;
static SoUnit *started[16];
static int started_count;
static char lines[4096];
static int announced;

/* In place of the one in slots.c. */
void
so_unit_start(SoUnit *unit)
{
	started[started_count++] = unit;
}

static void
see(void *unused, const SoEvent *event)
{
	size_t used = strlen(lines);

	(void) unused;
	snprintf(lines + used, sizeof(lines) - used, "%s %s %s;", event->event_name, event->source_name,
			 event->message);
}

static void
see_package(void *unused, const SoPackage *seen)
{
	(void) unused;
	assert_ptr_equal(seen, package);
	announced++;
}

static const SoExecutable *
find(const char *name)
{
	for (int i = 0; i < package->executable_count; i++)
	{
		if (strcmp(package->executables[i]->name, name) == 0)
			return package->executables[i];
	}
	fail_msg("no %s", name);
	return NULL;
}

static void
unit_ended(SoUnit *unit)
{
	talloc_free(unit);
}

static SoUnit *
new_unit(const char *name, SoUnit *parent)
{
	return so_unit_new(package_run, package_run, find(name), parent, 0, unit_ended);
}

/* End the handler that was started n-th, as its last step does. */
static void
end_handler(int n)
{
	started[n]->ended(started[n]);
}

static int
begin(void **state)
{
	SoDiagnostics findings = {0};
	SoProject *project;

	(void) state;
	context = talloc_new(NULL);
	project = so_load_package_text(context, document, strlen(document), NULL, NULL, &findings);
	if (project == NULL)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	package = project->packages[0];
	memset(&outcome, 0, sizeof(outcome));
	memset(&sink, 0, sizeof(sink));
	so_run_options_init(&options);
	options.logging_level = 1;
	sink.event = see;
	sink.package = see_package;
	run = talloc_zero(context, SoRun);
	run->options = &options;
	run->outcome = &outcome;
	run->sink = &sink;
	package_run = talloc_zero(run, SoPackageRun);
	package_run->run = run;
	package_run->package = package;
	package_run->states =
		talloc_zero_array(package_run, SoExecutableState, package->executable_count);
	for (int i = 0; i < package->executable_count; i++)
		package_run->states[i].object = package->executables[i]->object;
	package_run->root = new_unit("p", NULL);
	started_count = 0;
	announced = 0;
	lines[0] = '\0';
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static void
raise_error(SoUnit *source, const char *text)
{
	SoError error;

	so_error_set(&error, SO_ERR_RUN_TASK_FAILED, NULL, "%s", text);
	so_error_hint(&error, "%s", "");
	so_event_error(source, &error);
}

static void
step(SoUnit *unit)
{
	unit->has_slot = true;
}

/* From the innermost handler to the outermost, one at a time; then the unit goes on. */
static void
test_outwards(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);

	(void) state;
	raise_error(t, "one");
	assert_string_equal(lines, "OnError t one;");
	assert_int_equal(started_count, 1);
	assert_ptr_equal(started[0]->parent, s);
	assert_int_equal(started[0]->executable->kind, SO_KIND_EVENT_HANDLER);
	assert_true(started[0]->inside_handler);
	assert_int_equal(t->error_count, 1);
	assert_int_equal(s->error_count, 1);
	assert_int_equal(package_run->root->error_count, 0);
	so_unit_next(t, step);
	assert_false(so_unit_run_agenda(run, 10));
	assert_false(t->has_slot);
	end_handler(0);
	assert_int_equal(started_count, 2);
	assert_ptr_equal(started[1]->parent, package_run->root);
	assert_int_equal(package_run->root->error_count, 1);
	so_unit_run_agenda(run, 10);
	assert_false(t->has_slot);
	end_handler(1);
	assert_int_equal(started_count, 2);
	so_unit_run_agenda(run, 10);
	assert_true(t->has_slot);
	assert_int_equal(outcome.error_count, 1);
	assert_string_equal(outcome.first_error, "one");
}

/* System::Propagate = False keeps it from the levels outside, and from their counts. */
static void
test_propagate(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);

	(void) state;
	raise_error(t, "kept");
	started[0]->propagate = false;
	end_handler(0);
	assert_int_equal(started_count, 1);
	assert_int_equal(s->error_count, 1);
	assert_int_equal(package_run->root->error_count, 0);
	assert_null(t->events);
}

/* The second waits until the handlers of the first have ended; the sink does not wait. */
static void
test_order(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);

	(void) state;
	raise_error(t, "one");
	so_event_message(t, SO_MESSAGE_INFORMATION, "%s", "two");
	so_event_warning(t, SO_ERR_RUN_TASK_FAILED, "three");
	assert_string_equal(lines, "OnError t one;OnInformation t two;OnWarning t three;");
	assert_int_equal(started_count, 1);
	end_handler(0);
	assert_int_equal(started_count, 2);
	assert_string_equal(started[1]->event->data.message, "one");
	end_handler(1);
	assert_int_equal(started_count, 3);
	assert_string_equal(started[2]->event->data.message, "two");
	assert_string_equal(started[2]->executable->name, "on_information");
	end_handler(2);
	/* The handler of warnings is disabled. */
	assert_int_equal(started_count, 3);
	assert_null(t->events);
	assert_int_equal(outcome.warning_count, 1);
}

/* What goes wrong in a handler does not run that handler again, but goes on outwards. */
static void
test_handler_of_handler(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);
	SoUnit *h;

	(void) state;
	raise_error(t, "one");
	h = new_unit("h", started[0]);
	assert_true(h->inside_handler);
	raise_error(h, "in the handler");
	assert_int_equal(started_count, 2);
	assert_ptr_equal(started[1]->parent, package_run->root);
	assert_int_equal(started[0]->error_count, 1);
	/* Information stays inside. */
	so_event_message(h, SO_MESSAGE_INFORMATION, "%s", "inside");
	end_handler(1);
	assert_int_equal(started_count, 2);
	assert_null(h->events);
}

static void
test_no_handlers(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *alone = new_unit("alone", s);
	SoEventData data = {.type = SO_MESSAGE_ERROR, .message = "log only", .without_handlers = true};

	(void) state;
	so_event_raise(alone, &data);
	assert_int_equal(started_count, 0);
	assert_int_equal(package_run->root->error_count, 1);
	/* Its own handlers are disabled, those outside are not. */
	raise_error(alone, "one");
	assert_int_equal(started_count, 1);
	assert_ptr_equal(started[0]->parent, s);
	end_handler(0);
	end_handler(1);
	assert_int_equal(started_count, 2);
	options.validate_only = true;
	raise_error(alone, "two");
	assert_int_equal(started_count, 2);
	assert_int_equal(package_run->root->error_count, 3);
}

/* Of a cancelled run only OnQueryCancel is handled. */
static void
test_canceled(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);

	(void) state;
	run->canceled = true;
	raise_error(t, "late");
	assert_int_equal(started_count, 0);
	assert_int_equal(package_run->root->error_count, 1);
	so_event_message(t, SO_MESSAGE_QUERY_CANCEL, "%s", "");
	assert_int_equal(started_count, 1);
	assert_string_equal(started[0]->executable->name, "on_query_cancel");
	assert_true(started[0]->ignores_cancel);
	end_handler(0);
}

/* Validation queues at the package, and Propagate = False has no effect there. */
static void
test_validation(void **state)
{
	SoUnit *s = new_unit("s", package_run->root);
	SoUnit *t = new_unit("t", s);

	(void) state;
	run->validating = true;
	raise_error(t, "one");
	assert_int_equal(started_count, 0);
	assert_null(t->events);
	run->validating = false;
	so_event_resume(package_run->root);
	assert_int_equal(started_count, 1);
	started[0]->propagate = false;
	end_handler(0);
	assert_int_equal(started_count, 2);
	end_handler(1);
	assert_int_equal(package_run->root->error_count, 1);
	assert_null(package_run->root->events);
}

static void
test_levels(void **state)
{
	static const struct
	{
		int level;
		const char *source;
		SoMessageType type;
		bool logged;
	} rows[] = {
		{0, "t", SO_MESSAGE_ERROR, false},          {1, "t", SO_MESSAGE_ERROR, true},
		{2, "t", SO_MESSAGE_WARNING, true},         {2, "t", SO_MESSAGE_PRE_EXECUTE, false},
		{1, "t", SO_MESSAGE_PRE_EXECUTE, true},     {1, "t", SO_MESSAGE_CUSTOM, false},
		{1, "t", SO_MESSAGE_DIAGNOSTIC, false},     {1, "t", SO_MESSAGE_STATUS_CHANGE, false},
		{3, "t", SO_MESSAGE_CUSTOM, true},          {4, "t", SO_MESSAGE_STATUS_CHANGE, true},
		{3, "quiet", SO_MESSAGE_PROGRESS, false},   {3, "quiet", SO_MESSAGE_WARNING, true},
		{3, "quiet", SO_MESSAGE_TASK_FAILED, true}, {0, "quiet", SO_MESSAGE_ERROR, false},
	};
	SoUnit *s = new_unit("s", package_run->root);

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoEventData data = {.type = rows[i].type, .message = ""};

		lines[0] = '\0';
		options.logging_level = rows[i].level;
		so_event_write(new_unit(rows[i].source, s), &data);
		if ((lines[0] != '\0') != rows[i].logged)
			fail_msg("row %zu: %s", i, lines);
	}
	so_event_announce(run, package);
	so_event_announce(run, package);
	assert_int_equal(announced, 1);
}

static void
test_names(void **state)
{
	static const int known[] = {
		SO_MESSAGE_PRE_VALIDATE,   SO_MESSAGE_POST_VALIDATE,
		SO_MESSAGE_PRE_EXECUTE,    SO_MESSAGE_POST_EXECUTE,
		SO_MESSAGE_STATUS_CHANGE,  SO_MESSAGE_PROGRESS,
		SO_MESSAGE_INFORMATION,    SO_MESSAGE_VARIABLE_VALUE_CHANGED,
		SO_MESSAGE_QUERY_CANCEL,   SO_MESSAGE_WARNING,
		SO_MESSAGE_ERROR,          SO_MESSAGE_TASK_FAILED,
		SO_MESSAGE_DIAGNOSTIC_EX,  SO_MESSAGE_CUSTOM,
		SO_MESSAGE_NON_DIAGNOSTIC, SO_MESSAGE_DIAGNOSTIC,
	};

	(void) state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		assert_string_not_equal(so_event_name(known[i]), "Unknown");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(so_event_name(known[i]), so_event_name(known[j]));
	}
	assert_string_equal(so_event_name((SoMessageType) 9999), "Unknown");
	assert_null(so_event_handler_name((SoMessageType) 9999));
	assert_null(so_event_handler_name(SO_MESSAGE_DIAGNOSTIC));
	assert_string_equal(so_event_handler_name(SO_MESSAGE_TASK_FAILED), "on_task_failed");
	assert_int_equal(so_event_message_code(SO_ERR_RUN_VALIDATION_FAILED), (int) 0xC0024107);
	assert_int_equal(so_event_message_code(SO_OK), 0);
}

static void
test_texts(void **state)
{
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_RUN_TASK_FAILED, NULL, "no");
	so_error_hint(&error, "%s", "");
	assert_string_equal(so_event_error_text(context, &error), "no");
	so_error_detail(&error, "Why");
	assert_string_equal(so_event_error_text(context, &error), "no. Why");
	so_error_hint(&error, "Do.");
	assert_string_equal(so_event_error_text(context, &error), "no. Why. Hint: Do.");
	so_error_detail(&error, "Why.");
	assert_string_equal(so_event_error_text(context, &error), "no. Why. Hint: Do.");
	so_error_detail(&error, "a\n ^");
	assert_string_equal(so_event_error_text(context, &error), "no\na\n ^\nHint: Do.");
	so_error_detail(&error, "%s", "");
	assert_string_equal(so_event_error_text(context, &error), "no. Hint: Do.");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_outwards),    TEST(test_propagate),
		TEST(test_order),       TEST(test_handler_of_handler),
		TEST(test_no_handlers), TEST(test_canceled),
		TEST(test_validation),  TEST(test_levels),
		TEST(test_names),       TEST(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
