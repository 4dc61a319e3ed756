/*
 * runner/nursery.h
 *
 * The nursery: scaleout-runner --nursery, the warm parent of all runners of one
 * agent.  It has every library loaded and initialised, has one thread and no
 * secrets, and forks a runner per execution (docs/architecture.md).
 *
 * Process: nursery, a child of the agent, descriptor 3 is the control socket.
 */
#ifndef RUNNER_NURSERY_H
#define RUNNER_NURSERY_H

/*
 * Serve the agent until it closes the control socket, then kill every runner
 * and what it started.  Returns the exit status of the process; in a forked
 * runner it does not return.
 */
extern int so_nursery_main(int argc, char **argv);

#endif /* RUNNER_NURSERY_H */
