/*
 * bgworker/admission.h
 *
 * Takes requests of agents in: what needs no SQL is done and answered here.
 */
#ifndef BGWORKER_ADMISSION_H
#define BGWORKER_ADMISSION_H

#include "bgworker/agents.h"
#include "bgworker/tick.h"

/*
 * Take a request in: refused, answered, parked, or added to the batch.  The
 * request must live as long as the batch.
 */
extern void so_admission_request(SoMaster *master, SoBatch *batch, SoRequest *request);

/*
 * What the agent holds: valid attempts are renewed, the others are superseded
 * (but not finished ones, whose result the catalog judges).
 */
extern void so_admission_held(SoMaster *master, const SoRequest *request, SoAgent *agent);

#endif /* BGWORKER_ADMISSION_H */
