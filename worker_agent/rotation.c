/*
 * worker_agent/rotation.c
 *
 * Rotation of certificates; see rotation.h.  The new pair of the worker waits
 * in files with ".next" behind their names.  It is used when the master has
 * answered the registration that carried it; from then on the master trusts
 * both, until the worker registers with the new one.
 *
 * Process: agent, event loop thread.  After a crash before the renames the pair
 * is taken up again; between them so_rotation_complete finishes the change.
 */
#include "worker_agent/rotation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/certificate_create.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pem_file.h"
#include "worker_agent/register.h"
#include "worker_agent/signals.h"

#define WARN_BEFORE_S (30 * 24 * 3600)
#define DAY_MS        (24 * 3600 * 1000)
#define MAX_PEM       (16 * 1024)

typedef struct NextFiles
{
	char certificate[PATH_MAX];
	char key[PATH_MAX];
	char installed
		[PATH_MAX]; /* thumbprints of the certificate that a rotation puts in place, and of the one before */
} NextFiles;

static void
name_files(const SoSettings *settings, NextFiles *files)
{
	snprintf(files->certificate, sizeof(files->certificate), "%s.next", settings->certificate_file);
	snprintf(files->key, sizeof(files->key), "%s.next", settings->key_file);
	snprintf(files->installed, sizeof(files->installed), "%s/rotated",
			 settings->security_directory);
}

/* ---- the master's certificate ------------------------------------------------- */

void
so_rotation_pins(SoAgent *agent, const json_t *command)
{
	const char *url = so_master_client_url(agent->client);
	SoMasterAddress address;
	SoPins pins;
	SoError error;
	int current;

	if (!so_pins_parse(command, &pins))
	{
		so_log(SO_LOG_ERROR, "the master announces thumbprints that are not understood");
		return;
	}
	if (pins.version != agent->pins.version)
	{
		if (!so_signals_address(agent->settings, &address, &error) ||
			!so_pins_write(agent->settings, &pins, &error))
		{
			so_log_error(SO_LOG_ERROR, &error);
			return;
		}
		agent->pins = pins;
		so_pins_apply(&pins, &address);
		/* The connection stays where it is, unless that address is gone. */
		current = so_endpoint_find(&address.endpoints, url);
		address.current = current >= 0 ? current : 0;
		so_master_client_set_address(agent->client, &address);
		so_log(SO_LOG_INFORMATION,
			   "stored what the master announces: %d thumbprints are trusted%s%s",
			   pins.trusted_count, pins.endpoint.url[0] != '\0' ? ", its address is " : "",
			   pins.endpoint.url);
	}
	so_register_start(agent);
}

/* ---- the own certificate -------------------------------------------------------- */

static char *
read_text(const SoAgent *agent, const char *path)
{
	char *text = talloc_zero_size(agent, MAX_PEM + 1);
	FILE *file = fopen(path, "re");
	size_t size = file != NULL ? fread(text, 1, MAX_PEM, file) : 0;

	if (file != NULL)
		fclose(file);
	if (size > 0 && size < MAX_PEM)
		return text;
	talloc_free(text);
	return NULL;
}

/* The pair that waits, or a new one with the names of the present certificate. */
static bool
prepare_pair(SoAgent *agent, const NextFiles *files, SoError *error)
{
	const SoCertificateFacts *present = &agent->identity.facts;
	const char *names[SO_CERTIFICATE_MAX_NAMES + 1];
	SoCertificateFacts facts;
	SoCertificateRequest request = {.names = names, .days = SO_CERTIFICATE_DEFAULT_DAYS};

	if (access(files->certificate, F_OK) == 0 && access(files->key, F_OK) == 0 &&
		so_certificate_check_files(files->certificate, files->key, &facts, error))
		return true;
	for (size_t i = 0; i < present->name_count; i++)
		names[request.name_count++] = present->names[i];
	if (request.name_count == 0)
		names[request.name_count++] = agent->identity.host_name;
	request.common_name = names[0];
	request.agent_id = agent->identity.agent_id_text;
	request.replace = true;
	return so_certificate_create(&request, files->certificate, files->key, error);
}

void
so_rotation_start(SoAgent *agent)
{
	NextFiles files;
	SoError error;

	if (agent->next_certificate != NULL)
		return;
	name_files(agent->settings, &files);
	if (!prepare_pair(agent, &files, &error))
	{
		so_log_error(SO_LOG_ERROR, &error);
		return;
	}
	agent->next_certificate = read_text(agent, files.certificate);
	if (agent->next_certificate == NULL)
	{
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_FILE_UNREADABLE, "%s cannot be read",
					files.certificate);
		return;
	}
	so_log(SO_LOG_INFORMATION, "a new key and certificate are there; the master is told");
	so_register_start(agent);
}

bool
so_rotation_offer(const SoSettings *settings, const char *certificate, const char *key,
				  SoError *error)
{
	SoCertificateFacts facts;
	SoCertificateFacts present;
	NextFiles files;

	name_files(settings, &files);
	if (!so_certificate_check_files(certificate, key, &facts, error) ||
		!so_certificate_read_file(settings->certificate_file, &present, error))
		return false;
	if (so_thumbprint_equal(&facts.thumbprint, &present.thumbprint))
		return so_error_set(error, SO_ERR_CERTIFICATE_ROTATION, certificate,
							"this is the certificate that is in use");
	if (access(files.certificate, F_OK) == 0 || access(files.key, F_OK) == 0)
	{
		so_error_set(error, SO_ERR_CERTIFICATE_ROTATION, files.certificate,
					 "another certificate waits to be used");
		return so_error_hint(error, "scaleout-worker rotate, without files, finishes that first.");
	}
	if (so_pem_file_copy(key, files.key, 0600, error) &&
		so_pem_file_copy(certificate, files.certificate, 0644, error))
		return true;
	unlink(files.key);
	return false;
}

bool
so_rotation_waits(const SoSettings *settings)
{
	NextFiles files;

	name_files(settings, &files);
	return access(files.certificate, F_OK) == 0;
}

void
so_rotation_refused(SoAgent *agent, const SoError *error)
{
	NextFiles files;

	name_files(agent->settings, &files);
	so_log_error(SO_LOG_ERROR, error);
	unlink(files.certificate);
	unlink(files.key);
	talloc_free(agent->next_certificate);
	agent->next_certificate = NULL;
	agent->next_sent = false;
}

/*
 * The settings may name neither of them: until the files are renamed the present one
 * must count as well, which an earlier rotation has put there.
 */
static bool
remember_installed(const NextFiles *files, const char *next, const char *present, SoError *error)
{
	char temporary[PATH_MAX + 8];
	FILE *file;
	bool good;

	snprintf(temporary, sizeof(temporary), "%s.new", files->installed);
	file = fopen(temporary, "we");
	good = file != NULL && fprintf(file, "%s\n%s\n", next, present) > 0 && fflush(file) == 0 &&
		   fsync(fileno(file)) == 0;
	if (file != NULL)
		good = fclose(file) == 0 && good;
	if (good)
		return so_pem_file_rename(temporary, files->installed, error);
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, temporary, "the thumbprint cannot be saved");
	return so_error_detail(error, "%s.", strerror(errno));
}

/* Put the new pair in place and take it up. */
static bool
install_pair(SoAgent *agent, const NextFiles *files, SoError *error)
{
	const SoSettings *settings = agent->settings;
	SoCertificatePair pair;
	SoCertificateFacts facts;
	bool good;

	if (!so_certificate_load(files->certificate, files->key, &pair, &facts, error))
		return false;
	if (!remember_installed(files, facts.thumbprint_text, agent->identity.facts.thumbprint_text,
							error))
	{
		so_certificate_pair_free(&pair);
		return false;
	}
	SO_FAULT("rotation.remembered");
	good = so_pem_file_rename(files->key, settings->key_file, error);
	SO_FAULT("rotation.key_placed");
	if (!good || !so_pem_file_rename(files->certificate, settings->certificate_file, error))
	{
		so_certificate_pair_free(&pair);
		return false;
	}
	SO_FAULT("rotation.placed");
	/* Connections that are open hold references to the old pair. */
	so_certificate_pair_free(&agent->identity.pair);
	agent->identity.pair = pair;
	agent->identity.facts = facts;
	return true;
}

void
so_rotation_registered(SoAgent *agent)
{
	SoMasterAddress address = *so_master_client_address(agent->client);
	NextFiles files;
	SoError error;

	if (agent->next_certificate == NULL || !agent->next_sent)
		return;
	talloc_free(agent->next_certificate);
	agent->next_certificate = NULL;
	agent->next_sent = false;
	name_files(agent->settings, &files);
	if (!install_pair(agent, &files, &error))
	{
		so_log_error(SO_LOG_ERROR, &error);
		return;
	}
	so_log(SO_LOG_INFORMATION, "uses its new certificate %s",
		   agent->identity.facts.thumbprint_text);
	/* New connections show the new certificate; the registration binds it. */
	so_master_client_set_address(agent->client, &address);
	so_register_start(agent);
}

bool
so_rotation_complete(const SoSettings *settings, SoError *error)
{
	NextFiles files;
	SoCertificateFacts facts;
	SoError mismatch;

	name_files(settings, &files);
	if (access(files.certificate, F_OK) != 0 || access(files.key, F_OK) == 0 ||
		!so_certificate_check_files(files.certificate, settings->key_file, &facts, &mismatch))
		return true;
	return so_pem_file_rename(files.certificate, settings->certificate_file, error);
}

bool
so_rotation_installed(const SoSettings *settings, const SoThumbprint *thumbprint)
{
	NextFiles files;
	char text[SO_THUMBPRINT_TEXT_SIZE];
	SoThumbprint installed;
	bool found = false;
	SoError ignored;
	FILE *file;

	name_files(settings, &files);
	file = fopen(files.installed, "re");
	if (file == NULL)
		return false;
	while (!found && fscanf(file, "%64s", text) == 1)
		found = so_thumbprint_parse(text, &installed, &ignored) &&
				so_thumbprint_equal(&installed, thumbprint);
	fclose(file);
	return found;
}

/* ---- expiry -------------------------------------------------------------------------- */

void
so_rotation_check_expiry(SoAgent *agent, int64_t now_ms)
{
	const SoCertificateFacts *facts = &agent->identity.facts;
	time_t now = time(NULL);
	SoError error;

	if (agent->expiry_checked_ms != 0 && now_ms - agent->expiry_checked_ms < DAY_MS)
		return;
	agent->expiry_checked_ms = now_ms;
	if (!so_certificate_check_time(facts, now, &error))
		so_log_error(SO_LOG_WARNING, &error);
	else if (facts->not_after - now < WARN_BEFORE_S)
		so_log_code(NULL, SO_LOG_WARNING, SO_ERR_CERTIFICATE_NOT_VALID_NOW,
					"the certificate of this worker expires in %ld days; scaleout-worker rotate "
					"replaces it",
					(long) ((facts->not_after - now) / (24 * 3600)));
}
