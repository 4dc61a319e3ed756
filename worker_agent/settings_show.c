/*
 * worker_agent/settings_show.c
 *
 * Writes the sample of a settings file, and the settings in use.
 *
 * Process: agent, and the short-lived commands of scaleout-worker; no state.
 */
#include "worker_agent/settings_show.h"

#include <string.h>

#include "worker_agent/settings_line.h"
#include "worker_agent/settings_table.h"
#include "worker_agent/settings_value.h"

/* The description as comment lines of at most 96 columns. */
static void
write_comment(FILE *to, const char *text)
{
	while (*text != '\0')
	{
		size_t length = strlen(text);

		if (length > 94)
		{
			length = 94;
			while (length > 0 && text[length] != ' ')
				length--;
		}
		fprintf(to, "# %.*s\n", (int) length, text);
		text += length;
		while (*text == ' ')
			text++;
	}
}

void
so_settings_write_sample(FILE *to)
{
	fputs(
		"# Settings of a scaleout worker agent (scaleout-worker).\n"
		"#\n"
		"# The names are those of WorkerSettings.config; Microsoft's spelling is accepted, too.\n"
		"# name = value, or name = 'value'; what stands behind a # is the default.\n"
		"# Durations: hh:mm:ss, d.hh:mm:ss, or a number with a unit (250ms, 30s, 5min, 12h, 7d).\n"
		"# \"Restart\": takes effect at the next start; everything else at SIGHUP.\n"
		"# scaleout-worker init writes a file with what is required.\n",
		to);
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		const SoSettingRow *row = &so_setting_rows[i];

		if (row->section != NULL)
			fprintf(to, "\n\n# ---- %s ----\n", row->section);
		fputc('\n', to);
		write_comment(to, row->description);
		if (row->alias != NULL)
			fprintf(to, "# Also spelled %s.\n", row->alias);
		if (row->flags & SO_SETTING_REQUIRED)
			fputs("# Required.\n", to);
		if (row->flags & SO_SETTING_UNUSED)
			fputs("# Accepted for compatibility, has no effect.\n", to);
		else if ((row->flags & SO_SETTING_RELOAD) == 0)
			fputs("# Restart.\n", to);
		fprintf(to, "#%s = ", row->name);
		so_setting_line_quote(to, row->initial);
		fputc('\n', to);
	}
}

void
so_settings_show(const SoSettings *settings, FILE *to)
{
	for (size_t i = 0; i < so_setting_row_count; i++)
	{
		fprintf(to, "%s = ", so_setting_rows[i].name);
		so_setting_value_write(settings, &so_setting_rows[i], to);
		fputc('\n', to);
	}
}
