/*
 * bgworker/intake.h
 *
 * Frames of the gateway.
 */
#ifndef BGWORKER_INTAKE_H
#define BGWORKER_INTAKE_H

#include "bgworker/tick.h"

/*
 * Handle the frames that have been read, up to the limit of one turn; requests
 * go into the batch.  Returns true when more complete frames are waiting.
 */
extern bool so_intake_frames(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_INTAKE_H */
