/*
 * worker_agent/identity.c
 *
 * Loads the identity of this worker and guards it; see identity.h.
 *
 * Process: agent.  The lock is a lock of the kernel on SecurityDirectory/lock and
 * vanishes with the process, however it dies.
 */
#include "worker_agent/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "worker_agent/rotation.h"

#define LOCK_TRIES     10
#define LOCK_WAIT_MS   20
#define LOCK_TEXT_SIZE 32

static bool
system_error(SoError *error, SoErrorCode code, const char *place, const char *message)
{
	int reason = errno;

	so_error_set(error, code, place, "%s", message);
	return so_error_detail(error, "%s.", strerror(reason));
}

/*
 * "PID CODE": who has the lock, and the error with which the master was of no use.
 * Always as long, because it is read while it is written.
 */
static bool
write_lock(const SoIdentity *identity, const char *complaint)
{
	char text[LOCK_TEXT_SIZE];
	int length = snprintf(text, sizeof(text), "%-10d %-5s", (int) getpid(), complaint);

	return pwrite(identity->lock_fd, text, (size_t) length, 0) == length;
}

static bool
take_lock(const SoSettings *settings, SoIdentity *identity, SoError *error)
{
	char path[4096];
	char pid[LOCK_TEXT_SIZE];
	ssize_t got;

	snprintf(path, sizeof(path), "%s/lock", settings->security_directory);
	identity->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (identity->lock_fd < 0)
		return system_error(error, SO_ERR_FILE_UNWRITABLE, path, "the lock file cannot be opened");
	/* Whoever asks whether a worker runs has the lock for a moment. */
	for (int i = 0; i < LOCK_TRIES && flock(identity->lock_fd, LOCK_EX | LOCK_NB) != 0; i++)
	{
		if (errno != EWOULDBLOCK || i == LOCK_TRIES - 1)
			break;
		poll(NULL, 0, LOCK_WAIT_MS);
	}
	if (flock(identity->lock_fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno != EWOULDBLOCK)
			return system_error(error, SO_ERR_FILE_UNWRITABLE, path, "the folder cannot be locked");
		got = read(identity->lock_fd, pid, sizeof(pid) - 1);
		pid[got > 0 ? got : 0] = '\0';
		so_error_set(error, SO_ERR_AGENT_ALREADY_RUNNING, path,
					 "another worker process uses this folder");
		return so_error_detail(error, "Its process id is %d.", atoi(pid));
	}
	if (ftruncate(identity->lock_fd, 0) != 0 || !write_lock(identity, ""))
		return system_error(error, SO_ERR_FILE_UNWRITABLE, path, "the lock file cannot be written");
	return true;
}

void
so_identity_complain(const SoIdentity *identity, SoErrorCode code)
{
	if (!write_lock(identity, code == SO_OK ? "" : so_error_state(code)))
		so_log(SO_LOG_VERBOSE, "the lock file cannot be written: %s", strerror(errno));
}

/* The pid and the complaint, which may be NULL, that the lock file names; 0 when nobody has
 * the lock; inode: of the file, may be NULL. */
static pid_t
running_pid(const char *security_directory, ino_t *inode, char *complaint)
{
	struct stat facts;
	char path[4096];
	char text[LOCK_TEXT_SIZE];
	ssize_t got;
	pid_t pid = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", security_directory);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (inode != NULL)
		*inode = fstat(fd, &facts) == 0 ? facts.st_ino : 0;
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
	{
		got = read(fd, text, sizeof(text) - 1);
		text[got > 0 ? got : 0] = '\0';
		pid = atoi(text);
		if (complaint != NULL && sscanf(text, "%*d %5s", complaint) != 1)
			complaint[0] = '\0';
	}
	close(fd);
	return pid;
}

pid_t
so_identity_running_pid(const SoSettings *settings)
{
	return running_pid(settings->security_directory, NULL, NULL);
}

SoErrorCode
so_identity_running_complaint(const SoSettings *settings)
{
	char complaint[8] = "";

	if (running_pid(settings->security_directory, NULL, complaint) == 0)
		return SO_OK;
	return so_error_from_state(complaint);
}

/*
 * Does the kernel say that the process has the lock?  What the file says is text,
 * perhaps of a process that died, or of somebody who wants root to signal another
 * one.  Devices are not compared: some file systems have two numbers.
 */
static bool
has_lock(pid_t pid, ino_t inode)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	bool found = false;

	while (locks != NULL && !found && fgets(line, sizeof(line), locks) != NULL)
	{
		intmax_t holder;
		uintmax_t locked;

		/* 1: FLOCK  ADVISORY  WRITE 708 08:01:5642 0 EOF */
		found = sscanf(line, "%*d: %*s %*s WRITE %" SCNdMAX " %*x:%*x:%" SCNuMAX, &holder,
					   &locked) == 2 &&
				holder == (intmax_t) pid && locked == (uintmax_t) inode;
	}
	if (locks != NULL)
		fclose(locks);
	return found;
}

bool
so_identity_signal(const char *security_directory, int number, SoError *error)
{
	ino_t inode = 0;
	pid_t pid = running_pid(security_directory, &inode, NULL);

	if (pid <= 0)
		return so_error_set(error, SO_ERR_AGENT_NOT_RUNNING, security_directory,
							"no worker that can be seen from here uses this folder");
	if (!has_lock(pid, inode))
	{
		so_error_set(error, SO_ERR_AGENT_NOT_RUNNING, security_directory,
					 "the process that the lock file names does not have the lock");
		return so_error_detail(error, "It names process %d; /proc/locks does not.", (int) pid);
	}
	if (kill(pid, number) != 0)
	{
		so_error_set(error, SO_ERR_AGENT_NOT_RUNNING, security_directory,
					 "process %d cannot be signalled", (int) pid);
		return so_error_detail(error, "%s.", strerror(errno));
	}
	return true;
}

uint64_t
so_identity_read_epoch(const SoSettings *settings)
{
	char path[4096];
	uint64_t epoch = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/epoch", settings->security_directory);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%" SCNu64, &epoch) != 1)
		epoch = 0;
	fclose(file);
	return epoch;
}

bool
so_identity_set_epoch(SoIdentity *identity, uint64_t epoch, SoError *error)
{
	char temporary[4200];
	FILE *file;
	bool good;

	identity->epoch = epoch;
	snprintf(temporary, sizeof(temporary), "%s.new", identity->epoch_file);
	file = fopen(temporary, "we");
	if (file == NULL)
		return system_error(error, SO_ERR_FILE_UNWRITABLE, temporary, "the epoch cannot be saved");
	good = fprintf(file, "%" PRIu64 "\n", epoch) > 0;
	good = fclose(file) == 0 && good;
	if (!good || rename(temporary, identity->epoch_file) != 0)
		return system_error(error, SO_ERR_FILE_UNWRITABLE, identity->epoch_file,
							"the epoch cannot be saved");
	return true;
}

/* WorkerHttpsCertThumbprint, when set, must be that of the certificate. */
static bool
check_own_thumbprint(const SoSettings *settings, const SoIdentity *identity, SoError *error)
{
	SoThumbprint wanted;

	if (settings->worker_thumbprint[0] == '\0')
		return true;
	if (!so_thumbprint_parse(settings->worker_thumbprint, &wanted, error))
		return false;
	if (so_thumbprint_equal(&wanted, &identity->facts.thumbprint) ||
		so_rotation_installed(settings, &identity->facts.thumbprint))
		return true;
	so_error_set(error, SO_ERR_AGENT_OWN_THUMBPRINT, settings->certificate_file,
				 "the worker's certificate is not the one in the settings");
	return so_error_detail(error, "The certificate has %s, WorkerHttpsCertThumbprint is %s.",
						   identity->facts.thumbprint_text, settings->worker_thumbprint);
}

bool
so_identity_open(const SoSettings *settings, SoIdentity *identity, SoError *error)
{
	struct passwd *account = getpwuid(geteuid());

	memset(identity, 0, sizeof(*identity));
	identity->lock_fd = -1;
	if (!so_uuid_parse(settings->agent_id, &identity->agent_id))
		return so_error_set(error, SO_ERR_AGENT_SETTING_INVALID, settings->file,
							"AgentId is not a UUID");
	so_uuid_format(&identity->agent_id, identity->agent_id_text);
	if (!so_uuid_generate(&identity->instance_id, error))
		return false;
	so_uuid_format(&identity->instance_id, identity->instance_id_text);
	if (gethostname(identity->host_name, sizeof(identity->host_name) - 1) != 0)
		snprintf(identity->host_name, sizeof(identity->host_name), "localhost");
	if (account != NULL)
		snprintf(identity->user_account, sizeof(identity->user_account), "%s", account->pw_name);
	else
		snprintf(identity->user_account, sizeof(identity->user_account), "%d", (int) geteuid());
	snprintf(identity->epoch_file, sizeof(identity->epoch_file), "%s/epoch",
			 settings->security_directory);
	if (!take_lock(settings, identity, error) || !so_rotation_complete(settings, error) ||
		!so_certificate_load(settings->certificate_file, settings->key_file, &identity->pair,
							 &identity->facts, error) ||
		!check_own_thumbprint(settings, identity, error))
	{
		so_identity_close(identity);
		return false;
	}
	identity->epoch = so_identity_read_epoch(settings);
	return true;
}

void
so_identity_close(SoIdentity *identity)
{
	so_certificate_pair_free(&identity->pair);
	memset(&identity->pair, 0, sizeof(identity->pair));
	if (identity->lock_fd >= 0)
		close(identity->lock_fd);
	identity->lock_fd = -1;
}
