/*
 * worker_agent/doctor.c
 *
 * The checks of the machine itself: folders, spool, programs, service; the order
 * of all checks, and the printing.  See doctor.h.
 *
 * Process: a short-lived command; reads only.
 */
#include "worker_agent/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "worker_agent/doctor_private.h"
#include "worker_agent/identity.h"
#include "worker_agent/pins.h"
#include "worker_agent/root_account.h"
#include "worker_agent/signals.h"

#define LOW_SPACE_MB   100
#define LARGE_SPOOL_MB 1024

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

/* ---- folders and programs --------------------------------------------------------- */

/* The folder, or the nearest one above it that exists. */
static void
existing_folder(const char *folder, char *path, size_t size)
{
	snprintf(path, size, "%s", folder);
	while (access(path, F_OK) != 0 && strrchr(path, '/') != NULL && strrchr(path, '/') != path)
		*strrchr(path, '/') = '\0';
}

/* Why the folder cannot be written, as something to do about it. */
static void
folder_cure(const SoDoctor *doctor, const char *path, const char *setting, int reason, char *cure,
			size_t size)
{
	struct stat facts;

	if (reason != EROFS && stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode))
		snprintf(cure, size, "Set %s = FOLDER in %s: %s is a file.", setting,
				 doctor->settings->file, path);
	else if (reason == EROFS)
		snprintf(cure, size, "Set %s in %s to a folder on a file system that can be written.",
				 setting, doctor->settings->file);
	else if (stat(path, &facts) == 0 && facts.st_uid == geteuid())
		snprintf(cure, size, "Run chmod u+rwx %s", path);
	else
		snprintf(cure, size,
				 "As root run chown %s %s, or set %s in %s to a folder that %s may write.",
				 so_doctor_own_account(), path, setting, doctor->settings->file,
				 so_doctor_own_account());
}

static void
check_folder(SoDoctor *doctor, const char *check, const char *folder, const char *setting)
{
	char path[PATH_MAX];
	char cure[3 * PATH_MAX];
	struct statvfs space;
	unsigned long long free_mb;
	int reason;

	existing_folder(folder, path, sizeof(path));
	if (access(path, W_OK | X_OK) != 0)
	{
		reason = errno;
		folder_cure(doctor, path, setting, reason, cure, sizeof(cure));
		so_doctor_sayf(doctor, check, "failed", cure, "SO008: %s cannot be written by %s. %s.",
					   path, so_doctor_own_account(), strerror(reason));
		return;
	}
	if (statvfs(path, &space) != 0)
	{
		so_doctor_sayf(doctor, check, "failed", "Look at the file system of this folder.",
					   "SO003: the free space in %s cannot be asked for. %s.", path,
					   strerror(errno));
		return;
	}
	free_mb = (unsigned long long) space.f_bavail * space.f_frsize / (1024 * 1024);
	snprintf(cure, sizeof(cure),
			 "Free space there: run du -ax \"$(df --output=target %s | tail -n 1)\" | sort -n | "
			 "tail to see what takes it; or set %s in "
			 "%s to a folder on another file system.",
			 path, setting, doctor->settings->file);
	if (free_mb < LOW_SPACE_MB)
		so_doctor_sayf(doctor, check, "failed", cure,
					   "SO008: only %llu MB are free in %s, less than %d MB.", free_mb, path,
					   LOW_SPACE_MB);
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
	const char *installed = SO_PROGRAM_DIRECTORY "/scaleout-runner";
	char cure[2 * PATH_MAX];
	int reason;

	if (access(program, X_OK) == 0)
	{
		so_doctor_sayf(doctor, "runner program", "ok", NULL, "%s can be executed.", program);
		return;
	}
	reason = errno;
	if (access(installed, X_OK) == 0)
		snprintf(cure, sizeof(cure), "Set RunnerProgram = %s in %s, then " SO_DOCTOR_RESTART,
				 installed, doctor->settings->file);
	else
		snprintf(cure, sizeof(cure), "%s", so_error_default_hint(SO_ERR_AGENT_RUNNER_PROGRAM));
	so_doctor_sayf(doctor, "runner program", "failed", cure, "SO410: %s. %s.", program,
				   strerror(reason));
}

/* After the checks have become the account of the service. */
static void
check_root(SoDoctor *doctor)
{
	SoError error;

	if (!so_root_account_is_ours())
		return;
	so_error_set(&error, SO_ERR_AGENT_ROOT, NULL,
				 "the worker runs as root, and so do the programs of all packages");
	if (doctor->settings->allow_root)
		so_doctor_say(doctor, "not root", "ok", "It runs as root, and AllowRoot is true.", NULL);
	else
		so_doctor_error(doctor, "not root", "warning", &error);
}

static void
check_running(SoDoctor *doctor)
{
	pid_t pid = so_identity_running_pid(doctor->settings);
	char cure[PATH_MAX + 200];

	snprintf(cure, sizeof(cure),
			 "Run systemctl start scaleout-worker, or without systemd scaleout-worker run "
			 "--config %s",
			 doctor->settings->file);
	if (pid != 0)
		so_doctor_sayf(doctor, "service", "ok", NULL, "The worker runs as process %d.", (int) pid);
	else
		so_doctor_say(doctor, "service", "warning", "No worker process uses this folder.", cure);
}

/* ---- all of them ------------------------------------------------------------------- */

/*
 * One endpoint leads to the master.  That nobody listens at the others is how it is
 * with a standby; every other fault there waits for the next failover.
 */
static void
forgive_unreachable(SoDoctor *doctor)
{
	size_t index;
	json_t *finding;

	doctor->failed = false;
	json_array_foreach(doctor->findings, index, finding)
	{
		const char *check = json_string_value(json_object_get(finding, "check"));
		json_t *cure = json_object_get(finding, "cure");

		if (strcmp(json_string_value(json_object_get(finding, "result")), "failed") != 0)
			continue;
		if (strcmp(check, "port answers") != 0 && strcmp(check, "endpoint resolves") != 0)
		{
			doctor->failed = true;
			continue;
		}
		json_object_set_new(finding, "result", json_string("warning"));
		json_object_set_new(
			finding, "cure",
			json_sprintf(
				"The master answers at another endpoint: nothing is to be done if this one "
				"is a standby's. Otherwise: %s",
				json_is_string(cure) ? json_string_value(cure) : ""));
	}
}

static void
check_masters(SoDoctor *doctor)
{
	SoMasterAddress address;
	bool reached = false;
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
	{
		bool failed = doctor->failed;

		doctor->failed = false;
		so_doctor_master(doctor, &address.endpoints.endpoints[i], address.pins, address.pin_count);
		reached = reached || !doctor->failed;
		doctor->failed = doctor->failed || failed;
	}
	if (reached && doctor->failed)
		forgive_unreachable(doctor);
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
	SoSettings *settings;

	so_doctor_account(&doctor, context, file);
	settings = so_doctor_settings(&doctor, context, file);
	if (settings != NULL)
	{
		doctor.settings = settings;
		if (so_doctor_certificate(&doctor, &pair))
			doctor.pair = &pair;
		check_root(&doctor);
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
