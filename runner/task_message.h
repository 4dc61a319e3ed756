/*
 * runner/task_message.h
 *
 * The TASK frame: what to run, with the values of this execution.
 *
 * Process: runner; control thread.
 */
#ifndef RUNNER_TASK_MESSAGE_H
#define RUNNER_TASK_MESSAGE_H

#include <jansson.h>

#include "engine/control_flow/run.h"

typedef struct SoTaskMessage
{
	SoProject *project;
	const char *package_name;
	SoRunOptions options;
} SoTaskMessage;

/*
 * Read the JSON object of a leased task with project_document into *message;
 * everything belongs to context, which must not outlive json.  false with
 * *error.
 */
extern bool so_task_message_read(TALLOC_CTX *context, json_t *json, SoTaskMessage *message,
								 SoError *error) SO_WARN_UNUSED;

#endif /* RUNNER_TASK_MESSAGE_H */
