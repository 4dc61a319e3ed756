/*
 * client/cert.c
 *
 * scaleout cert create | request | show | check | thumbprint: certificates for
 * masters and worker agents without the openssl command.
 *
 * Process: client; no database.  create and request write files atomically and replace
 * none unless told to (common/certificate_create.h).
 */
#include "client/cert.h"

#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/command.h"
#include "client/options.h"
#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/certificate_host.h"

#define TIME_SIZE 32

static int
failed(const SoError *error)
{
	char text[4096];

	fprintf(stderr, "scaleout: %s\n", so_error_format(error, text, sizeof(text)));
	return error->code == SO_ERR_FILE_UNREADABLE ? SO_EXIT_NOT_FOUND : SO_EXIT_FAILED;
}

static const char *
format_time(time_t when, char *buffer)
{
	struct tm parts;

	buffer[0] = '\0';
	if (gmtime_r(&when, &parts) != NULL)
		strftime(buffer, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return buffer;
}

/* ---- show --------------------------------------------------------------------- */

static void
print_facts(const char *file, const SoCertificateFacts *facts)
{
	char when[TIME_SIZE];
	SoError error;

	printf("%s\n  Thumbprint  %s\n  Subject     %s\n", file, facts->thumbprint_text,
		   facts->subject);
	if (strcmp(facts->subject, facts->issuer) != 0)
		printf("  Issuer      %s\n", facts->issuer);
	if (facts->agent_id[0] != '\0')
		printf("  Agent id    %s\n", facts->agent_id);
	if (facts->name_count > 0)
		printf("  Names       ");
	for (size_t i = 0; i < facts->name_count; i++)
		printf("%s%s", facts->names[i], i + 1 < facts->name_count ? ", " : "\n");
	printf("  Not before  %s\n", format_time(facts->not_before, when));
	printf("  Not after   %s\n", format_time(facts->not_after, when));
	if (!so_certificate_check_time(facts, time(NULL), &error))
		printf("  WARNING     %s\n", error.message);
	if (facts->has_private_key)
		puts("  WARNING     the file also holds a private key: give nobody a copy of it");
}

static json_t *
facts_to_json(const char *file, const SoCertificateFacts *facts)
{
	char before[TIME_SIZE];
	char after[TIME_SIZE];
	json_t *names = json_array();

	for (size_t i = 0; i < facts->name_count; i++)
		json_array_append_new(names, json_string(facts->names[i]));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:s, s:s, s:b}", "file", file, "thumbprint",
		facts->thumbprint_text, "subject", facts->subject, "issuer", facts->issuer, "serial",
		facts->serial, "agent_id", facts->agent_id[0] ? facts->agent_id : NULL, "names", names,
		"not_before", format_time(facts->not_before, before), "not_after",
		format_time(facts->not_after, after), "has_private_key", facts->has_private_key);
}

static int
show(int argc, char **argv)
{
	bool as_json = false;
	const SoOption table[] = {{"json", 0, SO_OPTION_FLAG, &as_json, NULL, "print a JSON array"},
							  {0}};
	const SoCommandLine line = {
		.usage = "scaleout cert show [--json] FILE...",
		.description = "Prints the thumbprint, names and validity of certificates in PEM form.",
		.examples = "scaleout cert show worker.crt\n"
					"scaleout cert show --json /var/lib/scaleout/worker.crt",
		.options = table,
		.min_arguments = 1,
		.max_arguments = -1};
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);
	json_t *all;

	if (first < 0)
		return status;
	all = json_array();
	for (int i = first; i < argc; i++)
	{
		SoCertificateFacts facts;
		SoError error;

		if (!so_certificate_read_file(argv[i], &facts, &error))
			status = failed(&error);
		else if (as_json)
			json_array_append_new(all, facts_to_json(argv[i], &facts));
		else
			print_facts(argv[i], &facts);
	}
	if (as_json)
	{
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	return status;
}

static int
thumbprint(int argc, char **argv)
{
	const SoCommandLine line = {.usage = "scaleout cert thumbprint FILE",
								.description =
									"Prints the thumbprint of a certificate and nothing else.",
								.examples = "scaleout cert thumbprint /var/lib/scaleout/worker.crt",
								.min_arguments = 1,
								.max_arguments = 1};
	SoCertificateFacts facts;
	SoError error;
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (!so_certificate_read_file(argv[first], &facts, &error))
		return failed(&error);
	puts(facts.thumbprint_text);
	return SO_EXIT_SUCCESS;
}

/* ---- create --------------------------------------------------------------------- */

/* The name of this machine, qualified when the resolver knows more than its short form. */
static void
machine_name(char *buffer, size_t size)
{
	const struct addrinfo wanted = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	if (gethostname(buffer, size) != 0)
		snprintf(buffer, size, "localhost");
	buffer[size - 1] = '\0';
	if (strchr(buffer, '.') == NULL && getaddrinfo(buffer, NULL, &wanted, &found) == 0)
	{
		if (found->ai_canonname != NULL &&
			strncmp(found->ai_canonname, buffer, strlen(buffer)) == 0 &&
			found->ai_canonname[strlen(buffer)] == '.' && strlen(found->ai_canonname) < size)
			snprintf(buffer, size, "%s", found->ai_canonname);
		freeaddrinfo(found);
	}
}

static int
create(int argc, char **argv)
{
	SoStringList names = {.count = 0};
	const char *common_name = NULL;
	const char *agent_id = NULL;
	int days = SO_CERTIFICATE_DEFAULT_DAYS;
	bool force = false;
	const SoOption table[] = {
		{"name", 'n', SO_OPTION_STRING_LIST, &names, "NAME",
		 "a host name or IP address of the certificate, may be repeated; default: this machine's"},
		{"common-name", 0, SO_OPTION_STRING, &common_name, "TEXT",
		 "the subject; default: the first name"},
		{"agent-id", 0, SO_OPTION_STRING, &agent_id, "UUID", "for a worker agent: its id"},
		{"days", 0, SO_OPTION_INTEGER, &days, "N", "validity in days; default 3650"},
		{"force", 0, SO_OPTION_FLAG, &force, NULL, "replace existing files"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout cert create [OPTION]... CERTIFICATE-FILE KEY-FILE",
		.description =
			"Makes a private key and a self-signed certificate for a master or a worker agent.",
		.examples =
			"scaleout cert create --name etl2.example --name 192.0.2.7 worker.crt worker.key",
		.options = table,
		.min_arguments = 2,
		.max_arguments = 2};
	SoCertificateRequest request;
	SoCertificateFacts facts;
	SoError error;
	char machine[256];
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (names.count == 0)
	{
		machine_name(machine, sizeof(machine));
		names.items[names.count++] = machine;
	}
	request = (SoCertificateRequest){.common_name = common_name ? common_name : names.items[0],
									 .names = names.items,
									 .name_count = (size_t) names.count,
									 .agent_id = agent_id,
									 .days = days,
									 .replace = force};
	if (!so_certificate_create(&request, argv[first], argv[first + 1], &error) ||
		!so_certificate_check_files(argv[first], argv[first + 1], &facts, &error))
		return failed(&error);
	print_facts(argv[first], &facts);
	return SO_EXIT_SUCCESS;
}

/* ---- request ---------------------------------------------------------------------- */

/* The names and the agent id of a certificate that is to be replaced. */
static bool
take_like(const char *file, SoCertificateFacts *facts, SoStringList *names, const char **agent_id,
		  SoError *error)
{
	if (!so_certificate_read_file(file, facts, error))
		return false;
	for (size_t i = 0; i < facts->name_count && names->count < SO_STRING_LIST_MAX; i++)
		names->items[names->count++] = facts->names[i];
	if (*agent_id == NULL && facts->agent_id[0] != '\0')
		*agent_id = facts->agent_id;
	return true;
}

static int
make_request(int argc, char **argv)
{
	SoStringList names = {.count = 0};
	const char *like = NULL;
	const char *common_name = NULL;
	const char *agent_id = NULL;
	bool force = false;
	const SoOption table[] = {
		{"name", 'n', SO_OPTION_STRING_LIST, &names, "NAME",
		 "a host name or IP address of the certificate, may be repeated; default: this machine's"},
		{"like", 0, SO_OPTION_STRING, &like, "CERTIFICATE-FILE",
		 "with the names (and the agent id) of this certificate, too"},
		{"common-name", 0, SO_OPTION_STRING, &common_name, "TEXT",
		 "the subject; default: the first name"},
		{"agent-id", 0, SO_OPTION_STRING, &agent_id, "UUID", "for a worker agent: its id"},
		{"force", 0, SO_OPTION_FLAG, &force, NULL, "replace existing files"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout cert request [OPTION]... REQUEST-FILE KEY-FILE",
		.description = "Makes a private key and a request by which an authority makes the "
					   "certificate. A key that is there already is used.",
		.examples = "scaleout cert request --like worker.crt worker.csr new.key",
		.options = table,
		.min_arguments = 2,
		.max_arguments = 2};
	SoCertificateRequest request;
	SoCertificateFacts facts;
	SoError error;
	char machine[256];
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (like != NULL && !take_like(like, &facts, &names, &agent_id, &error))
		return failed(&error);
	if (names.count == 0)
	{
		machine_name(machine, sizeof(machine));
		names.items[names.count++] = machine;
	}
	request = (SoCertificateRequest){.common_name = common_name ? common_name : names.items[0],
									 .names = names.items,
									 .name_count = (size_t) names.count,
									 .agent_id = agent_id,
									 .days = SO_CERTIFICATE_DEFAULT_DAYS,
									 .replace = force};
	if (!so_certificate_request(&request, argv[first], argv[first + 1], &error))
		return failed(&error);
	printf("%s\n  Names       ", argv[first]);
	for (int i = 0; i < names.count; i++)
		printf("%s%s", names.items[i], i + 1 < names.count ? ", " : "\n");
	printf(
		"  Key         %s\n\nHave the request signed with these names. Then check what you get:\n"
		"  scaleout cert check CERTIFICATE-FILE %s\n",
		argv[first + 1], argv[first + 1]);
	return SO_EXIT_SUCCESS;
}

/* ---- check ----------------------------------------------------------------------- */

/* Does the certificate of a file have this name? */
static bool
check_host(const char *file, const char *key_file, const char *host, SoError *error)
{
	SoCertificatePair pair;
	bool ok;

	if (!so_certificate_load(file, key_file, &pair, NULL, error))
		return false;
	ok = so_certificate_matches_host(pair.certificate, host, error);
	so_certificate_pair_free(&pair);
	return ok;
}

static int
check(int argc, char **argv)
{
	const char *host = NULL;
	const SoOption table[] = {{"host", 0, SO_OPTION_STRING, &host, "NAME",
							   "also check that the certificate has this name"},
							  {0}};
	const SoCommandLine line = {
		.usage = "scaleout cert check [--host NAME] CERTIFICATE-FILE KEY-FILE",
		.description =
			"Checks that a certificate and its private key fit, are valid now and are kept safely.",
		.examples = "scaleout cert check --host etl.example master.crt master.key",
		.options = table,
		.min_arguments = 2,
		.max_arguments = 2};
	SoCertificateFacts facts;
	SoError error;
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (!so_certificate_check_files(argv[first], argv[first + 1], &facts, &error) ||
		!so_certificate_check_time(&facts, time(NULL), &error) ||
		(host != NULL && !check_host(argv[first], argv[first + 1], host, &error)))
		return failed(&error);
	printf("%s and %s are good. Thumbprint %s\n", argv[first], argv[first + 1],
		   facts.thumbprint_text);
	return SO_EXIT_SUCCESS;
}

/* ---- the command ------------------------------------------------------------------- */

int
so_client_cert(int argc, char **argv)
{
	static const SoCommand commands[] = {
		{"create", create, "make a private key and a self-signed certificate"},
		{"request", make_request, "make a private key and a request for an authority"},
		{"show", show, "print thumbprint, names and validity"},
		{"thumbprint", thumbprint, "print the thumbprint only"},
		{"check", check, "check a certificate with its private key"},
	};
	static const SoCommandSet set = {
		.prefix = "scaleout cert",
		.about = "Makes, requests, shows and checks certificates of masters and worker agents.",
		.commands = commands,
		.count = sizeof(commands) / sizeof(commands[0]),
		.ending = "\nExamples:\n"
				  "  scaleout cert create --name etl2.example worker.crt worker.key\n"
				  "  scaleout cert show worker.crt\n",
	};

	return so_command_run(&set, argc, argv);
}
