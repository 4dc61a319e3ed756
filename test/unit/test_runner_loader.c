/*
 * test/unit/test_runner_loader.c
 *
 * scaleout-loader as a backend uses it: a child process with pipes.  Whatever
 * goes in, one JSON object on one line comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sys/wait.h>

extern int loader_main(int argc, char **argv);

#define main loader_main
#include "runner/loader_main.c"
#undef main

/* Runs the loader on input; its exit status, or -1 after a signal.  *answer is the output. */
static int
run_loader(char **arguments, const char *input, size_t length, char *answer, size_t answer_size)
{
	int to_child[2];
	int from_child[2];
	int count = 0;
	int status;
	size_t used = 0;
	size_t written = 0;
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(from_child), 0);
	while (arguments[count] != NULL)
		count++;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
	{
		dup2(to_child[0], STDIN_FILENO);
		dup2(from_child[1], STDOUT_FILENO);
		close(to_child[1]);
		close(from_child[0]);
		status = loader_main(count, arguments);
		fflush(stdout);
		_exit(status);
	}
	close(to_child[0]);
	close(from_child[1]);
	signal(SIGPIPE, SIG_IGN);
	while (written < length && (n = write(to_child[1], input + written, length - written)) > 0)
		written += (size_t) n;
	close(to_child[1]);
	while (used < answer_size - 1 &&
		   (n = read(from_child[0], answer + used, answer_size - 1 - used)) > 0)
		used += (size_t) n;
	answer[used] = '\0';
	close(from_child[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *
load(const char *input, size_t length)
{
	static char answer[1024 * 1024];
	char *arguments[] = {(char[]){"scaleout-loader"}, NULL};
	json_t *json;

	assert_int_equal(run_loader(arguments, input, length, answer, sizeof(answer)), 0);
	assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1);
	json = json_loads(answer, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "version")), SO_VERSION);
	return json;
}

static const char project_text[] =
	"{\"format_version\": 1, \"name\": \"sales\", \"project\": {\"description\": \"d\", "
	"\"parameters\": ["
	"{\"name\": \"secret\", \"type\": \"string\", \"sensitive\": true, \"value\": \"geheim\"}]},"
	"\"packages\": {\"z\": {\"name\": \"z\"}, \"load\": {\"name\": \"load\", \"version_major\": 3,"
	"\"parameters\": [{\"name\": \"n\", \"type\": \"int32\", \"value\": 5, \"description\": \"how "
	"many\"},"
	"{\"name\": \"day\", \"type\": \"datetime\", \"required\": true}],"
	"\"connections\": [{\"name\": \"w\", \"type\": \"postgres\"}],"
	"\"executables\": [{\"name\": \"q\", \"type\": \"execute_sql\", \"connection\": \"w\", "
	"\"sql\": \"select 1\"},"
	"{\"name\": \"s\", \"type\": \"sequence\"}]}}}";

static void
test_good_project(void **state)
{
	json_t *answer = load(project_text, strlen(project_text));
	json_t *packages = json_object_get(answer, "packages");
	json_t *package = json_array_get(packages, 0);
	json_t *parameters = json_object_get(package, "parameters");
	char *whole = json_dumps(answer, 0);
	json_t *again;
	char *canonical;

	(void) state;
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(json_array_size(packages), 2);
	assert_string_equal(json_string_value(json_object_get(package, "name")), "load");
	assert_int_equal(json_integer_value(json_object_get(package, "version_major")), 3);
	assert_int_equal(json_integer_value(json_object_get(package, "executable_count")), 3);
	assert_int_equal(json_string_length(json_object_get(package, "content_hash")), 64);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(package, "task_types"), 0)),
		"execute_sql");
	assert_int_equal(json_array_size(json_object_get(package, "task_types")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(parameters, 0), "default")),
					 5);
	assert_true(json_is_true(json_object_get(json_array_get(parameters, 1), "required")));
	assert_true(json_is_null(json_object_get(json_array_get(parameters, 1), "default")));
	/* the secret is nowhere, and its presence is a warning */
	assert_null(strstr(whole, "geheim"));
	assert_int_equal(json_array_size(json_object_get(answer, "findings")), 1);
	/* what it gives back loads to the same */
	canonical = json_dumps(json_object_get(answer, "canonical"), 0);
	again = load(canonical, strlen(canonical));
	assert_true(
		json_equal(json_object_get(answer, "canonical"), json_object_get(again, "canonical")));
	assert_true(json_equal(packages, json_object_get(again, "packages")));
	json_decref(again);
	json_decref(answer);
	free(canonical);
	free(whole);
}

static void
test_bad_input(void **state)
{
	static const char *const inputs[] = {"",
										 "{",
										 "[]",
										 "null",
										 "\"x\"",
										 "{\"a\": 1, \"a\": 2}",
										 "\xff\xfe",
										 "{\"format_version\": 1}",
										 "{\"format_version\": 1, \"name\": \"x\", \"packages\": "
										 "{\"a\": {\"name\": \"a\", \"nonsense\": 1}}}",
										 NULL};

	(void) state;
	for (int i = 0; inputs[i] != NULL; i++)
	{
		json_t *answer = load(inputs[i], strlen(inputs[i]));
		json_t *finding = json_array_get(json_object_get(answer, "findings"), 0);

		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_null(json_object_get(answer, "canonical"));
		assert_string_equal(json_string_value(json_object_get(finding, "severity")), "error");
		assert_true(json_string_length(json_object_get(finding, "message")) > 0);
		assert_true(json_string_length(json_object_get(finding, "hint")) > 0);
		json_decref(answer);
	}
}

static char *
repeat(const char *before, const char *format, int count, const char *after)
{
	size_t room = strlen(before) + strlen(after) + (size_t) count * (strlen(format) + 24) + 1;
	char *text = malloc(room);
	size_t used = (size_t) snprintf(text, room, "%s", before);

	for (int i = 0; i < count; i++)
		used += (size_t) snprintf(text + used, room - used, format, i == 0 ? "" : ",", i, i);
	snprintf(text + used, room - used, "%s", after);
	return text;
}

/* Large and hostile, but answered: limits come before time and memory. */
/* What the tasks themselves would find at every execution is refused; what cannot be known is not. */
static void
test_tasks_are_checked(void **state)
{
	static const struct
	{
		const char *task;
		bool found;
	} cases[] = {
		{"{\"name\": \"t\", \"type\": \"script\"}", true},
		{"{\"name\": \"t\", \"type\": \"script\", \"disable\": true}", false},
		{"{\"name\": \"t\", \"type\": \"script\", \"delay_validation\": true}", false},
		{"{\"name\": \"t\", \"type\": \"script\", "
		 "\"expressions\": {\"executable\": \"\\\"/bin/true\\\"\"}}",
		 false},
		{"{\"name\": \"t\", \"type\": \"script\", \"expressions\": {\"description\": "
		 "\"\\\"d\\\"\"}}",
		 true},
		{"{\"name\": \"t\", \"type\": \"execute_process\", \"executable\": \"/bin/true\", "
		 "\"standard_output_file\": \"/x\", \"standard_output_variable\": "
		 "\"System::PackageName\"}",
		 true},
		{"{\"name\": \"s\", \"type\": \"sequence\", \"disable\": true, \"executables\": "
		 "[{\"name\": \"t\", \"type\": \"script\"}]}",
		 false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char text[1024];
		json_t *answer;
		json_t *finding;

		snprintf(text, sizeof(text),
				 "{\"format_version\": 1, \"name\": \"x\", \"packages\": {\"p\": {\"name\": "
				 "\"p\", \"executables\": [%s]}}}",
				 cases[i].task);
		answer = load(text, strlen(text));
		finding = json_array_get(json_object_get(answer, "findings"), 0);
		if (!cases[i].found)
		{
			assert_true(json_is_true(json_object_get(answer, "ok")));
			assert_null(finding);
		}
		else
		{
			assert_true(json_is_false(json_object_get(answer, "ok")));
			assert_null(json_object_get(answer, "canonical"));
			assert_string_equal(json_string_value(json_object_get(finding, "code")), "SO825");
			assert_non_null(strstr(json_string_value(json_object_get(finding, "pointer")),
								   "/packages/p/executables/0"));
			assert_true(json_string_length(json_object_get(finding, "hint")) > 0);
		}
		json_decref(answer);
	}
}

static void
test_hostile_input(void **state)
{
	static const struct
	{
		const char *before;
		const char *format;
		int count;
		const char *after;
	} cases[] = {
		{"{\"format_version\":1,\"name\":\"x\",\"packages\":{", "%s\"p%d\":{\"name\":\"p%d\"}",
		 20000, "}}"},
		{"{\"format_version\":1,\"name\":\"x\",\"packages\":{\"a\":{\"name\":\"a\",\"executables\":"
		 "[",
		 "%s{\"name\":\"e%d\",\"type\":\"sequence\",\"id\":\"%08d-0000-0000-0000-000000000000\"}",
		 20000, "]}}}"},
		{"{\"format_version\":1,\"name\":\"x\",\"packages\":{\"a\":{\"name\":\"a\",\"executables\":"
		 "[",
		 "%s{\"name\":\"e%d\",\"type\":\"sequence\",\"after\":\"nobody%d\"}", 20000, "]}}}"},
		{"{\"format_version\":1,\"name\":\"x\",\"packages\":{\"a\":{\"name\":\"a\",\"variables\":[",
		 "%s{\"name\":\"v%d\",\"type\":\"int32\",\"description\":\"%d\"}", 20000, "]}}}"},
		{"{\"format_version\":1,\"name\":\"x\",\"packages\":{\"a\":{\"name\":\"a\"",
		 ",\"%sunknown%d\":%d", 20000, "}}}"},
	};
	char *deep = malloc(200001);

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char *text = repeat(cases[i].before, cases[i].format, cases[i].count, cases[i].after);
		char *arguments[] = {(char[]){"scaleout-loader"}, NULL};
		char *answer = malloc(64 * 1024 * 1024);

		assert_int_equal(run_loader(arguments, text, strlen(text), answer, 64 * 1024 * 1024), 0);
		assert_memory_equal(answer, "{\"version\"", 10);
		free(text);
		free(answer);
	}
	memset(deep, '[', 100000);
	memset(deep + 100000, ']', 100000);
	json_decref(load(deep, 200000));
	free(deep);
}

static void
test_arguments(void **state)
{
	static char answer[4096];
	char *limited[] = {(char[]){"scaleout-loader"}, (char[]){"--max-bytes=10"}, NULL};
	char *wrong[] = {(char[]){"scaleout-loader"}, (char[]){"--max-bytes"}, (char[]){"x"}, NULL};
	json_t *json;

	(void) state;
	assert_int_equal(
		run_loader(limited, project_text, strlen(project_text), answer, sizeof(answer)), 0);
	json = json_loads(answer, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(
							json_array_get(json_object_get(json, "findings"), 0), "code")),
						"SO614");
	json_decref(json);
	assert_int_equal(run_loader(wrong, "", 0, answer, sizeof(answer)), 64);
	assert_string_equal(answer, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_project),      cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_tasks_are_checked), cmocka_unit_test(test_hostile_input),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("runner/loader", tests, NULL, NULL);
}
