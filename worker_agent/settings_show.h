/*
 * worker_agent/settings_show.h
 *
 * Settings for people: the sample file, and what is in use.  Both are files that
 * so_settings_parse reads.
 *
 * Process: agent; no state.
 */
#ifndef WORKER_AGENT_SETTINGS_SHOW_H
#define WORKER_AGENT_SETTINGS_SHOW_H

#include <stdio.h>

#include "worker_agent/settings.h"

/* A commented file with every setting at its default. */
extern void so_settings_write_sample(FILE *to);

/* "Name = 'value'" of every setting. */
extern void so_settings_show(const SoSettings *settings, FILE *to);

#endif /* WORKER_AGENT_SETTINGS_SHOW_H */
