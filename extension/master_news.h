/*
 * extension/master_news.h
 *
 * What only the master knows and people ask for: why it does not run, where
 * its gateway listens, why the gateway cannot serve.  Kept in shared memory, so
 * that catalog.diagnose_scaleout() can say it in the product's own words also
 * when no master runs and nothing can be written.
 *
 * Process: the master writes, backends read.  Protected by SoShared.mutex.
 */
#ifndef EXTENSION_MASTER_NEWS_H
#define EXTENSION_MASTER_NEWS_H

#include "datatype/timestamp.h"

/* Texts are terminated, and cut when they are longer. */
typedef struct SoMasterNews
{
	TimestampTz refused_time; /* 0: the last master took its seat */
	char refusal[512];
	TimestampTz failed_time; /* 0: nothing is wrong with the gateway */
	char code[8];
	char message[256];
	char detail[256];
	char hint[256];
	bool listening;
	char addresses[256];
	int port;
	char thumbprint[72];
	char trouble[256]; /* why the last transaction of the master failed; empty: it did not */
} SoMasterNews;

/* A master left because of this, or took its seat (NULL). */
extern void so_master_news_refused(const char *reason);

/* The gateway listens at these addresses with this certificate; nothing is wrong any more. */
extern void so_master_news_listening(const char *addresses, int port, const char *thumbprint);

/* The gateway cannot serve, or not as the settings say; arguments may be NULL. */
extern void
so_master_news_failed(const char *code, const char *message, const char *detail, const char *hint);

/* The master's work was put off because of this error, or goes on (NULL). */
extern void so_master_news_trouble(const char *message);

/* There is no gateway that listens; why is told by so_master_news_failed, if at all. */
extern void so_master_news_gateway_gone(void);

#endif /* EXTENSION_MASTER_NEWS_H */
