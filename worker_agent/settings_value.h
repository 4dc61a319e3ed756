/*
 * worker_agent/settings_value.h
 *
 * The value of one setting: reading it from text with type and range, comparing,
 * copying and writing it.  The row of the table says where it is in SoSettings
 * and of which kind.
 *
 * Process: agent; no state.
 */
#ifndef WORKER_AGENT_SETTINGS_VALUE_H
#define WORKER_AGENT_SETTINGS_VALUE_H

#include <stdbool.h>
#include <stdio.h>

#include "worker_agent/settings_table.h"

/*
 * Set the value of row in settings from text as it stands in the file.  Texts are
 * allocated below settings.  On failure the value is as it was, and *error is
 * SO402 at place with what is expected.
 */
extern bool so_setting_value_set(SoSettings *settings, const SoSettingRow *row, const char *text,
								 const char *place, SoError *error) SO_WARN_UNUSED;

/* The same for the default of the table, which may be empty where a file must say more. */
extern bool so_setting_value_set_default(SoSettings *settings, const SoSettingRow *row,
										 SoError *error) SO_WARN_UNUSED;

/* Have both settings the same value of this row? */
extern bool
so_setting_value_same(const SoSettings *a, const SoSettings *b, const SoSettingRow *row);

/* Copy the value of this row; a text is allocated below to. */
extern void so_setting_value_copy(SoSettings *to, const SoSettings *from, const SoSettingRow *row);

/* Write the value as it would stand in a file. */
extern void so_setting_value_write(const SoSettings *settings, const SoSettingRow *row, FILE *to);

#endif /* WORKER_AGENT_SETTINGS_VALUE_H */
