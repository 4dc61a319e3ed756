/*
 * gateway/port_owner.h
 *
 * Who holds a TCP port on this machine, for error messages.
 *
 * Process: gateway, once, when it cannot listen.
 */
#ifndef GATEWAY_PORT_OWNER_H
#define GATEWAY_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "process 1234 (nginx)" into buffer, when the kernel lets this account see which
 * process listens on the port; false otherwise.
 */
extern bool so_port_owner_describe(uint16_t port, char *buffer, size_t size);

#endif /* GATEWAY_PORT_OWNER_H */
