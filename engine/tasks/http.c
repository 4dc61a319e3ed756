/*
 * engine/tasks/http.c
 *
 * The HTTP task: one request, its answer to a file or a variable.
 *
 * Process: runner and client, in a task's thread, with a connection of its
 * own.  A download appears when it is complete and is resumed after a crash.
 */
#include "engine/tasks/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/model/object_types.h"
#include "engine/tasks/download.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

static const char *const operation_names[] = {"get",    "post", "put", "patch",
											  "delete", "head", NULL};
static const char *const method_names[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};

enum
{
	GET,
	POST,
	PUT,
	PATCH,
	DELETE,
	HEAD
};

static const SoProperty http_properties[] = {
	{"connection", SO_PROPERTY_CONNECTION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Connection manager of type http.", "connection: api"},
	{"operation", SO_PROPERTY_ENUM, 0, "get", operation_names, NULL, "The request's method.",
	 "operation: post"},
	{"path", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Path on the server, from its root when it begins with /, else from the connection's URL. "
	 "What stands "
	 "behind a ? is the query and is sent as it is.",
	 "path: reports/today.csv"},
	{"headers", SO_PROPERTY_STRING_MAP, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Header lines of this request, besides the connection's.",
	 "headers: {Content-Type: application/json}"},
	{"body", SO_PROPERTY_TEXT, 0, NULL, NULL, NULL,
	 "Text to send with post, put and patch; body_file names a file with it, relative to the "
	 "package, that is "
	 "read when the package is loaded.",
	 "body: '{\"state\": \"ready\"}'"},
	{"body_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL, "Variable whose text is sent.",
	 "body_variable: \"User::request\""},
	{"upload_path", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File to send, on the machine that runs the task.", "upload_path: /srv/out/orders.csv"},
	{"local_path", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File that takes the answer; it appears when it is complete. A folder, or a path that ends in "
	 "/, keeps the "
	 "remote name.",
	 "local_path: /srv/in/today.csv"},
	{"overwrite_file_at_destination", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Replace local_path when it exists.", "overwrite_file_at_destination: true"},
	{"resume", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "get to a file: go on with the part that an earlier attempt left (name.part); If-Range makes "
	 "sure that it is "
	 "of the same version.",
	 "resume: false"},
	{"sha256", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "get to a file: it must have this SHA-256 (64 hex digits), or it is thrown away and the task "
	 "fails.",
	 "expressions: {sha256: \"@[User::checksum]\"}"},
	{"response_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the answer's body.", "response_variable: \"User::answer\""},
	{"status_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the status code; it is the execution value as well.",
	 "status_variable: \"User::status\""},
	{"success_status", SO_PROPERTY_STRING, 0, "200-299", NULL, NULL,
	 "Status codes that mean success: numbers and ranges. Others fail the task (get to a file "
	 "takes 2xx only).",
	 "success_status: \"200-299, 404\""},
	{"follow_redirects", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "Go where the server sends us, at most 10 times; user, password and token stay with the first "
	 "server.",
	 "follow_redirects: false"},
	{"maximum_output", SO_PROPERTY_INT64, 0, "16777216", NULL, NULL,
	 "Most bytes that response_variable takes.", "maximum_output: 1000000"},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the task may take in all; 0 means no limit. The connection's timeout limits "
	 "silence.",
	 "time_out: 10min"},
	{NULL}};

static const SoObjectType http_type = {"http", "HTTP task",
									   "Sends a request to a web server and keeps the answer.",
									   http_properties, &so_object_type_executable};

typedef struct HttpRun
{
	SoTaskRun *run;
	SoTransfer *transfer;
	int operation;
	const char *url;
	const char *body;
	size_t body_length;
	int upload_fd; /* -1 = none */
	int64_t upload_size;
} HttpRun;

int
so_http_status_matches(const char *list, long status)
{
	const char *p = list;
	int matches = 0;

	for (;;)
	{
		char *end;
		long low = strtol(p, &end, 10);
		long high = low;

		if (end == p || low < 100 || low > 999)
			return -1;
		p = end + strspn(end, " ");
		if (*p == '-')
		{
			high = strtol(p + 1, &end, 10);
			if (end == p + 1 || high < low || high > 999)
				return -1;
			p = end + strspn(end, " ");
		}
		if (status >= low && status <= high)
			matches = 1;
		if (*p == '\0')
			return matches;
		if (*p != ',')
			return -1;
		p++;
	}
}

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	int operation = so_object_enum(properties, "operation");
	const char *sum = so_outcome_property(properties, "sha256");
	int bodies = so_object_is_set(properties, "body") +
				 so_object_is_set(properties, "body_variable") +
				 so_object_is_set(properties, "upload_path");

	if (bodies > 1)
		so_outcome_finding(validation, false, "body",
						   "what to send is given in more than one place",
						   "Keep one of body, body_variable and upload_path.");
	if (bodies > 0 && (operation == GET || operation == HEAD || operation == DELETE))
		so_outcome_finding(validation, false, "operation", "this method sends no body",
						   "Use post, put or patch, or remove the body.");
	if (so_object_is_set(properties, "local_path") &&
		so_object_is_set(properties, "response_variable"))
		so_outcome_finding(validation, false, "response_variable",
						   "the answer cannot go to two places",
						   "Keep one of local_path and response_variable.");
	if (so_object_is_set(properties, "local_path") && operation != GET)
		so_outcome_finding(validation, false, "local_path", "only get stores the answer in a file",
						   "Use response_variable.");
	if (sum != NULL && (strlen(sum) != 64 || strspn(sum, "0123456789abcdefABCDEF") != 64))
		so_outcome_finding(validation, false, "sha256", "sha256 is not 64 hex digits", NULL);
	if (so_http_status_matches(so_object_string(properties, "success_status"), 200) < 0)
		so_outcome_finding(validation, false, "success_status",
						   "success_status is not a list of status codes",
						   "Write numbers and ranges, for example \"200-299, 404\".");
}

static struct curl_slist *
add_headers(struct curl_slist *headers, const SoField *map)
{
	for (int i = 0; i < map->count; i++)
	{
		char *line = talloc_asprintf(NULL, "%s: %s", map->names[i], map->strings[i]);

		/* A line break would begin a header of its own. */
		line[strcspn(line, "\r\n")] = '\0';
		headers = curl_slist_append(headers, line);
		talloc_free(line);
	}
	return headers;
}

/* What every request has, downloads too. */
static struct curl_slist *
configure(void *context, SoTransfer *transfer, struct curl_slist *headers)
{
	HttpRun *http = context;
	const SoObject *properties = so_task_properties(http->run);

	headers = add_headers(headers, so_object_field(transfer->properties, "headers"));
	headers = add_headers(headers, so_object_field(properties, "headers"));
	if (so_object_boolean(properties, "follow_redirects"))
	{
		curl_easy_setopt(transfer->easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_MAXREDIRS, 10L);
	}
	return headers;
}

static size_t
read_upload(char *buffer, size_t size, size_t count, void *context)
{
	HttpRun *http = context;
	ssize_t got;

	do
		got = read(http->upload_fd, buffer, size * count);
	while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t) got;
}

static int
seek_upload(void *context, curl_off_t offset, int origin)
{
	HttpRun *http = context;

	return lseek(http->upload_fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static void
set_method(HttpRun *http)
{
	CURL *easy = http->transfer->easy;

	if (http->operation == HEAD)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (http->upload_fd >= 0)
	{
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_upload);
		curl_easy_setopt(easy, CURLOPT_READDATA, http);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_upload);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, http);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) http->upload_size);
	}
	else if (http->operation == POST || http->operation == PUT || http->operation == PATCH)
	{
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) http->body_length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, http->body != NULL ? http->body : "");
	}
	if (http->operation != GET && http->operation != HEAD)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_names[http->operation]);
}

static SoErrorCode
code_for_status(long status)
{
	if (status == 401 || status == 403 || status == 407)
		return SO_ERR_TASK_LOGIN_REFUSED;
	if (status == 404 || status == 410)
		return SO_ERR_TASK_NOT_FOUND;
	return SO_ERR_TASK_TRANSFER_FAILED;
}

static bool
judge(HttpRun *http, long status, const SoTransferText *answer, SoError *error)
{
	const SoObject *properties = so_task_properties(http->run);
	const char *variable = so_outcome_property(properties, "status_variable");
	SoValue value = so_value_integer(SO_TYPE_I4, status);

	so_task_set_execution_value(http->run, &value);
	if (variable != NULL && !so_outcome_set_integer(http->run, variable, status, error))
		return false;
	if (so_http_status_matches(so_object_string(properties, "success_status"), status) == 1)
		return true;
	so_error_set(error, code_for_status(status), http->transfer->name,
				 "the server answered %s with status %ld", method_names[http->operation], status);
	return so_error_detail(error, "%.900s", answer->bytes != NULL ? answer->bytes : "");
}

static bool
request(HttpRun *http, SoError *error)
{
	const SoObject *properties = so_task_properties(http->run);
	const char *variable = so_outcome_property(properties, "response_variable");
	SoTransferText answer = {.context = so_task_context(http->run),
							 .limit = (size_t) so_object_integer(properties, "maximum_output")};
	struct curl_slist *headers;
	long status = 0;
	CURLcode code;

	if (!so_transfer_prepare(http->transfer, http->url, error))
		return false;
	headers = configure(http, http->transfer, NULL);
	set_method(http);
	curl_easy_setopt(http->transfer->easy, CURLOPT_WRITEFUNCTION, so_transfer_write_text);
	curl_easy_setopt(http->transfer->easy, CURLOPT_WRITEDATA, &answer);
	if (headers != NULL)
		curl_easy_setopt(http->transfer->easy, CURLOPT_HTTPHEADER, headers);
	http->transfer->describe = "request";
	code = so_transfer_perform(http->transfer, error);
	curl_easy_getinfo(http->transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	if (answer.overflow)
		return so_error_set(error, SO_ERR_TASK_OUTPUT_TOO_LARGE, NULL,
							"the answer is larger than maximum_output (%zu bytes)", answer.limit);
	if (code != CURLE_OK)
		return false;
	/* The body says why, also when the status means failure. */
	if (variable != NULL &&
		!so_outcome_set_text(http->run, variable, answer.bytes != NULL ? answer.bytes : "",
							 answer.length, error))
		return false;
	return judge(http, status, &answer, error);
}

/* The name that the URL ends with, for a folder as local_path. */
static const char *
local_target(HttpRun *http, const char *local, SoError *error)
{
	TALLOC_CTX *context = so_task_context(http->run);
	size_t length = strlen(local);
	const char *path = so_outcome_property(so_task_properties(http->run), "path");
	char *name;

	if (local[length - 1] != '/' && !so_file_is_directory(local))
		return local;
	name =
		talloc_strndup(context, path != NULL ? path : "", path != NULL ? strcspn(path, "?#") : 0);
	name = so_file_base_name(context, name);
	if (name[0] != '\0')
		return talloc_asprintf(context, "%s%s%s", local, local[length - 1] == '/' ? "" : "/", name);
	so_error_set(error, SO_ERR_TASK_PROPERTY, "local_path",
				 "local_path is a folder, and path has no name to keep");
	return NULL;
}

static bool
download(HttpRun *http, const char *local, SoError *error)
{
	const SoObject *properties = so_task_properties(http->run);
	const char *variable = so_outcome_property(properties, "status_variable");
	SoDownload file = {.transfer = http->transfer,
					   .url = http->url,
					   .overwrite = so_object_boolean(properties, "overwrite_file_at_destination"),
					   .resume = so_object_boolean(properties, "resume"),
					   .retries =
						   (int) so_connection_number(http->transfer->properties, "retries", 0),
					   .sha256 = so_outcome_property(properties, "sha256"),
					   .configure = configure,
					   .context = http};
	SoValue value;
	bool good;

	file.target = local_target(http, local, error);
	if (file.target == NULL)
		return false;
	http->transfer->describe =
		talloc_asprintf(so_task_context(http->run), "download of \"%s\"", file.target);
	good = so_download(&file, error);
	value = so_value_integer(SO_TYPE_I4, file.status);
	so_task_set_execution_value(http->run, &value);
	if (variable != NULL && file.status > 0)
	{
		SoError secondary;

		if (!so_outcome_set_integer(http->run, variable, file.status, &secondary) && good)
		{
			*error = secondary;
			return false;
		}
	}
	if (good)
		so_task_information(http->run, "received \"%s\": %lld bytes%s", file.target,
							(long long) file.bytes, file.resumed_at > 0 ? ", resumed" : "");
	return good;
}

/* The URL: path escaped, a query behind ? as it is. */
static const char *
url_of(HttpRun *http)
{
	TALLOC_CTX *context = so_task_context(http->run);
	const char *path = so_outcome_property(so_task_properties(http->run), "path");
	const char *query;

	if (path == NULL)
		return so_object_string(http->transfer->properties, "connection_string");
	query = strchr(path, '?');
	if (query == NULL)
		return so_transfer_url(http->transfer, path);
	return talloc_asprintf(
		context, "%s%s",
		so_transfer_url(http->transfer, talloc_strndup(context, path, (size_t) (query - path))),
		query);
}

static bool
open_body(HttpRun *http, SoError *error)
{
	const SoObject *properties = so_task_properties(http->run);
	const char *variable = so_outcome_property(properties, "body_variable");
	const char *path = so_outcome_property(properties, "upload_path");
	struct stat status;

	if (variable != NULL)
		http->body = so_outcome_variable_text(http->run, variable, error);
	else
		http->body = so_outcome_property(properties, "body");
	if (variable != NULL && http->body == NULL)
		return false;
	http->body_length = http->body != NULL ? strlen(http->body) : 0;
	if (path == NULL)
		return true;
	http->upload_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (http->upload_fd < 0 || fstat(http->upload_fd, &status) != 0)
		return so_file_error(error, "read", path, errno);
	if (!S_ISREG(status.st_mode))
		return so_error_set(error, SO_ERR_TASK_FILE, path, "\"%s\" is not a file", path);
	http->upload_size = status.st_size;
	return true;
}

static bool
prepare(HttpRun *http, SoError *error)
{
	const SoObject *properties = so_task_properties(http->run);
	const char *name = so_object_string(properties, "connection");
	int64_t limit = so_object_integer(properties, "time_out");
	const SoObject *manager = so_task_connection_properties(http->run, name, error);
	SoWait wait = {.cancel_fd = so_task_cancel_fd(http->run),
				   .time_out_ms = limit,
				   .deadline_ms = limit > 0 ? so_clock_monotonic_ms() + limit : 0};

	if (manager == NULL)
		return false;
	if (strcmp(manager->type->name, "http") != 0)
		return so_error_set(error, SO_ERR_TASK_CONNECTION_KIND, "connection",
							"connection manager \"%s\" is of type %s, not http", name,
							manager->type->name);
	http->transfer = so_transfer_new(so_task_context(http->run), manager, name, &wait, error);
	if (http->transfer == NULL)
		return false;
	http->transfer->run = http->run;
	http->url = url_of(http);
	return open_body(http, error);
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	const SoObject *properties = so_task_properties(run);
	const char *local = so_outcome_property(properties, "local_path");
	HttpRun http = {
		.run = run, .upload_fd = -1, .operation = so_object_enum(properties, "operation")};
	SoError error;
	bool good;

	so_error_clear(&error);
	good = prepare(&http, &error);
	if (good)
	{
		so_task_custom_event(
			run, "HTTPOperation", "%s %s", method_names[http.operation],
			so_outcome_property(properties, "path") ? so_object_string(properties, "path") : "");
		good = local != NULL ? download(&http, local, &error) : request(&http, &error);
	}
	so_transfer_free(http.transfer);
	if (http.upload_fd >= 0)
		close(http.upload_fd);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_http = {
	.object_type = &http_type,
	.validate = validate,
	.run = run_task,
};
