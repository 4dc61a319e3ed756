/*
 * worker_agent/doctor.c
 *
 * The checks of the machine itself: settings, certificate and key, folders,
 * spool, programs; and the printing.  See doctor.h.
 *
 * Process: a short-lived command; reads only.
 */
#include "worker_agent/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "worker_agent/identity.h"
#include "worker_agent/master_client.h"
#include "worker_agent/pins.h"
#include "worker_agent/rotation.h"
#include "worker_agent/signals.h"

#define LOW_SPACE_MB   100
#define LARGE_SPOOL_MB 1024
#define EXPIRES_SOON_S (30 * 24 * 3600)

void
so_doctor_say(SoDoctor *doctor, const char *check, const char *result, const char *cause,
			  const char *cure)
{
	json_array_append_new(doctor->findings,
						  json_pack("{s:s, s:s, s:s?, s:s?}", "check", check, "result", result,
									"cause", cause, "cure", cure));
	doctor->failed = doctor->failed || strcmp(result, "failed") == 0;
}

void
so_doctor_sayf(SoDoctor *doctor, const char *check, const char *result, const char *cure,
			   const char *format, ...)
{
	char cause[4000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(cause, sizeof(cause), format, arguments);
	va_end(arguments);
	so_doctor_say(doctor, check, result, cause, cure);
}

void
so_doctor_error(SoDoctor *doctor, const char *check, const char *result, const SoError *error)
{
	bool placed = error->place[0] != '\0' && strstr(error->message, error->place) == NULL;

	so_doctor_sayf(doctor, check, result,
				   error->hint[0] != '\0' ? error->hint : so_error_default_hint(error->code),
				   "%s: %s%s%s%s.%s%s", so_error_state(error->code), error->message,
				   placed ? " (" : "", placed ? error->place : "", placed ? ")" : "",
				   error->detail[0] != '\0' ? " " : "", error->detail);
}

/* ---- settings ------------------------------------------------------------------- */

static const char *
own_account(void)
{
	const struct passwd *account = getpwuid(geteuid());

	return account != NULL ? account->pw_name : "this account";
}

static const char *
account_of(uid_t uid)
{
	const struct passwd *account = getpwuid(uid);

	return account != NULL ? account->pw_name : "unknown";
}

/* The service's account is the one that owns the settings. */
static void
check_account(SoDoctor *doctor, const char *file)
{
	struct stat facts;
	char cure[512];
	char owner[128];

	if (stat(file, &facts) != 0)
		return;
	snprintf(owner, sizeof(owner), "%s", account_of(facts.st_uid));
	if (facts.st_uid == geteuid())
	{
		so_doctor_sayf(doctor, "account", "ok", NULL, "These checks run as %s.", owner);
		return;
	}
	snprintf(cure, sizeof(cure), "Run it as the service does: runuser -u %s -- scaleout doctor",
			 owner);
	so_doctor_sayf(doctor, "account", "warning", cure,
				   "These checks run as %s, but the settings belong to %s: what the service may "
				   "read and write is not known.",
				   own_account(), owner);
}

static void
say_unreadable(SoDoctor *doctor, const char *file, int reason)
{
	struct stat facts;
	char cure[1024];

	if (reason == ENOENT)
		snprintf(cure, sizeof(cure),
				 "Give the worker's folder with --directory; a new worker is made by "
				 "scaleout-worker init --directory DIR --master URL --thumbprint HEX.");
	else if (stat(file, &facts) == 0 && facts.st_uid != geteuid())
		snprintf(cure, sizeof(cure),
				 "Run chown %s %s, or run the worker as the account that owns the file.",
				 own_account(), file);
	else
		snprintf(cure, sizeof(cure), "Run chmod 600 %s", file);
	so_doctor_sayf(doctor, "settings", "failed", cure, "SO007: %s cannot be read by %s. %s.", file,
				   own_account(), strerror(reason));
}

/* NULL after having said everything that is wrong. */
static SoSettings *
check_settings(SoDoctor *doctor, TALLOC_CTX *context, const char *file)
{
	SoSettingsErrors *errors = talloc_zero(context, SoSettingsErrors);
	SoSettings *settings;

	if (access(file, R_OK) != 0)
	{
		say_unreadable(doctor, file, errno);
		return NULL;
	}
	check_account(doctor, file);
	settings = so_settings_load(context, file, errors);
	for (int i = 0; i < errors->count && i < SO_SETTINGS_MAX_ERRORS; i++)
		so_doctor_error(doctor, "settings", "failed", &errors->errors[i]);
	if (settings != NULL)
		so_doctor_sayf(doctor, "settings", "ok", NULL, "%s is valid.", file);
	return settings;
}

/* ---- certificate and key ---------------------------------------------------------- */

static void
check_key_readable(SoDoctor *doctor, const char *key_file, SoError *error)
{
	struct stat facts;
	int reason;

	if (error->code == SO_ERR_FILE_UNREADABLE && access(key_file, R_OK) != 0)
	{
		reason = errno;
		if (reason == ENOENT)
			so_error_hint(error, "Restore the key from its backup; or make a new pair with "
								 "scaleout cert create --force and have it trusted again.");
		else if (stat(key_file, &facts) == 0 && facts.st_uid != geteuid())
			so_error_hint(error, "Run chown %s %s", own_account(), key_file);
		else
			so_error_hint(error, "Run chmod 600 %s", key_file);
	}
	else if (error->code == SO_ERR_KEY_EXPOSED)
		so_error_hint(error, "Run chmod 600 %s", key_file);
	so_doctor_error(doctor, "certificate and key", "failed", error);
}

static void
check_own_thumbprint(SoDoctor *doctor, const SoCertificateFacts *facts)
{
	const SoSettings *settings = doctor->settings;
	SoThumbprint wanted;
	SoError error;
	char cure[1024];

	if (settings->worker_thumbprint[0] == '\0')
	{
		so_doctor_sayf(doctor, "own thumbprint", "ok", NULL, "It is %s.", facts->thumbprint_text);
		return;
	}
	if (!so_thumbprint_parse(settings->worker_thumbprint, &wanted, &error))
	{
		so_doctor_error(doctor, "own thumbprint", "failed", &error);
		return;
	}
	/* A rotation leaves the setting as it is. */
	if (so_thumbprint_equal(&wanted, &facts->thumbprint) ||
		so_rotation_installed(settings, &facts->thumbprint))
	{
		so_doctor_sayf(doctor, "own thumbprint", "ok", NULL,
					   "It is %s; other certificates in the folder play no part.",
					   facts->thumbprint_text);
		return;
	}
	snprintf(cure, sizeof(cure),
			 "Put the certificate and key with that thumbprint into %s, or set "
			 "WorkerHttpsCertThumbprint = %s in %s.",
			 settings->certificate_file, facts->thumbprint_text, settings->file);
	so_doctor_sayf(doctor, "own thumbprint", "failed", cure,
				   "SO408: %s has the thumbprint %s, WorkerHttpsCertThumbprint is %s.",
				   settings->certificate_file, facts->thumbprint_text, settings->worker_thumbprint);
}

static void
check_own_time(SoDoctor *doctor, const SoCertificateFacts *facts)
{
	char cure[PATH_MAX + 200];
	time_t now = time(NULL);
	SoError error;

	snprintf(cure, sizeof(cure),
			 "If the clock is right, run scaleout-worker rotate --config %s while the worker runs: "
			 "the master goes by the thumbprint and trusts this certificate still.",
			 doctor->settings->file);
	if (!so_certificate_check_time(facts, now, &error))
	{
		so_error_hint(&error, "%s", cure);
		so_doctor_error(doctor, "own certificate valid now", "warning", &error);
	}
	else if (facts->not_after - now < EXPIRES_SOON_S)
		so_doctor_sayf(doctor, "own certificate valid now", "warning", cure,
					   "It expires in %ld days.", (long) (facts->not_after - now) / (24 * 3600));
	else
		so_doctor_say(doctor, "own certificate valid now", "ok", NULL, NULL);
}

static bool
check_certificate(SoDoctor *doctor, SoCertificatePair *pair)
{
	const SoSettings *settings = doctor->settings;
	SoCertificateFacts facts;
	SoError error;

	if (!so_certificate_load(settings->certificate_file, settings->key_file, pair, &facts, &error))
	{
		check_key_readable(doctor, settings->key_file, &error);
		return false;
	}
	so_doctor_sayf(doctor, "certificate and key", "ok", NULL, "%s, %s.", settings->certificate_file,
				   facts.subject);
	check_own_thumbprint(doctor, &facts);
	check_own_time(doctor, &facts);
	return true;
}

/* ---- folders and programs --------------------------------------------------------- */

/* The folder, or the nearest one above it that exists. */
static void
existing_folder(const char *folder, char *path, size_t size)
{
	snprintf(path, size, "%s", folder);
	while (access(path, F_OK) != 0 && strrchr(path, '/') != NULL && strrchr(path, '/') != path)
		*strrchr(path, '/') = '\0';
}

static void
check_folder(SoDoctor *doctor, const char *check, const char *folder, const char *setting)
{
	char path[PATH_MAX];
	char cure[2 * PATH_MAX];
	struct statvfs space;
	unsigned long long free_mb;

	existing_folder(folder, path, sizeof(path));
	snprintf(cure, sizeof(cure), "Run chown %s %s, or set %s to a folder that %s may write.",
			 own_account(), path, setting, own_account());
	if (access(path, W_OK | X_OK) != 0)
	{
		so_doctor_sayf(doctor, check, "failed", cure, "SO008: %s cannot be written by %s. %s.",
					   path, own_account(), strerror(errno));
		return;
	}
	if (statvfs(path, &space) != 0)
	{
		so_doctor_sayf(doctor, check, "warning", NULL, "The free space in %s is not known. %s.",
					   path, strerror(errno));
		return;
	}
	free_mb = (unsigned long long) space.f_bavail * space.f_frsize / (1024 * 1024);
	snprintf(cure, sizeof(cure), "Free space there, or set %s to a folder on another file system.",
			 setting);
	if (free_mb < LOW_SPACE_MB)
		so_doctor_sayf(doctor, check, "failed", cure, "SO008: only %llu MB are free in %s.",
					   free_mb, path);
	else
		so_doctor_sayf(doctor, check, "ok", NULL, "%llu MB are free in %s.", free_mb, path);
}

static void
check_spool(SoDoctor *doctor)
{
	const char *folder = doctor->settings->spool_folder;
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	unsigned long long bytes = 0;

	if (stream == NULL)
		return;
	while ((entry = readdir(stream)) != NULL)
	{
		struct stat facts;

		if (fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(facts.st_mode))
			bytes += (unsigned long long) facts.st_size;
	}
	closedir(stream);
	so_doctor_sayf(doctor, "spool", bytes / (1024 * 1024) > LARGE_SPOOL_MB ? "warning" : "ok",
				   "It is sent as soon as the master answers; see the checks of the master.",
				   "%llu kB of reports wait for the master.", bytes / 1024);
}

static void
check_runner(SoDoctor *doctor)
{
	const char *program = doctor->settings->runner_program;

	if (access(program, X_OK) == 0)
		so_doctor_sayf(doctor, "runner program", "ok", NULL, "%s.", program);
	else
		so_doctor_sayf(doctor, "runner program", "failed",
					   so_error_default_hint(SO_ERR_AGENT_RUNNER_PROGRAM), "SO410: %s. %s.",
					   program, strerror(errno));
}

static void
check_running(SoDoctor *doctor)
{
	pid_t pid = so_identity_running_pid(doctor->settings);

	if (pid != 0)
		so_doctor_sayf(doctor, "service", "ok", NULL, "The worker runs as process %d.", (int) pid);
	else
		so_doctor_say(doctor, "service", "warning", "No worker process uses this folder.",
					  "Run systemctl start scaleout-worker, or scaleout-worker run.");
}

/* ---- all of them ------------------------------------------------------------------- */

static void
check_masters(SoDoctor *doctor)
{
	SoMasterAddress address;
	SoPins pins;
	SoError error;

	if (!so_signals_address(doctor->settings, &address, &error))
	{
		so_doctor_error(doctor, "settings", "failed", &error);
		return;
	}
	/* As the worker does it. */
	if (!so_pins_read(doctor->settings, &pins, &error))
		so_doctor_error(doctor, "announced by the master", "warning", &error);
	so_pins_apply(&pins, &address);
	for (int i = 0; i < address.endpoints.count; i++)
		so_doctor_master(doctor, &address.endpoints.endpoints[i], address.pins, address.pin_count);
}

static const char *
text_of(const json_t *finding, const char *name)
{
	const char *text = json_string_value(json_object_get(finding, name));

	return text != NULL ? text : "";
}

static void
print_findings(const SoDoctor *doctor, bool as_json)
{
	size_t index;
	const json_t *finding;

	if (as_json)
	{
		json_dumpf(doctor->findings, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
		return;
	}
	json_array_foreach(doctor->findings, index, finding)
	{
		printf("%-8s %-28s %s\n", text_of(finding, "result"), text_of(finding, "check"),
			   text_of(finding, "cause"));
		if (strcmp(text_of(finding, "result"), "ok") != 0 && text_of(finding, "cure")[0] != '\0')
			printf("%-8s %-28s cure: %s\n", "", "", text_of(finding, "cure"));
	}
}

int
so_doctor_run(const char *file, bool as_json)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoDoctor doctor = {.findings = json_array()};
	SoCertificatePair pair = {0};
	SoSettings *settings = check_settings(&doctor, context, file);

	if (settings != NULL)
	{
		doctor.settings = settings;
		if (check_certificate(&doctor, &pair))
			doctor.pair = &pair;
		check_runner(&doctor);
		check_folder(&doctor, "folder of the tasks", settings->tasks_root_folder,
					 "TasksRootFolder");
		check_folder(&doctor, "folder of the spool", settings->spool_folder,
					 "ExecutionLogCacheFolder");
		check_spool(&doctor);
		so_doctor_load(&doctor);
		check_running(&doctor);
		check_masters(&doctor);
		so_certificate_pair_free(&pair);
	}
	print_findings(&doctor, as_json);
	json_decref(doctor.findings);
	talloc_free(context);
	return doctor.failed ? 1 : 0;
}
