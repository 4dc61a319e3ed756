/*
 * common/fault.h
 *
 * Named fault points for the fault tests.  In a build with SO_FAULT_POINTS a
 * process that reaches SO_FAULT("agent.before_report") looks the name up in
 * the environment variable SCALEOUT_FAULT, a list such as
 *
 *     agent.before_report=kill@3,runner.after_commit=stop
 *
 * Actions: kill (SIGKILL itself), stop (SIGSTOP itself), exit (status 70).
 * "@n" fires at the n-th passage (default 1).  Before it fires the name is
 * appended as a line to the file named in SCALEOUT_FAULT_LOG, so that a test
 * can prove that its fault fired.  With SCALEOUT_FAULT_ONCE set nothing fires
 * while that file exists, so that the processes that go on are spared.
 * Release builds contain none of this.
 */
#ifndef COMMON_FAULT_H
#define COMMON_FAULT_H

#ifdef SO_FAULT_POINTS
extern void so_fault_point(const char *name);
#define SO_FAULT(name) so_fault_point(name)
#else
#define SO_FAULT(name) ((void) 0)
#endif

#endif /* COMMON_FAULT_H */
