/*
 * worker_agent/identity.h
 *
 * Who this worker is: its id, certificate and key, the lock on its folder, and
 * the highest epoch that it has obeyed.
 *
 * Process: agent.  The lock dies with the process; the epoch file is replaced
 * atomically.
 */
#ifndef WORKER_AGENT_IDENTITY_H
#define WORKER_AGENT_IDENTITY_H

#include <stdint.h>
#include <sys/types.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/uuid.h"
#include "worker_agent/settings.h"

typedef struct SoIdentity
{
	SoUuid agent_id;
	char agent_id_text[SO_UUID_TEXT_SIZE];
	SoUuid instance_id; /* new at every start */
	char instance_id_text[SO_UUID_TEXT_SIZE];
	SoCertificatePair pair;
	SoCertificateFacts facts;
	char host_name[256];
	char user_account[256];
	int lock_fd;
	char epoch_file[4096];
	uint64_t epoch; /* highest seen, 0 before the first */
} SoIdentity;

/*
 * Take the lock and load everything.  false with *error: SO407 when another
 * process has the lock, SO408, and the errors of so_certificate_load.
 */
extern bool
so_identity_open(const SoSettings *settings, SoIdentity *identity, SoError *error) SO_WARN_UNUSED;

/* Remember a higher epoch, in memory and on disk.  false with *error when it cannot be written. */
extern bool
so_identity_set_epoch(SoIdentity *identity, uint64_t epoch, SoError *error) SO_WARN_UNUSED;

extern void so_identity_close(SoIdentity *identity);

/*
 * Note beside the lock with which error the master was of no use, SO_OK when it is
 * again, for scaleout doctor.  What cannot be noted is not.
 */
extern void so_identity_complain(const SoIdentity *identity, SoErrorCode code);

/* What the worker that runs has noted last; SO_OK when none runs. */
extern SoErrorCode so_identity_running_complaint(const SoSettings *settings);

/* The pid that has the lock of a worker's folder, 0 when none runs. */
extern pid_t so_identity_running_pid(const SoSettings *settings);

/*
 * Send a signal to the worker whose folder this is (the SecurityDirectory of its
 * settings).  SO412 when none runs or it belongs to another account.
 */
extern bool
so_identity_signal(const char *security_directory, int number, SoError *error) SO_WARN_UNUSED;

/* The epoch on disk, 0 when there is none. */
extern uint64_t so_identity_read_epoch(const SoSettings *settings);

#endif /* WORKER_AGENT_IDENTITY_H */
