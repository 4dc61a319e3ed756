/*
 * client/exec_option_value.h
 *
 * What the values of the options of scaleout exec mean.
 *
 * Process: client; no state.
 */
#ifndef CLIENT_EXEC_OPTION_VALUE_H
#define CLIENT_EXEC_OPTION_VALUE_H

#include "client/exec_option_table.h"
#include "client/exec_options.h"

/*
 * Put an option into options.  value is NULL where the option has none, and fits where it
 * may be left out; it must live as long as options.  What is made belongs to context.
 * false with SO901.
 */
extern bool so_exec_option_apply(TALLOC_CTX *context, const SoExecOptionRow *row, const char *value,
								 SoExecOptions *options, SoError *error) SO_WARN_UNUSED;

/* Set *error to SO901, "what: word"; returns false. */
extern bool so_exec_option_usage(SoError *error, const char *what, const char *word);

#endif /* CLIENT_EXEC_OPTION_VALUE_H */
