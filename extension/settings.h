/*
 * extension/settings.h
 *
 * The settings scaleout.*: see docs/settings.md.  Times are milliseconds.
 *
 * Process: every process of the server.  The values are plain variables that
 * the server's configuration machinery sets between two turns of a process.
 */
#ifndef EXTENSION_SETTINGS_H
#define EXTENSION_SETTINGS_H

/* Where the master runs and what it serves. */
extern char *so_setting_database; /* empty: wherever enable_scaleout was called */
extern char *so_setting_listen_addresses;
extern int so_setting_port_number;
extern char *so_setting_host_name; /* empty: the system's; use so_setting_resolved_host_name */
extern int so_setting_max_connections;
extern int so_setting_idle_timeout;
extern int so_setting_request_timeout;

/* Files; the resolved forms below are what everybody uses. */
extern char *so_setting_security_directory;
extern char *so_setting_certificate_file;
extern char *so_setting_key_file;
extern char *so_setting_encryption_key_file;
extern char *so_setting_encryption_key_command;
extern char *so_setting_program_directory;

/* Intervals and budgets. */
extern int so_setting_lease_interval;
extern int so_setting_lease_margin;
extern int so_setting_agent_heartbeat_interval;
extern int so_setting_long_poll_interval;
extern int so_setting_master_heartbeat_interval;
extern int so_setting_probe_interval;
extern int so_setting_loader_timeout;
extern int so_setting_max_lost_attempts;
extern int so_setting_log_copy_timeout;

/* The log of master, gateway and helpers beside the server's. */
extern char *so_setting_log_file;        /* empty: none */
extern int so_setting_log_level;         /* sum of SoLogLevel */
extern int so_setting_log_rotation_size; /* kB */
extern int so_setting_log_rotation_age;  /* ms */
extern int so_setting_log_rotation_count;

/* Define all settings and reserve the prefix; from _PG_init under preload. */
extern void so_settings_init(void);

/* Absolute paths, palloc'd in the current context. */
extern char *so_setting_resolved_security_directory(void);
extern char *so_setting_resolved_certificate_file(void);
extern char *so_setting_resolved_key_file(void);
extern char *so_setting_resolved_encryption_key_file(void);
extern char *so_setting_resolved_token_file(void);
/* program: "scaleout-gateway" or the like. */
extern char *so_setting_resolved_program(const char *program);
/* The name in the master's address and certificate; palloc'd. */
extern char *so_setting_resolved_host_name(void);
/* The machine that the master runs on: the setting, or the system's host name; palloc'd. */
extern char *so_setting_machine_name(void);

#endif /* EXTENSION_SETTINGS_H */
