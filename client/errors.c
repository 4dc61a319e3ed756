/*
 * client/errors.c
 *
 * scaleout errors [CODE...]: explains error codes from the one error table, and
 * writes docs/errors.md from it (--markdown).
 *
 * Process: client; reads constant data only.
 */
#include "client/errors.h"

#include <stdio.h>
#include <string.h>

#include "client/options.h"
#include "common/error.h"

/* The rooms, by the third character of a code. */
static const char *const rooms[] = {"Any process",           "Catalog",
									"Master and protocol",   "Certificates and identity",
									"Worker agent",          "Run-time of packages",
									"Package documents",     "Expressions",
									"Tasks and connections", "Client"};

static void
write_row(FILE *stream, SoErrorCode code)
{
	char http[8] = "-"; /* never the answer to a request */

	if (so_error_http_status(code) != 0)
		snprintf(http, sizeof(http), "%d", so_error_http_status(code));
	fprintf(stream, "| %s | %s | %s | %s | %s |\n", so_error_state(code), so_error_summary(code),
			so_error_default_hint(code), http, so_error_retryable(code) ? "yes" : "no");
}

void
so_errors_write_markdown(FILE *stream)
{
	fputs("# What does this error code mean?\n\n"
		  "Every error of scaleout has a code of five characters, which is also its SQLSTATE. The "
		  "same table serves SQL\n"
		  "errors, HTTP answers, agent logs and the client; this page is made from it (`scaleout "
		  "errors --markdown`).\n"
		  "`scaleout errors SO302` shows one code. *Retry* says whether the same request may "
		  "succeed later.\n",
		  stream);
	for (char room = '0'; room <= '9'; room++)
	{
		fprintf(stream,
				"\n## %s\n\n| code | meaning | what to do | HTTP | retry |\n| --- | --- | --- | "
				"--- | --- |\n",
				rooms[room - '0']);
		for (int code = 1; code < SO_ERROR_COUNT; code++)
		{
			const char *state = so_error_state((SoErrorCode) code);

			if (state[2] == room)
				write_row(stream, (SoErrorCode) code);
		}
	}
}

/* "SO815", "so815" or "815"; SO_OK when there is none. */
static SoErrorCode
find(const char *text)
{
	char state[6];

	if (strncasecmp(text, "SO", 2) == 0)
		text += 2;
	if (strlen(text) != 3)
		return SO_OK;
	snprintf(state, sizeof(state), "SO%s", text);
	return so_error_from_state(state);
}

int
so_client_errors(int argc, char **argv)
{
	bool markdown = false;
	const SoOption table[] = {
		{"markdown", 0, SO_OPTION_FLAG, &markdown, NULL, "write the whole table as Markdown"}, {0}};
	const SoCommandLine line = {.usage = "scaleout errors [--markdown] [CODE]...",
								.description =
									"Explains error codes; all of them when none is given.",
								.examples = "scaleout errors SO420",
								.options = table,
								.min_arguments = 0,
								.max_arguments = -1};
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (markdown)
	{
		so_errors_write_markdown(stdout);
		return SO_EXIT_SUCCESS;
	}
	for (int code = 1; first == argc && code < SO_ERROR_COUNT; code++)
		printf("%s  %s\n", so_error_state((SoErrorCode) code),
			   so_error_summary((SoErrorCode) code));
	for (int i = first; i < argc; i++)
	{
		SoErrorCode code = find(argv[i]);

		if (code == SO_OK)
		{
			fprintf(stderr, "scaleout: %s: there is no error code \"%s\"\n",
					so_error_state(SO_ERR_CLIENT_NOT_FOUND), argv[i]);
			status = SO_EXIT_NOT_FOUND;
		}
		else
			printf("%s  %s\n       %s\n", so_error_state(code), so_error_summary(code),
				   so_error_default_hint(code));
	}
	return status;
}
