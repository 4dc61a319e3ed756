/*
 * worker_agent/settings_table.h
 *
 * The table of settings: one row per setting, in the order of the sample file.
 *
 * Process: agent; constant data.
 */
#ifndef WORKER_AGENT_SETTINGS_TABLE_H
#define WORKER_AGENT_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "worker_agent/settings.h"

typedef enum SoSettingKind
{
	SO_SETTING_TEXT,
	SO_SETTING_CHOICE, /* one of choices */
	SO_SETTING_PATH,   /* relative to the settings file */
	SO_SETTING_UUID,
	SO_SETTING_ENDPOINTS,   /* https://host:port, ... */
	SO_SETTING_THUMBPRINTS, /* 64 hex digits, ... */
	SO_SETTING_INTEGER,
	SO_SETTING_NUMBER,
	SO_SETTING_BOOLEAN,
	SO_SETTING_DURATION
} SoSettingKind;

#define SO_SETTING_REQUIRED 0x01
#define SO_SETTING_RELOAD   0x02 /* SIGHUP is enough */
#define SO_SETTING_UNUSED   0x04 /* accepted, has no effect here */

typedef struct SoSettingRow
{
	const char *name;  /* correct spelling */
	const char *alias; /* Microsoft's spelling where it differs, else NULL */
	SoSettingKind kind;
	size_t offset;       /* in SoSettings */
	const char *initial; /* default in the file's syntax */
	double minimum;      /* numbers; durations in ms */
	double maximum;
	unsigned flags;
	const char *section;     /* heading in the sample file, on the first of a group */
	const char *description; /* sentences */
	const char *choices;     /* of SO_SETTING_CHOICE: "a, b, c" */
} SoSettingRow;

extern const SoSettingRow so_setting_rows[];
extern const size_t so_setting_row_count;

/* The row of a setting in either spelling, without regard to case; NULL when there is none. */
extern const SoSettingRow *so_setting_find(const char *name);

/* The setting that was probably meant, or NULL. */
extern const char *so_setting_nearest_name(const char *name);

#endif /* WORKER_AGENT_SETTINGS_TABLE_H */
