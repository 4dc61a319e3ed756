/*
 * worker_agent/main.c
 *
 * scaleout-worker: join, init, run, reload, rotate, show, doctor.
 *
 * Process: agent (run), or a short-lived command.
 */
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
#include "worker_agent/agent.h"
#include "worker_agent/command_line.h"
#include "worker_agent/doctor.h"
#include "worker_agent/identity.h"
#include "worker_agent/init.h"
#include "worker_agent/join.h"
#include "worker_agent/rotation.h"
#include "worker_agent/settings.h"
#include "worker_agent/settings_show.h"
#include "worker_agent/own_log.h"
#include "worker_agent/signals.h"

#define EXIT_SETTINGS  78 /* EX_CONFIG: the unit does not try again */
#define ROTATE_WAIT_MS 60000
#define ROTATE_POLL_MS 100

static void
complain(const SoError *error)
{
	char text[4000];

	fprintf(stderr, "scaleout-worker: %s\n", so_error_format(error, text, sizeof(text)));
}

/* NULL after having complained about everything that is wrong. */
static SoSettings *
load_settings(TALLOC_CTX *context, const SoCommandLine *options)
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
run_init(SoCommandLine *options)
{
	SoError error;

	if (options->init.master == NULL || options->init.thumbprint == NULL)
		return so_command_line_refuse("init needs %s", "--master and --thumbprint");
	options->init.directory = options->directory;
	if (so_init(&options->init, &error))
		return 0;
	complain(&error);
	return 1;
}

static int
run_join(SoCommandLine *options)
{
	char token[SO_JOIN_TOKEN_SIZE];
	SoError error;
	bool ok;

	if (options->argument == NULL)
		return so_command_line_refuse("join needs a %s", "TOKEN");
	umask(077);
	so_log_open("scaleout-worker", SO_LOG_DEFAULT_MASK);
	options->init.directory = options->directory;
	ok = so_join_token(options->argument, token, &error) && so_join(token, &options->init, &error);
	explicit_bzero(token, sizeof(token));
	if (!ok)
		complain(&error);
	return ok ? 0 : 1;
}

static int
run_agent(SoCommandLine *options)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoSettings *settings;
	SoError error;
	int status = 1;

	umask(077);
	so_log_open("scaleout-worker", SO_LOG_DEFAULT_MASK);
	settings = load_settings(context, options);
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
run_reload(SoCommandLine *options)
{
	TALLOC_CTX *context = talloc_new(NULL);
	const char *folder;
	SoSettings *settings;
	SoError error;
	int status = 0;

	settings = load_settings(context, options);
	if (settings != NULL)
		folder = settings->security_directory;
	else
	{
		status = EXIT_SETTINGS;
		folder = options->config == NULL ? options->directory
										 : dirname(talloc_strdup(context, options->config));
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
run_rotate(SoCommandLine *options)
{
	TALLOC_CTX *context;
	SoCertificateFacts now;
	SoSettings *settings;
	SoError error;
	bool ok;

	if ((options->init.certificate == NULL) != (options->init.key == NULL))
		return so_command_line_refuse("%s belong together", "--certificate and --key");
	umask(077);
	context = talloc_new(NULL);
	settings = load_settings(context, options);
	ok = settings != NULL && rotate(settings, &options->init, &now, &error);
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
run_show(SoCommandLine *options)
{
	TALLOC_CTX *context;
	SoSettings *settings;

	if (options->sample)
	{
		so_settings_write_sample(stdout);
		return 0;
	}
	context = talloc_new(NULL);
	settings = load_settings(context, options);
	if (settings != NULL)
		show(settings);
	talloc_free(context);
	return settings != NULL ? 0 : 1;
}

static int
run_doctor(SoCommandLine *options)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/worker.conf", options->directory);
	return so_doctor_run(options->config != NULL ? options->config : file, options->json);
}

/* ---- the commands ------------------------------------------------------------------- */

static const SoWorkerCommand commands[] = {
	{.name = "join",
	 .arguments = " TOKEN",
	 .options = "dnxCK",
	 .run = run_join,
	 .summary = "make a key and a certificate, have the master trust them by a token of\n"
				"catalog.create_enrollment_token(), and write the settings file; with - for\n"
				"TOKEN it is read from standard input, where nobody else can see it",
	 .examples = "scaleout-worker join --display-name etl2 TOKEN\n"
				 "runuser -u scaleout -- scaleout-worker join -"},
	{.name = "init",
	 .arguments = " --master URL --thumbprint HEX",
	 .options = "dmtnxCK",
	 .run = run_init,
	 .summary = "make a key, a certificate, an AgentId and a settings file, and say how to\n"
				"let this worker in; nothing is overwritten",
	 .examples = "scaleout-worker init --master https://etl.example:8391 --thumbprint HEX"},
	{.name = "run",
	 .options = "dc",
	 .run = run_agent,
	 .summary = "run until SIGTERM: finish running tasks, then exit; a second one kills them.\n"
				"SIGHUP reads the settings and opens LogFile again. Exit status 78: the\n"
				"settings are refused",
	 .examples = "systemctl start scaleout-worker\n"
				 "runuser -u scaleout -- scaleout-worker run --directory /var/lib/scaleout"},
	{.name = "reload",
	 .options = "dc",
	 .run = run_reload,
	 .summary = "send SIGHUP to the running worker",
	 .examples = "scaleout-worker reload --directory /var/lib/scaleout"},
	{.name = "rotate",
	 .options = "dcCK",
	 .run = run_rotate,
	 .summary = "replace key and certificate of the running worker; tasks go on",
	 .examples = "scaleout-worker rotate\n"
				 "scaleout-worker rotate --certificate new.crt --key new.key"},
	{.name = "show",
	 .options = "dcs",
	 .run = run_show,
	 .summary = "show identity, thumbprint and settings",
	 .examples = "scaleout-worker show\n"
				 "scaleout-worker show --settings-sample"},
	{.name = "doctor",
	 .options = "dcj",
	 .run = run_doctor,
	 .summary = "check everything between this worker and its work: settings, key,\n"
				"certificate, folders, the master; exit status 1 when a check has failed",
	 .examples = "runuser -u scaleout -- scaleout-worker doctor\n"
				 "scaleout-worker doctor --config /var/lib/scaleout/worker.conf --json"},
};

int
main(int argc, char **argv)
{
	return so_command_line_run(commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
