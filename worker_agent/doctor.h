/*
 * worker_agent/doctor.h
 *
 * scaleout-worker doctor: walks one list of checks on the worker's machine, from
 * its settings to the master's answer, and says for each the result, the cause
 * and the cure.  The columns are those of catalog.diagnose_scaleout().
 *
 * Process: a short-lived command; changes nothing, registers nothing.
 */
#ifndef WORKER_AGENT_DOCTOR_H
#define WORKER_AGENT_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "common/certificate.h"
#include "common/error.h"
#include "worker_agent/endpoint.h"
#include "worker_agent/settings.h"

typedef struct SoDoctor
{
	json_t *findings; /* array of {check, result, cause, cure} */
	bool failed;      /* any check has failed */
	const SoSettings *settings;
	const SoCertificatePair *pair; /* NULL when it cannot be loaded */
} SoDoctor;

/* Record a finding; cause and cure may be NULL.  result: ok, warning, failed. */
extern void so_doctor_say(SoDoctor *doctor, const char *check, const char *result,
						  const char *cause, const char *cure);

/* The same with formatted cause; the cure is plain. */
extern void
so_doctor_sayf(SoDoctor *doctor, const char *check, const char *result, const char *cure,
			   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A finding from an error: code, message, place and detail, and its hint. */
extern void
so_doctor_error(SoDoctor *doctor, const char *check, const char *result, const SoError *error);

/* Checks of one master: name, port, TLS, certificate, and what it says to us. */
extern void so_doctor_master(SoDoctor *doctor, const SoEndpoint *endpoint, const SoThumbprint *pins,
							 int pin_count);

/* The check of the load of the machine and of the control group. */
extern void so_doctor_load(SoDoctor *doctor);

/*
 * Run every check on the worker whose settings stand in file and print the
 * findings, as JSON when asked for.  Returns the exit status: 0, or 1 when a
 * check has failed.
 */
extern int so_doctor_run(const char *file, bool as_json);

#endif /* WORKER_AGENT_DOCTOR_H */
