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

#endif /* WORKER_AGENT_DOCTOR_PRIVATE_H */
