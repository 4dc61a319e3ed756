/*
 * worker_agent/main.c
 *
 * scaleout-worker: join, init, run, reload, rotate, show, doctor.
 *
 * Process: agent (run), or a short-lived command.
 */
#include <getopt.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/log.h"
#include "common/protocol.h"
#include "worker_agent/agent.h"
#include "worker_agent/doctor.h"
#include "worker_agent/identity.h"
#include "worker_agent/init.h"
#include "worker_agent/join.h"
#include "worker_agent/rotation.h"
#include "worker_agent/settings.h"
#include "worker_agent/settings_show.h"
#include "worker_agent/own_log.h"
#include "worker_agent/signals.h"

#define DEFAULT_DIRECTORY "/var/lib/scaleout"
#define EXIT_USAGE        2
#define EXIT_SETTINGS     78 /* EX_CONFIG: the unit does not try again */
#define ROTATE_WAIT_MS    60000
#define ROTATE_POLL_MS    100

static const char usage_text[] =
	"Usage: scaleout-worker COMMAND [OPTION]...\n"
	"Run the tasks of a scaleout master on this machine.\n"
	"\n"
	"Commands:\n"
	"  join TOKEN  make a key and a certificate, have the master trust them by a token of\n"
	"              catalog.create_enrollment_token(), and write the settings file; with - for\n"
	"              TOKEN it is read from standard input, where nobody else can see it\n"
	"  init        make a key, a certificate, an AgentId and a settings file, and say how to\n"
	"              let this worker in; nothing is overwritten\n"
	"  run         run until SIGTERM: finish running tasks, then exit; a second one kills them.\n"
	"              SIGHUP reads the settings and opens LogFile again. Exit status 78: the\n"
	"              settings are refused\n"
	"  reload      send SIGHUP to the running worker\n"
	"  rotate      replace key and certificate of the running worker; tasks go on\n"
	"  show        show identity, thumbprint and settings\n"
	"  doctor      check everything between this worker and its work: settings, key,\n"
	"              certificate, folders, the master; exit status 1 when a check has failed\n"
	"\n"
	"Options:\n"
	"  --directory DIR      folder of the worker; default " DEFAULT_DIRECTORY "\n"
	"  --config FILE        its settings; default DIR/worker.conf (not for join and init)\n"
	"  --master URL         https://HOST:PORT of the master (init)\n"
	"  --thumbprint HEX     SHA-256 thumbprint of the master's certificate (init)\n"
	"  --display-name NAME  name in catalog.worker_agents (join, init)\n"
	"  --description TEXT   free text in catalog.worker_agents (join, init)\n"
	"  --certificate FILE   use this certificate, for example one of a private authority\n"
	"                       (join, init; rotate copies it; with --key)\n"
	"  --key FILE           and its private key\n"
	"  --json               results as JSON (doctor)\n"
	"  --settings-sample    print a settings file with everything that can be set (show)\n"
	"  --help               show this help\n"
	"  --version            show the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 the command line is wrong, 78 the settings are refused.\n";

typedef struct Options
{
	const char *directory;
	const char *config;
	bool sample;
	bool json;
	char *argument;
	SoInitOptions init;
} Options;

static int
usage_error(const char *format, const char *argument)
{
	SoError error;
	char text[4000];

	so_error_set(&error, SO_ERR_AGENT_USAGE, NULL, format, argument);
	fprintf(stderr, "scaleout-worker: %s\n", so_error_format(&error, text, sizeof(text)));
	return EXIT_USAGE;
}

/* Returns false after having complained. */
static bool
parse_options(int argc, char **argv, const char *allowed, Options *options)
{
	static const struct option table[] = {
		{"directory", required_argument, NULL, 'd'},
		{"config", required_argument, NULL, 'c'},
		{"master", required_argument, NULL, 'm'},
		{"thumbprint", required_argument, NULL, 't'},
		{"display-name", required_argument, NULL, 'n'},
		{"description", required_argument, NULL, 'x'},
		{"certificate", required_argument, NULL, 'C'},
		{"key", required_argument, NULL, 'K'},
		{"settings-sample", no_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int option;

	memset(options, 0, sizeof(*options));
	options->directory = DEFAULT_DIRECTORY;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1)
	{
		if (option == '?' || option == ':' || strchr(allowed, option) == NULL)
		{
			usage_error(option == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
			return false;
		}
		switch (option)
		{
			case 'd':
				options->directory = optarg;
				break;
			case 'c':
				options->config = optarg;
				break;
			case 'm':
				options->init.master = optarg;
				break;
			case 't':
				options->init.thumbprint = optarg;
				break;
			case 'n':
				options->init.display_name = optarg;
				break;
			case 'x':
				options->init.description = optarg;
				break;
			case 'C':
				options->init.certificate = optarg;
				break;
			case 'K':
				options->init.key = optarg;
				break;
			case 's':
				options->sample = true;
				break;
			case 'j':
				options->json = true;
				break;
		}
	}
	/* '1' allows one argument. */
	if (optind < argc && strchr(allowed, '1') != NULL)
		options->argument = argv[optind++];
	if (optind < argc)
	{
		usage_error("unexpected argument %s", argv[optind]);
		return false;
	}
	return true;
}

static void
complain(const SoError *error)
{
	char text[4000];

	fprintf(stderr, "scaleout-worker: %s\n", so_error_format(error, text, sizeof(text)));
}

/* NULL after having complained about everything that is wrong. */
static SoSettings *
load_settings(TALLOC_CTX *context, const Options *options)
{
	SoSettingsErrors *errors = talloc_zero(context, SoSettingsErrors);
	char *file = talloc_asprintf(context, "%s/worker.conf", options->directory);
	SoSettings *settings;

	settings = so_settings_load(context, options->config != NULL ? options->config : file, errors);
	for (int i = 0; i < errors->count && i < SO_SETTINGS_MAX_ERRORS; i++)
		complain(&errors->errors[i]);
	if (errors->count > SO_SETTINGS_MAX_ERRORS)
		fprintf(stderr, "scaleout-worker: and %d more\n", errors->count - SO_SETTINGS_MAX_ERRORS);
	talloc_free(errors);
	talloc_free(file);
	return settings;
}

static int
run_init(int argc, char **argv)
{
	Options options;
	SoError error;

	if (!parse_options(argc, argv, "dmtnxCK", &options))
		return EXIT_USAGE;
	if (options.init.master == NULL || options.init.thumbprint == NULL)
		return usage_error("init needs %s", "--master and --thumbprint");
	options.init.directory = options.directory;
	if (so_init(&options.init, &error))
		return 0;
	complain(&error);
	return 1;
}

static int
run_join(int argc, char **argv)
{
	char token[SO_JOIN_TOKEN_SIZE];
	Options options;
	SoError error;
	bool ok;

	if (!parse_options(argc, argv, "dnxCK1", &options))
		return EXIT_USAGE;
	if (options.argument == NULL)
		return usage_error("join needs a %s", "TOKEN");
	umask(077);
	so_log_open("scaleout-worker", SO_LOG_DEFAULT_MASK);
	options.init.directory = options.directory;
	ok = so_join_token(options.argument, token, &error) && so_join(token, &options.init, &error);
	explicit_bzero(token, sizeof(token));
	if (!ok)
		complain(&error);
	return ok ? 0 : 1;
}

static int
run_agent(int argc, char **argv)
{
	TALLOC_CTX *context = talloc_new(NULL);
	Options options;
	SoSettings *settings;
	SoError error;
	int status = 1;

	if (!parse_options(argc, argv, "dc", &options))
	{
		talloc_free(context);
		return EXIT_USAGE;
	}
	umask(077);
	so_log_open("scaleout-worker", SO_LOG_DEFAULT_MASK);
	settings = load_settings(context, &options);
	if (settings == NULL)
		status = EXIT_SETTINGS;
	else if (so_own_log_open(settings, &error))
		status = so_agent_run(context, settings);
	else
		complain(&error);
	talloc_free(context);
	return status;
}

/*
 * Settings that are refused are complained about here, where somebody reads it,
 * and the worker gets its signal all the same: it keeps the old ones and opens its
 * log again, which rotation relies on.
 */
static int
run_reload(int argc, char **argv)
{
	TALLOC_CTX *context = talloc_new(NULL);
	const char *folder;
	SoSettings *settings;
	Options options;
	SoError error;
	int status = 0;

	if (!parse_options(argc, argv, "dc", &options))
	{
		talloc_free(context);
		return EXIT_USAGE;
	}
	settings = load_settings(context, &options);
	if (settings != NULL)
		folder = settings->security_directory;
	else
	{
		status = EXIT_SETTINGS;
		folder = options.config == NULL ? options.directory
										: dirname(talloc_strdup(context, options.config));
	}
	if (!so_identity_signal(folder, SIGHUP, &error))
	{
		complain(&error);
		status = 1;
	}
	talloc_free(context);
	return status;
}

/* Wait until the running worker uses another certificate than before. */
static bool
wait_rotated(const SoSettings *settings, const SoCertificateFacts *before, bool offered,
			 SoCertificateFacts *now, SoError *error)
{
	for (int i = 0; i < ROTATE_WAIT_MS / ROTATE_POLL_MS; i++)
	{
		if (so_certificate_read_file(settings->certificate_file, now, error) &&
			!so_thumbprint_equal(&before->thumbprint, &now->thumbprint))
			return true;
		/* The worker removes what the master does not take. */
		if (offered && !so_rotation_waits(settings) &&
			so_certificate_read_file(settings->certificate_file, now, error) &&
			so_thumbprint_equal(&before->thumbprint, &now->thumbprint))
			break;
		poll(NULL, 0, ROTATE_POLL_MS);
	}
	return so_error_set(error, SO_ERR_CERTIFICATE_ROTATION, settings->certificate_file,
						"the worker has not replaced its certificate yet; its log says why");
}

/* Tell the running worker to use another pair, and wait until it does. */
static bool
rotate(const SoSettings *settings, const SoInitOptions *given, SoCertificateFacts *now,
	   SoError *error)
{
	SoCertificateFacts before;

	if (so_identity_running_pid(settings) == 0)
		return so_error_set(error, SO_ERR_CERTIFICATE_ROTATION, settings->file,
							"no worker runs with these settings; it must run to be trusted anew");
	if (!so_certificate_read_file(settings->certificate_file, &before, error) ||
		(given->certificate != NULL &&
		 !so_rotation_offer(settings, given->certificate, given->key, error)))
		return false;
	return so_identity_signal(settings->security_directory, SIGUSR1, error) &&
		   wait_rotated(settings, &before, given->certificate != NULL, now, error);
}

static int
run_rotate(int argc, char **argv)
{
	TALLOC_CTX *context;
	SoCertificateFacts now;
	SoSettings *settings;
	Options options;
	SoError error;
	bool ok;

	if (!parse_options(argc, argv, "dcCK", &options))
		return EXIT_USAGE;
	if ((options.init.certificate == NULL) != (options.init.key == NULL))
		return usage_error("%s belong together", "--certificate and --key");
	umask(077);
	context = talloc_new(NULL);
	settings = load_settings(context, &options);
	ok = settings != NULL && rotate(settings, &options.init, &now, &error);
	if (ok)
		printf("The certificate is replaced; its thumbprint is %s.\n", now.thumbprint_text);
	else if (settings != NULL)
		complain(&error);
	talloc_free(context);
	return ok ? 0 : 1;
}

static void
show(const SoSettings *settings)
{
	SoCertificateFacts facts;
	SoError error;
	pid_t pid = so_identity_running_pid(settings);

	printf("# %s\n", settings->file);
	if (so_certificate_read_file(settings->certificate_file, &facts, &error))
	{
		printf("# certificate thumbprint %s\n# certificate subject    %s\n", facts.thumbprint_text,
			   facts.subject);
		for (size_t i = 0; i < facts.name_count; i++)
			printf("# certificate name       %s\n", facts.names[i]);
	}
	else
		complain(&error);
	printf("# highest epoch          %llu\n",
		   (unsigned long long) so_identity_read_epoch(settings));
	if (pid != 0)
		printf("# running                pid %d\n\n", (int) pid);
	else
		printf("# running                no\n\n");
	so_settings_show(settings, stdout);
}

static int
run_show(int argc, char **argv)
{
	TALLOC_CTX *context;
	Options options;
	SoSettings *settings;

	if (!parse_options(argc, argv, "dcs", &options))
		return EXIT_USAGE;
	if (options.sample)
	{
		so_settings_write_sample(stdout);
		return 0;
	}
	context = talloc_new(NULL);
	settings = load_settings(context, &options);
	if (settings != NULL)
		show(settings);
	talloc_free(context);
	return settings != NULL ? 0 : 1;
}

static int
run_doctor(int argc, char **argv)
{
	Options options;
	char file[4096];

	if (!parse_options(argc, argv, "dcj", &options))
		return EXIT_USAGE;
	snprintf(file, sizeof(file), "%s/worker.conf", options.directory);
	return so_doctor_run(options.config != NULL ? options.config : file, options.json);
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{"init", run_init},     {"join", run_join}, {"run", run_agent},     {"reload", run_reload},
		{"rotate", run_rotate}, {"show", run_show}, {"doctor", run_doctor},
	};

	if (argc < 2)
	{
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[argc - 1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
	{
		fputs(usage_text, stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
	{
		puts("scaleout-worker " SO_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return usage_error("unknown command %s", argv[1]);
}
