/*
 * worker_agent/settings_line.h
 *
 * The syntax of one line of a settings file, "name = value # comment", for
 * reading and for writing.
 *
 * Process: agent; pure functions.
 */
#ifndef WORKER_AGENT_SETTINGS_LINE_H
#define WORKER_AGENT_SETTINGS_LINE_H

#include <stdio.h>

typedef enum SoSettingLine
{
	SO_SETTING_LINE_EMPTY, /* nothing, or a comment only */
	SO_SETTING_LINE_SETTING,
	SO_SETTING_LINE_MALFORMED,
	SO_SETTING_LINE_NOT_UTF8 /* a setting, or what should be one, and not in UTF-8 */
} SoSettingLine;

/*
 * Split a line (without its end) in place.  A value in single quotes may hold
 * anything; a quote in it is doubled.  Of a setting *name and *value are set and
 * point into line; the name is letters, digits and _.
 */
extern SoSettingLine so_setting_line_split(char *line, char **name, char **value);

/* Write value as the syntax needs it: plain or in quotes. */
extern void so_setting_line_quote(FILE *to, const char *value);

#endif /* WORKER_AGENT_SETTINGS_LINE_H */
