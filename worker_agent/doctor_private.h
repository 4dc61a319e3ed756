/*
 * worker_agent/doctor_private.h
 *
 * What the files of the doctor share; see doctor.h.
 *
 * Process: a short-lived command.
 */
#ifndef WORKER_AGENT_DOCTOR_PRIVATE_H
#define WORKER_AGENT_DOCTOR_PRIVATE_H

#include <talloc.h>
#include <time.h>

#include "worker_agent/doctor.h"

/* The end of a cure after which a worker must read its settings. */
#define SO_DOCTOR_RESTART "run systemctl restart scaleout-worker"

/* The name of the account that the checks run as; static, until the next call. */
extern const char *so_doctor_own_account(void);

/* Say as whom the checks run; root becomes the account of the service. */
extern void so_doctor_account(SoDoctor *doctor, TALLOC_CTX *context, const char *file);

/* The settings, allocated in context; NULL after having said everything that is wrong. */
extern SoSettings *so_doctor_settings(SoDoctor *doctor, TALLOC_CTX *context, const char *file);

/* Check and load certificate and key; false after having said what is wrong. */
extern bool so_doctor_certificate(SoDoctor *doctor, SoCertificatePair *pair);

#define SO_DOCTOR_TIME_SIZE 32

/* "2036-01-31 12:00:00 UTC"; returns buffer. */
extern const char *so_doctor_time(time_t when, char buffer[SO_DOCTOR_TIME_SIZE]);

/* The names of a certificate, "(none)" when it has none; returns buffer. */
extern const char *so_doctor_names(const SoCertificateFacts *facts, char *buffer, size_t size);

/* The check is ok: from when until when the certificate is valid. */
extern void so_doctor_valid(SoDoctor *doctor, const char *check, const SoCertificateFacts *facts);

#endif /* WORKER_AGENT_DOCTOR_PRIVATE_H */
