/*
 * runner/serve.h
 *
 * One execution for the agent, over a socket (docs/protocol.md, "Agent and
 * runner").
 *
 * Process: runner, forked by the nursery or started by main.c.
 */
#ifndef RUNNER_SERVE_H
#define RUNNER_SERVE_H

/* The agent's socket in a runner. */
#define SO_RUNNER_FD 3

/*
 * Say hello, take the task, run it, report, wait until the result is
 * acknowledged or the agent has gone.  Returns the exit status of the process:
 * 0 when a result was handed over, 1 otherwise.  Whatever the execution has
 * started is dead when this returns.
 */
extern int so_runner_serve(int fd);

#endif /* RUNNER_SERVE_H */
