/*
 * worker_agent/pins.c
 *
 * Keeps the announced thumbprints and address of the master; see pins.h.
 *
 * Process: agent, event loop thread.  A crash before the rename leaves the old
 * list; the master repeats its command until the worker registers with the
 * version of the new one.
 */
#include "worker_agent/pins.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/pem_file.h"

static void
file_name(const SoSettings *settings, char *path, size_t size)
{
	snprintf(path, size, "%s/master_pins", settings->security_directory);
}

static bool
add(SoThumbprint *list, int *count, int most, const char *text)
{
	SoError ignored;

	return *count < most && text != NULL && so_thumbprint_parse(text, &list[*count], &ignored) &&
		   ++*count > 0;
}

static bool
parse_address(const char *text, SoEndpoint *endpoint)
{
	SoEndpointList list;
	SoError ignored;

	memset(&list, 0, sizeof(list));
	if (strchr(text, ',') != NULL || !so_endpoint_parse_list(text, &list, &ignored))
		return false;
	*endpoint = list.endpoints[0];
	return true;
}

static bool
parse_line(const char *line, SoPins *pins)
{
	char text[SO_THUMBPRINT_TEXT_SIZE];
	char address[sizeof(pins->endpoint.url)];

	if (sscanf(line, "version %" SCNd64, &pins->version) == 1)
		return true;
	if (sscanf(line, "trust %64s", text) == 1)
		return add(pins->trusted, &pins->trusted_count, SO_PINS_MAX, text);
	if (sscanf(line, "address %299s", address) == 1)
		return parse_address(address, &pins->endpoint);
	return sscanf(line, "retired %64s", text) == 1 &&
		   add(pins->retired, &pins->retired_count, SO_PINS_RETIRED_MAX, text);
}

bool
so_pins_read(const SoSettings *settings, SoPins *pins, SoError *error)
{
	char path[PATH_MAX];
	char line[512];
	FILE *file;
	bool good = true;

	memset(pins, 0, sizeof(*pins));
	file_name(settings, path, sizeof(path));
	file = fopen(path, "re");
	if (file == NULL && errno == ENOENT)
		return true;
	while (file != NULL && good && fgets(line, sizeof(line), file) != NULL)
		good = parse_line(line, pins);
	if (file != NULL)
		fclose(file);
	if (file != NULL && good)
		return true;
	memset(pins, 0, sizeof(*pins));
	so_error_set(error, SO_ERR_FILE_UNREADABLE, path,
				 "what the master has announced cannot be read");
	return so_error_hint(error, "Delete the file: the master announces them again. Until then only "
								"MasterEndpoint and MasterHttpsCertThumbprint count.");
}

bool
so_pins_write(const SoSettings *settings, const SoPins *pins, SoError *error)
{
	char path[PATH_MAX];
	char temporary[PATH_MAX + 8];
	char text[SO_THUMBPRINT_TEXT_SIZE];
	FILE *file;
	bool good;

	file_name(settings, path, sizeof(path));
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	good = file != NULL && fprintf(file, "version %" PRId64 "\n", pins->version) > 0;
	if (good && pins->endpoint.url[0] != '\0')
		good = fprintf(file, "address %s\n", pins->endpoint.url) > 0;
	for (int i = 0; good && i < pins->trusted_count; i++)
		good = fprintf(file, "trust %s\n", so_thumbprint_format(&pins->trusted[i], text)) > 0;
	for (int i = 0; good && i < pins->retired_count; i++)
		good = fprintf(file, "retired %s\n", so_thumbprint_format(&pins->retired[i], text)) > 0;
	good = good && fflush(file) == 0 && fsync(fileno(file)) == 0;
	if (file != NULL)
		good = fclose(file) == 0 && good;
	/* The master hears of the version next, and may then stop serving what is here now. */
	if (good)
		return so_pem_file_rename(temporary, path, error);
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "what the master announces cannot be saved");
	return so_error_detail(error, "%s.", strerror(errno));
}

static bool
parse_list(const json_t *list, SoThumbprint *to, int *count, int most)
{
	if (!json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (!add(to, count, most, json_string_value(json_array_get(list, i))))
			return false;
	}
	return true;
}

bool
so_pins_parse(const json_t *command, SoPins *pins)
{
	const char *address = json_string_value(json_object_get(command, "address"));

	memset(pins, 0, sizeof(*pins));
	if (address != NULL && !parse_address(address, &pins->endpoint))
		so_log(SO_LOG_WARNING, "the master announces an address that is not understood: %.300s",
			   address);
	pins->version = json_integer_value(json_object_get(command, "version"));
	return pins->version >= 0 &&
		   parse_list(json_object_get(command, "thumbprints"), pins->trusted, &pins->trusted_count,
					  SO_PINS_MAX) &&
		   pins->trusted_count > 0 &&
		   parse_list(json_object_get(command, "retired"), pins->retired, &pins->retired_count,
					  SO_PINS_RETIRED_MAX);
}

static bool
contains(const SoThumbprint *list, int count, const SoThumbprint *wanted)
{
	for (int i = 0; i < count; i++)
	{
		if (so_thumbprint_equal(&list[i], wanted))
			return true;
	}
	return false;
}

void
so_pins_apply(const SoPins *pins, SoMasterAddress *address)
{
	SoThumbprint kept[SO_PINS_MAX];
	SoEndpointList *endpoints = &address->endpoints;
	int count = 0;

	if (pins->endpoint.url[0] != '\0' && so_endpoint_find(endpoints, pins->endpoint.url) < 0)
		endpoints->endpoints[endpoints->count++] = pins->endpoint;

	/* Announced ones first: with too many in the settings they must not be the ones that fall off. */
	for (int i = 0; i < pins->trusted_count; i++)
		kept[count++] = pins->trusted[i];
	for (int i = 0; i < address->pin_count && count < SO_PINS_MAX; i++)
	{
		if (!contains(kept, count, &address->pins[i]) &&
			!contains(pins->retired, pins->retired_count, &address->pins[i]))
			kept[count++] = address->pins[i];
	}
	if (count == 0)
		return;
	memset(address->pins, 0, sizeof(address->pins));
	memcpy(address->pins, kept, sizeof(kept[0]) * (size_t) count);
	address->pin_count = count;
}
