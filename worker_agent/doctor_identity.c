/*
 * worker_agent/doctor_identity.c
 *
 * The checks of who the worker is: the account that runs it, its settings, its
 * certificate and key.  See doctor.h.
 *
 * Process: a short-lived command; reads only.  Called by root it becomes the
 * account of the service for good, because only that account's rights matter.
 */
#include "worker_agent/doctor_private.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worker_agent/identity.h"
#include "worker_agent/rotation.h"

#define EXPIRES_SOON_S (30 * 24 * 3600)

/* ---- account ---------------------------------------------------------------------- */

const char *
so_doctor_own_account(void)
{
	const struct passwd *account = getpwuid(geteuid());

	return account != NULL ? account->pw_name : "this account";
}

/* The owner of a file or folder; false when it cannot be asked for. */
static bool
owner_of(const char *path, uid_t *uid)
{
	struct stat facts;

	if (stat(path, &facts) != 0)
		return false;
	*uid = facts.st_uid;
	return true;
}

/*
 * The account of the service: that of the running process, else the owner of
 * SecurityDirectory, else that of the folder of the settings.
 */
static bool
service_account(TALLOC_CTX *context, const char *file, uid_t *uid)
{
	SoSettingsErrors *ignored = talloc_zero(context, SoSettingsErrors);
	const SoSettings *settings =
		access(file, R_OK) == 0 ? so_settings_load(context, file, ignored) : NULL;
	char path[PATH_MAX];
	pid_t pid;

	if (settings != NULL)
	{
		pid = so_identity_running_pid(settings);
		snprintf(path, sizeof(path), "/proc/%d", (int) pid);
		if (pid != 0 && owner_of(path, uid))
			return true;
		if (owner_of(settings->security_directory, uid))
			return true;
	}
	snprintf(path, sizeof(path), "%s", file);
	return owner_of(dirname(path), uid);
}

void
so_doctor_account(SoDoctor *doctor, TALLOC_CTX *context, const char *file)
{
	const struct passwd *account;
	char cure[PATH_MAX + 200];
	char name[128];
	uid_t uid;

	if (!service_account(context, file, &uid))
		return;
	account = getpwuid(uid);
	snprintf(name, sizeof(name), "%s", account != NULL ? account->pw_name : "unknown");
	if (uid == geteuid())
		so_doctor_sayf(doctor, "account", "ok", NULL, "These checks run as %s.", name);
	else if (geteuid() == 0 && account != NULL && initgroups(name, account->pw_gid) == 0 &&
			 setresgid(account->pw_gid, account->pw_gid, account->pw_gid) == 0 &&
			 setresuid(uid, uid, uid) == 0)
		so_doctor_sayf(doctor, "account", "ok", NULL,
					   "These checks run as %s, the account of the worker; root called them.",
					   name);
	else
	{
		snprintf(cure, sizeof(cure),
				 "Run it as the service does: runuser -u %s -- scaleout doctor --config %s", name,
				 file);
		so_doctor_sayf(doctor, "account", "warning", cure,
					   "These checks run as %s, but the worker belongs to %s: what the service may "
					   "read and write is not known.",
					   so_doctor_own_account(), name);
	}
}

/* ---- settings ------------------------------------------------------------------- */

static void
say_unreadable(SoDoctor *doctor, const char *file, int reason)
{
	struct stat facts;
	char cure[1024];

	if (reason == ENOENT)
		snprintf(cure, sizeof(cure),
				 "Give the worker's folder with --directory; a new worker is made by "
				 "scaleout-worker init --directory DIR --master URL --thumbprint HEX.");
	else if (stat(file, &facts) != 0)
		/* What shuts out is a folder, which is the worker's. */
		snprintf(
			cure, sizeof(cure),
			"Run the checks as root or as the account of the worker, which the row \"account\" "
			"names.");
	else if (facts.st_uid != geteuid())
		snprintf(cure, sizeof(cure),
				 "Run chown %s %s, or run the worker as the account that owns the file.",
				 so_doctor_own_account(), file);
	else
		snprintf(cure, sizeof(cure), "Run chmod 600 %s", file);
	so_doctor_sayf(doctor, "settings", "failed", cure, "SO007: %s cannot be read by %s. %s.", file,
				   so_doctor_own_account(), strerror(reason));
}

SoSettings *
so_doctor_settings(SoDoctor *doctor, TALLOC_CTX *context, const char *file)
{
	SoSettingsErrors *errors = talloc_zero(context, SoSettingsErrors);
	SoSettings *settings;

	if (access(file, R_OK) != 0)
	{
		say_unreadable(doctor, file, errno);
		return NULL;
	}
	settings = so_settings_load(context, file, errors);
	for (int i = 0; i < errors->count && i < SO_SETTINGS_MAX_ERRORS; i++)
		so_doctor_error(doctor, "settings", "failed", &errors->errors[i]);
	if (settings != NULL)
		so_doctor_sayf(doctor, "settings", "ok", NULL, "%s is valid.", file);
	return settings;
}

/* ---- what was seen ------------------------------------------------------------------ */

const char *
so_doctor_time(time_t when, char buffer[SO_DOCTOR_TIME_SIZE])
{
	struct tm parts;

	buffer[0] = '\0';
	if (gmtime_r(&when, &parts) != NULL)
		strftime(buffer, SO_DOCTOR_TIME_SIZE, "%Y-%m-%d %H:%M:%S UTC", &parts);
	return buffer;
}

const char *
so_doctor_names(const SoCertificateFacts *facts, char *buffer, size_t size)
{
	size_t used = 0;

	snprintf(buffer, size, "(none)");
	for (size_t i = 0; i < facts->name_count && used < size; i++)
		used += (size_t) snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "",
								  facts->names[i]);
	return buffer;
}

void
so_doctor_valid(SoDoctor *doctor, const char *check, const SoCertificateFacts *facts)
{
	char from[SO_DOCTOR_TIME_SIZE];
	char until[SO_DOCTOR_TIME_SIZE];

	so_doctor_sayf(doctor, check, "ok", NULL, "Valid from %s until %s, %ld more days.",
				   so_doctor_time(facts->not_before, from), so_doctor_time(facts->not_after, until),
				   (long) (facts->not_after - time(NULL)) / (24 * 3600));
}

/* ---- certificate and key ---------------------------------------------------------- */

/* What helps when certificate or key cannot be used, by the reason. */
static void
pair_cure(const SoSettings *settings, SoError *error)
{
	const char *files[] = {settings->certificate_file, settings->key_file};
	char host[256] = "localhost";
	struct stat facts;

	if (error->code == SO_ERR_KEY_EXPOSED)
	{
		so_error_hint(error, "Run chmod 600 %s", settings->key_file);
		return;
	}
	for (int i = 0; i < 2; i++)
	{
		if (access(files[i], R_OK) == 0 || errno == ENOENT || stat(files[i], &facts) != 0)
			continue;
		if (facts.st_uid == geteuid())
			so_error_hint(error, "Run chmod 600 %s", files[i]);
		else
			so_error_hint(error, "As root run chown %s %s", so_doctor_own_account(), files[i]);
		return;
	}
	/* The hint names what the file holds instead, and how to make it what it should be. */
	if (strcmp(error->hint, so_error_default_hint(error->code)) != 0)
		return;
	if (gethostname(host, sizeof(host) - 1) != 0)
		snprintf(host, sizeof(host), "localhost");
	so_error_hint(error,
				  "Restore certificate and key from their backup; or run scaleout cert create "
				  "--force --name %s %s %s and have the new one trusted, as the row \"certificate "
				  "trusted by the master\" then says.",
				  host, files[0], files[1]);
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
			 "When this is the certificate that the worker shall have, set "
			 "WorkerHttpsCertThumbprint = %s in %s; otherwise put the certificate and key with the "
			 "other thumbprint into %s and its key file.",
			 facts->thumbprint_text, settings->file, settings->certificate_file);
	so_doctor_sayf(doctor, "own thumbprint", "failed", cure,
				   "SO408: %s has the thumbprint %s, WorkerHttpsCertThumbprint is %s.",
				   settings->certificate_file, facts->thumbprint_text, settings->worker_thumbprint);
}

static void
check_own_time(SoDoctor *doctor, const SoCertificateFacts *facts)
{
	time_t now = time(NULL);
	char cure[PATH_MAX + 200];
	char when[SO_DOCTOR_TIME_SIZE];
	SoError error;

	snprintf(cure, sizeof(cure),
			 "If the clock of this machine is right, run scaleout-worker rotate --config %s while "
			 "the worker runs: it makes a new one, which the master trusts.",
			 doctor->settings->file);
	if (!so_certificate_check_time(facts, now, &error))
	{
		so_error_hint(&error, "%s", cure);
		so_doctor_error(doctor, "worker's certificate valid", "warning", &error);
	}
	else if (facts->not_after - now < EXPIRES_SOON_S)
		so_doctor_sayf(
			doctor, "worker's certificate valid", "warning", cure, "It expires in %ld days, at %s.",
			(long) (facts->not_after - now) / (24 * 3600), so_doctor_time(facts->not_after, when));
	else
		so_doctor_valid(doctor, "worker's certificate valid", facts);
}

bool
so_doctor_certificate(SoDoctor *doctor, SoCertificatePair *pair)
{
	const SoSettings *settings = doctor->settings;
	SoCertificateFacts facts;
	char names[1500];
	SoError error;

	if (!so_certificate_load(settings->certificate_file, settings->key_file, pair, &facts, &error))
	{
		pair_cure(settings, &error);
		so_doctor_error(doctor, "certificate and key", "failed", &error);
		return false;
	}
	so_doctor_sayf(doctor, "certificate and key", "ok", NULL,
				   "%s is of %s, with the names %s; its key in %s is readable by %s only.",
				   settings->certificate_file, facts.subject,
				   so_doctor_names(&facts, names, sizeof(names)), settings->key_file,
				   so_doctor_own_account());
	check_own_thumbprint(doctor, &facts);
	check_own_time(doctor, &facts);
	return true;
}
