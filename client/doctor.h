/*
 * client/doctor.h
 *
 * scaleout doctor: finds out what keeps this machine's worker from its work.
 */
#ifndef CLIENT_DOCTOR_H
#define CLIENT_DOCTOR_H

/* The subcommand; returns the exit code. */
extern int so_client_doctor(int argc, char **argv);

#endif /* CLIENT_DOCTOR_H */
