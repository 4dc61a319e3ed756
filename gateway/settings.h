/*
 * gateway/settings.h
 *
 * The contents of the master's CONFIGURE frame.
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/frame.h"
#include "gateway/limits.h"

typedef struct SoSettings
{
	char addresses[1024];
	uint16_t port;
	char certificate_file[1024];
	char key_file[1024];
	SoLimits limits;
} SoSettings;

/* false when the frame is malformed or a text is too long. */
extern bool so_settings_read(const SoFrame *frame, SoSettings *settings) SO_WARN_UNUSED;

#endif /* GATEWAY_SETTINGS_H */
