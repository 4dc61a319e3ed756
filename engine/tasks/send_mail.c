/*
 * engine/tasks/send_mail.c
 *
 * The Send Mail task: one message by SMTP, with attachments.
 *
 * Process: runner and client, in a task's thread, with a connection of its
 * own.  The server has the message when it said so, or does not have it; only
 * a cut between the two leaves a doubt, and the error says so.
 */
#include "engine/tasks/send_mail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/connections/transfer.h"
#include "engine/model/object_types.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

#define MAX_MESSAGE ((size_t) 16 * 1024 * 1024)

static const char *const priority_names[] = {"high", "normal", "low", NULL};

static const SoProperty send_mail_properties[] = {
	{"connection", SO_PROPERTY_CONNECTION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Connection manager of type smtp.", "connection: mail"},
	{"from", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Sender: an address, or a name with the address in angle brackets.",
	 "from: \"Loads <etl@example.org>\""},
	{"to", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Recipients, separated by semicolons or commas.", "to: \"ops@example.org; dba@example.org\""},
	{"cc", SO_PROPERTY_STRING, 0, NULL, NULL, NULL, "Recipients of a copy.",
	 "cc: lead@example.org"},
	{"bcc", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Recipients of a copy that the others do not see.", "bcc: archive@example.org"},
	{"subject", SO_PROPERTY_STRING, 0, "", NULL, NULL, "Subject.",
	 "subject: The night's load is done"},
	{"priority", SO_PROPERTY_ENUM, 0, "normal", priority_names, NULL, "Priority.",
	 "priority: high"},
	{"message_source", SO_PROPERTY_TEXT, 0, NULL, NULL, NULL,
	 "Text of the message; message_source_file names a file with it, relative to the package, that "
	 "is read when "
	 "the package is loaded.",
	 "message_source: All tables are loaded."},
	{"message_source_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that holds the text.", "message_source_variable: \"User::report\""},
	{"message_source_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager whose file holds the text, read when the task runs.",
	 "message_source_connection: report"},
	{"html", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL, "The text is HTML.", "html: true"},
	{"attachments", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Files to attach, on the machine that runs the task; they must exist.",
	 "attachments: [/srv/out/report.pdf]"},
	{"file_attachments", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "More files to attach, separated by |, as in SSIS; can be given by an expression.",
	 "expressions: {file_attachments: \"@[User::path]\"}"},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long sending may take; 0 means the connection's timeout.", "time_out: 2min"},
	{NULL}};

static const SoObjectType send_mail_type = {"send_mail", "Send Mail task",
											"Sends a message by SMTP.", send_mail_properties,
											&so_object_type_executable};

typedef struct Mail
{
	SoTaskRun *run;
	SoTransfer *transfer;
	char *sender;                  /* bare address */
	struct curl_slist *recipients; /* bare addresses */
	struct curl_slist *headers;
	curl_mime *mime;
} Mail;

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	int texts = so_object_is_set(properties, "message_source") +
				so_object_is_set(properties, "message_source_variable") +
				so_object_is_set(properties, "message_source_connection");

	if (!so_object_is_set(properties, "to") && !so_object_is_set(properties, "cc") &&
		!so_object_is_set(properties, "bcc"))
		so_outcome_finding(validation, false, "to", "the message has no recipient",
						   "Give one of to, cc and bcc.");
	if (texts > 1)
		so_outcome_finding(
			validation, false, "message_source", "the text is given in more than one place",
			"Keep one of message_source, message_source_variable and message_source_connection.");
}

/* "Name <address>" as a header value. */
static char *
name_and_address(TALLOC_CTX *context, const char *text, const char *address)
{
	char *name = talloc_strndup(context, text, strcspn(text, "<"));
	size_t length;

	name += strspn(name, " \t");
	length = strlen(name);
	while (length > 0 && strchr(" \t", name[length - 1]) != NULL)
		name[--length] = '\0';
	if (length == 0)
		return talloc_strdup(context, address);
	return talloc_asprintf(context, "%s <%s>", so_send_mail_header(context, name), address);
}

/* Add the addresses of a list; *shown gets the list as a header value, encoded. */
static bool
add_recipients(Mail *mail, const char *property, bool show, SoError *error)
{
	TALLOC_CTX *context = so_task_context(mail->run);
	const char *text = so_outcome_property(so_task_properties(mail->run), property);
	char *shown = talloc_strdup(context, "");

	while (text != NULL && *text != '\0')
	{
		size_t length = strcspn(text, ";,");
		char *one = talloc_strndup(context, text, length);
		char *address;

		text += length + (text[length] != '\0');
		if (strspn(one, " \t") == strlen(one))
			continue;
		address = so_send_mail_address(context, one);
		if (address == NULL)
			return so_error_set(error, SO_ERR_TASK_PROPERTY, property,
								"\"%s\" is not a mail address", one);
		mail->recipients = curl_slist_append(mail->recipients, address);
		shown = talloc_asprintf_append_buffer(
			shown, "%s%s", shown[0] != '\0' ? ",\r\n " : "",
			strchr(one, '<') != NULL ? name_and_address(context, one, address) : address);
	}
	if (show && shown[0] != '\0')
		mail->headers = curl_slist_append(
			mail->headers,
			talloc_asprintf(context, "%s: %s", strcmp(property, "to") == 0 ? "To" : "Cc", shown));
	return true;
}

/* "Sat, 21 Nov 2026 22:00:00 +0000", whatever the locale. */
static char *
date_header(TALLOC_CTX *context)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
										 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	return talloc_asprintf(context, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000",
						   days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900,
						   utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static bool
add_headers(Mail *mail, SoError *error)
{
	TALLOC_CTX *context = so_task_context(mail->run);
	const SoObject *properties = so_task_properties(mail->run);
	const char *from = so_object_string(properties, "from");
	int priority = so_object_enum(properties, "priority");
	static const char *const priorities[] = {"X-Priority: 1", "X-Priority: 3", "X-Priority: 5"};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	mail->sender = so_send_mail_address(context, from);
	if (mail->sender == NULL)
		return so_error_set(error, SO_ERR_TASK_PROPERTY, "from", "\"%s\" is not a mail address",
							from);
	mail->headers = curl_slist_append(NULL, date_header(context));
	mail->headers = curl_slist_append(
		mail->headers,
		talloc_asprintf(context, "From: %s",
						strchr(from, '<') != NULL ? name_and_address(context, from, mail->sender)
												  : mail->sender));
	if (!add_recipients(mail, "to", true, error) || !add_recipients(mail, "cc", true, error) ||
		!add_recipients(mail, "bcc", false, error))
		return false;
	if (mail->recipients == NULL)
		return so_error_set(error, SO_ERR_TASK_PROPERTY, "to", "the message has no recipient");
	mail->headers = curl_slist_append(
		mail->headers,
		talloc_asprintf(context, "Subject: %s",
						so_send_mail_header(context, so_object_string(properties, "subject"))));
	mail->headers = curl_slist_append(mail->headers,
									  talloc_asprintf(context, "Message-ID: <%lld.%ld.%d.%d@%s>",
													  (long long) now.tv_sec, now.tv_nsec, getpid(),
													  gettid(), strchr(mail->sender, '@') + 1));
	mail->headers = curl_slist_append(mail->headers, priorities[priority]);
	return true;
}

static const char *
message_text(Mail *mail, SoError *error)
{
	const SoObject *properties = so_task_properties(mail->run);
	const char *variable = so_outcome_property(properties, "message_source_variable");
	const char *connection = so_outcome_property(properties, "message_source_connection");
	const SoObject *manager;

	if (variable != NULL)
		return so_outcome_variable_text(mail->run, variable, error);
	if (connection != NULL)
	{
		manager = so_task_connection_properties(mail->run, connection, error);
		return manager == NULL
				   ? NULL
				   : so_outcome_read_file(so_task_context(mail->run),
										  so_object_string(manager, "connection_string"),
										  MAX_MESSAGE, NULL, error);
	}
	return so_object_string(properties, "message_source") != NULL
			   ? so_object_string(properties, "message_source")
			   : "";
}

/* Lines of mail end in CR LF; a bare newline would be encoded as data. */
static char *
with_line_ends(TALLOC_CTX *context, const char *text)
{
	char *lines = talloc_array(context, char, strlen(text) * 2 + 1);
	size_t used = 0;

	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '\n' && (p == text || p[-1] != '\r'))
			lines[used++] = '\r';
		lines[used++] = *p;
	}
	lines[used] = '\0';
	return lines;
}

static bool
attach(Mail *mail, const char *path, SoError *error)
{
	curl_mimepart *part;

	if (access(path, R_OK) != 0)
		return so_file_error(error, "attach", path, errno);
	if (so_file_is_directory(path))
		return so_error_set(error, SO_ERR_TASK_FILE, path, "cannot attach \"%s\": it is a folder",
							path);
	part = curl_mime_addpart(mail->mime);
	if (part == NULL || curl_mime_filedata(part, path) != CURLE_OK ||
		curl_mime_encoder(part, "base64") != CURLE_OK)
		return so_error_set(error, SO_ERR_TASK_FILE, path, "cannot attach \"%s\"", path);
	return true;
}

static bool
add_parts(Mail *mail, SoError *error)
{
	TALLOC_CTX *context = so_task_context(mail->run);
	const SoObject *properties = so_task_properties(mail->run);
	const SoField *list = so_object_field(properties, "attachments");
	const char *more = so_outcome_property(properties, "file_attachments");
	const char *text = message_text(mail, error);
	curl_mimepart *part;

	if (text == NULL)
		return false;
	mail->mime = curl_mime_init(mail->transfer->easy);
	part = mail->mime != NULL ? curl_mime_addpart(mail->mime) : NULL;
	if (part == NULL ||
		curl_mime_data(part, with_line_ends(context, text), CURL_ZERO_TERMINATED) != CURLE_OK ||
		curl_mime_type(part, so_object_boolean(properties, "html")
								 ? "text/html; charset=utf-8"
								 : "text/plain; charset=utf-8") != CURLE_OK ||
		curl_mime_encoder(part, "quoted-printable") != CURLE_OK)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for the message");
	for (int i = 0; i < list->count; i++)
	{
		if (!attach(mail, list->strings[i], error))
			return false;
	}
	while (more != NULL && *more != '\0')
	{
		size_t length = strcspn(more, "|");

		if (length > 0 && !attach(mail, talloc_strndup(context, more, length), error))
			return false;
		more += length + (more[length] == '|');
	}
	return true;
}

static bool
deliver(Mail *mail, SoError *error)
{
	CURL *easy = mail->transfer->easy;
	CURLcode code;

	if (!so_transfer_prepare(mail->transfer, mail->transfer->base, error) ||
		!add_headers(mail, error) || !add_parts(mail, error))
		return false;
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM,
					 talloc_asprintf(so_task_context(mail->run), "<%s>", mail->sender));
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, mail->recipients);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, mail->headers);
	curl_easy_setopt(easy, CURLOPT_MIMEPOST, mail->mime);
	mail->transfer->describe = "sending the message";
	code = so_transfer_perform(mail->transfer, error);
	if (code != CURLE_OK && error->code == SO_ERR_TASK_TRANSFER_FAILED)
		error->code = SO_ERR_TASK_MAIL;
	return code == CURLE_OK;
}

static bool
prepare(Mail *mail, SoError *error)
{
	const SoObject *properties = so_task_properties(mail->run);
	const char *name = so_object_string(properties, "connection");
	const SoObject *manager = so_task_connection_properties(mail->run, name, error);
	int64_t limit = so_object_integer(properties, "time_out");
	SoWait wait = {.cancel_fd = so_task_cancel_fd(mail->run)};

	if (manager == NULL)
		return false;
	if (strcmp(manager->type->name, "smtp") != 0)
		return so_error_set(error, SO_ERR_TASK_CONNECTION_KIND, "connection",
							"connection manager \"%s\" is of type %s, not smtp", name,
							manager->type->name);
	if (limit == 0)
		limit = so_connection_number(manager, "timeout", 0);
	wait.time_out_ms = limit;
	wait.deadline_ms = limit > 0 ? so_clock_monotonic_ms() + limit : 0;
	mail->transfer = so_transfer_new(so_task_context(mail->run), manager, name, &wait, error);
	return mail->transfer != NULL;
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	Mail mail = {.run = run};
	SoError error;
	bool good;

	so_error_clear(&error);
	so_task_custom_event(run, "SendMailTaskBegin", "sending \"%s\"",
						 so_object_string(so_task_properties(run), "subject"));
	good = prepare(&mail, &error) && deliver(&mail, &error);
	if (good)
		so_task_custom_event(run, "SendMailTaskEnd", "the server took the message");
	if (mail.mime != NULL)
		curl_mime_free(mail.mime);
	curl_slist_free_all(mail.headers);
	curl_slist_free_all(mail.recipients);
	so_transfer_free(mail.transfer);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_send_mail = {
	.object_type = &send_mail_type,
	.validate = validate,
	.run = run_task,
};
