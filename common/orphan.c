/*
 * common/orphan.c
 *
 * Finds and kills orphaned descendants; see orphan.h.
 *
 * The kernel lists a process's children in /proc/self/task/<tid>/children,
 * one short read.  Kernels without that file (CONFIG_PROC_CHILDREN) are served
 * by a walk over /proc.
 *
 * Process: nursery and agent.  Reads /proc only; a crash leaves nothing behind.
 */
#include "common/orphan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Children that one call looks at; the rest is found by the next call. */
#define MAX_CHILDREN 4096

bool
so_orphan_adopt(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

/* Returns how many, or -1 when the kernel has no such file. */
static int
children_from_list(pid_t *children)
{
	char path[64];
	char text[4096];
	pid_t pid = 0;
	int count = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) gettid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((got = read(fd, text, sizeof(text))) > 0)
	{
		for (ssize_t i = 0; i < got; i++)
		{
			if (isdigit((unsigned char) text[i]))
				pid = pid * 10 + (text[i] - '0');
			else if (pid != 0)
			{
				if (count < MAX_CHILDREN)
					children[count++] = pid;
				pid = 0;
			}
		}
	}
	close(fd);
	return count;
}

/* The parent of a process, 0 when it is gone. */
static pid_t
parent_of(const char *pid_text)
{
	char path[300];
	char text[512];
	const char *after_name;
	int parent = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid_text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	/* The name in parentheses may itself contain any character. */
	after_name = strrchr(text, ')');
	if (after_name == NULL || sscanf(after_name + 1, " %*c %d", &parent) != 1)
		return 0;
	return parent;
}

static int
children_from_walk(pid_t *children)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t self = getpid();
	int count = 0;

	if (proc == NULL)
		return 0;
	while ((entry = readdir(proc)) != NULL && count < MAX_CHILDREN)
	{
		if (isdigit((unsigned char) entry->d_name[0]) && parent_of(entry->d_name) == self)
			children[count++] = (pid_t) atoi(entry->d_name);
	}
	closedir(proc);
	return count;
}

int
so_orphan_kill(SoOrphanIsOwn is_own, void *context)
{
	static pid_t children[MAX_CHILDREN];
	int count = children_from_list(children);
	int left = 0;

	if (count < 0)
		count = children_from_walk(children);
	for (int i = 0; i < count; i++)
	{
		pid_t pid = children[i];

		if (is_own(pid, context))
			continue;
		if (kill(pid, SIGKILL) != 0 && errno == EPERM)
			continue;
		/* Counted even when reaped: its own children are ours from now on. */
		waitpid(pid, NULL, WNOHANG);
		left++;
	}
	return left;
}
