/*
 * worker_agent/settings_line.c
 *
 * Takes lines of a settings file apart, and quotes values.
 *
 * Process: agent; pure functions, nothing to lose.
 */
#include "worker_agent/settings_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/utf8.h"

static char *
skip_space(char *line)
{
	while (isspace((unsigned char) *line))
		line++;
	return line;
}

/* Values go to the master as JSON, and as paths to runners. */
static bool
is_utf8(const char *line)
{
	size_t left = strlen(line);
	size_t length;

	for (; left > 0; line += length, left -= length)
	{
		length = (unsigned char) *line < 0x80 ? 1 : so_utf8_length((const uint8_t *) line, left);
		if (length == 0)
			return false;
	}
	return true;
}

/* Unquote a value in place; line stands on the opening quote. */
static SoSettingLine
split_quoted(char *line)
{
	char *to = line++;

	while (*line != '\0' && (*line != '\'' || line[1] == '\''))
	{
		if (*line == '\'')
			line++;
		*to++ = *line++;
	}
	if (*line++ != '\'')
		return SO_SETTING_LINE_MALFORMED;
	*to = '\0';
	line = skip_space(line);
	return *line == '\0' || *line == '#' ? SO_SETTING_LINE_SETTING : SO_SETTING_LINE_MALFORMED;
}

static SoSettingLine
split(char *line, char **name, char **value)
{
	char *to;

	line = skip_space(line);
	if (*line == '\0' || *line == '#')
		return SO_SETTING_LINE_EMPTY;
	*name = line;
	while (isalnum((unsigned char) *line) || *line == '_')
		line++;
	to = line;
	line = skip_space(line);
	if (*line != '=' || to == *name)
		return SO_SETTING_LINE_MALFORMED;
	*to = '\0';
	line = skip_space(line + 1);
	*value = line;
	if (*line == '\'')
		return split_quoted(line);
	line += strcspn(line, "#");
	while (line > *value && isspace((unsigned char) line[-1]))
		line--;
	*line = '\0';
	return SO_SETTING_LINE_SETTING;
}

SoSettingLine
so_setting_line_split(char *line, char **name, char **value)
{
	bool good = is_utf8(line); /* before it is taken apart */
	SoSettingLine kind = split(line, name, value);

	return kind == SO_SETTING_LINE_EMPTY || good ? kind : SO_SETTING_LINE_NOT_UTF8;
}

void
so_setting_line_quote(FILE *to, const char *value)
{
	bool plain = value[0] != '\0';

	for (const char *at = value; *at != '\0'; at++)
	{
		if (!isalnum((unsigned char) *at) && strchr("._:/-", *at) == NULL)
			plain = false;
	}
	if (plain)
	{
		fputs(value, to);
		return;
	}
	fputc('\'', to);
	for (const char *at = value; *at != '\0'; at++)
	{
		if (*at == '\'')
			fputc('\'', to);
		fputc(*at, to);
	}
	fputc('\'', to);
}
