/*
 * gateway/port_owner.c
 *
 * Finds the process that listens on a port, in /proc.
 *
 * Process: gateway.  Reads only; what cannot be read (processes of other
 * accounts) is passed over.
 */
#include "gateway/port_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A

/* The inode of the socket that listens on the port, or 0. */
static unsigned long
listening_inode(const char *table, uint16_t port)
{
	FILE *stream = fopen(table, "re");
	char line[512];
	unsigned long inode = 0;

	if (stream == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof(line), stream) != NULL)
	{
		unsigned int local_port;
		unsigned int state;
		unsigned long found;

		/* sl local:port remote:port st tx:rx tr:tm retrnsmt uid timeout inode */
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local_port,
				   &state, &found) == 3 &&
			local_port == port && state == STATE_LISTEN)
			inode = found;
	}
	fclose(stream);
	return inode;
}

/* Does the process have a descriptor of this socket? */
static bool
has_socket(const char *process, const char *target)
{
	char path[300];
	DIR *folder;
	const struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	while (!found && (entry = readdir(folder)) != NULL)
	{
		char link[600];
		char value[64];
		ssize_t length;

		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		length = readlink(link, value, sizeof(value) - 1);
		if (length > 0)
		{
			value[length] = '\0';
			found = strcmp(value, target) == 0;
		}
	}
	closedir(folder);
	return found;
}

static void
read_name(const char *process, char *buffer, size_t size)
{
	char path[300];
	FILE *stream;

	buffer[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/comm", process);
	stream = fopen(path, "re");
	if (stream == NULL)
		return;
	if (fgets(buffer, (int) size, stream) == NULL)
		buffer[0] = '\0';
	fclose(stream);
	buffer[strcspn(buffer, "\n")] = '\0';
}

bool
so_port_owner_describe(uint16_t port, char *buffer, size_t size)
{
	unsigned long inode = listening_inode("/proc/net/tcp", port);
	char target[64];
	char name[64];
	DIR *folder;
	const struct dirent *entry;
	bool found = false;

	if (inode == 0)
		inode = listening_inode("/proc/net/tcp6", port);
	if (inode == 0)
		return false;
	snprintf(target, sizeof(target), "socket:[%lu]", inode);
	folder = opendir("/proc");
	if (folder == NULL)
		return false;
	while (!found && (entry = readdir(folder)) != NULL)
	{
		if (!isdigit((unsigned char) entry->d_name[0]) || !has_socket(entry->d_name, target))
			continue;
		found = true;
		read_name(entry->d_name, name, sizeof(name));
		snprintf(buffer, size, "process %.20s (%s)", entry->d_name, name);
	}
	closedir(folder);
	return found;
}
