/*
 * bgworker/registers.h
 *
 * Registrations of agents.
 */
#ifndef BGWORKER_REGISTERS_H
#define BGWORKER_REGISTERS_H

#include "bgworker/tick.h"

/* In the transaction: record the registrations of the batch. */
extern void so_registers_apply(SoMaster *master, SoBatch *batch);

/* After the commit: know the agents and answer them. */
extern void so_registers_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_REGISTERS_H */
