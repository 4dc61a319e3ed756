# scaleout: the extension by PGXS, the programs by the rules below.
#
#   make                      everything
#   make install              extension into PG_CONFIG's server, programs under PREFIX
#   make programs unit        only the programs; build and run the unit tests (ASan, UBSan)
#
#   PG_CONFIG=...   the server to build for        PREFIX=/usr/local  where programs go
#   BUILD=build     where programs are built       SANITIZE=1         with ASan and UBSan
#   FAULT_POINTS=1  with the named fault points of the fault tests
#   V=1             show the commands of the programs

SCALEOUT_VERSION = 0.1.0
PG_CONFIG ?= pg_config
PREFIX ?= /usr/local
BUILD ?= build

ifndef V
quiet = @
endif

# ---- programs -------------------------------------------------------------

PKG_CONFIG ?= pkg-config
PROGRAM_DIRECTORY = $(PREFIX)/lib/scaleout/$(SCALEOUT_VERSION)
# Read when a rule needs it, so that the extension builds without these packages.
ENGINE_PACKAGES = libpq jansson talloc yaml-0.1 libxml-2.0 libcurl openssl
GATEWAY_PACKAGES = libevent libevent_openssl jansson openssl
AGENT_PACKAGES = libevent libcurl jansson talloc openssl

WARNINGS = -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings \
	-Wformat=2 -Wpointer-arith -Wcast-qual -Wundef -Wno-format-nonliteral -Wno-missing-field-initializers
OPTIMIZE ?= -O2 -g
ifdef SANITIZE
OPTIMIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_LINK = -fsanitize=address,undefined
endif
ifdef FAULT_POINTS
FAULT_CFLAGS = -DSO_FAULT_POINTS
endif
HARDENING = -fstack-protector-strong -fPIE
PROGRAM_CC ?= gcc
PROGRAM_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(OPTIMIZE) $(HARDENING) $(WARNINGS) $(FAULT_CFLAGS) -I. -pthread \
	-DSO_PROGRAM_DIRECTORY='"$(PROGRAM_DIRECTORY)"'
PROGRAM_LDFLAGS = $(SANITIZE_LINK) -pie -pthread -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
PROGRAM_INCLUDES = $(shell $(PKG_CONFIG) --cflags $(ENGINE_PACKAGES) $(GATEWAY_PACKAGES))
ENGINE_LIBS = $(shell $(PKG_CONFIG) --libs $(ENGINE_PACKAGES)) -lodbc -lm
GATEWAY_LIBS = $(shell $(PKG_CONFIG) --libs $(GATEWAY_PACKAGES))
AGENT_LIBS = $(shell $(PKG_CONFIG) --libs $(AGENT_PACKAGES))

COMMON_SOURCES = $(wildcard common/*.c)
ENGINE_SOURCES = $(wildcard engine/*/*.c)
GATEWAY_SOURCES = $(wildcard gateway/*.c)
AGENT_SOURCES = $(wildcard worker_agent/*.c)
RUNNER_SOURCES = $(wildcard runner/*.c)
CLIENT_SOURCES = $(wildcard client/*.c)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
# Everything but the file with main(), so that unit tests can link it.
without_main = $(filter-out %/main.c %/loader_main.c,$(1))

LIBRARIES = $(BUILD)/libcommon.a $(BUILD)/libengine.a $(BUILD)/libgateway.a \
	$(BUILD)/libagent.a $(BUILD)/librunner.a $(BUILD)/libclient.a
PROGRAMS = $(BUILD)/bin/scaleout-gateway $(BUILD)/bin/scaleout-worker \
	$(BUILD)/bin/scaleout-runner $(BUILD)/bin/scaleout-loader $(BUILD)/bin/scaleout

.PHONY: programs install-programs unit unit-build clean-programs lint
.SECONDARY:

all: programs

programs: $(PROGRAMS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_CFLAGS) $(PROGRAM_INCLUDES) -MMD -MP -c -o $@ $<

define library
$(BUILD)/lib$(1).a: $$(call objects,$$(call without_main,$$($(2))))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(eval $(call library,common,COMMON_SOURCES))
$(eval $(call library,engine,ENGINE_SOURCES))
$(eval $(call library,gateway,GATEWAY_SOURCES))
$(eval $(call library,agent,AGENT_SOURCES))
$(eval $(call library,runner,RUNNER_SOURCES))
$(eval $(call library,client,CLIENT_SOURCES))

$(BUILD)/bin/scaleout-gateway: $(BUILD)/gateway/main.o $(BUILD)/libgateway.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -o $@ $^ $(GATEWAY_LIBS)

$(BUILD)/bin/scaleout-worker: $(BUILD)/worker_agent/main.o $(BUILD)/libagent.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -o $@ $^ $(AGENT_LIBS)

$(BUILD)/bin/scaleout-runner: $(BUILD)/runner/main.o $(BUILD)/librunner.a $(BUILD)/libengine.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

$(BUILD)/bin/scaleout-loader: $(BUILD)/runner/loader_main.o $(BUILD)/librunner.a $(BUILD)/libengine.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

$(BUILD)/bin/scaleout: $(BUILD)/client/main.o $(BUILD)/libclient.a $(BUILD)/libengine.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

install: install-programs install-files

install-programs: programs
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PROGRAM_DIRECTORY)
	install -m 755 $(BUILD)/bin/scaleout $(BUILD)/bin/scaleout-worker $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(BUILD)/bin/scaleout-gateway $(BUILD)/bin/scaleout-runner $(BUILD)/bin/scaleout-loader \
		$(DESTDIR)$(PROGRAM_DIRECTORY)/
	install -d $(DESTDIR)$(PREFIX)/share/doc/scaleout
	install -m 644 docs/package.schema.json docs/project.schema.json $(DESTDIR)$(PREFIX)/share/doc/scaleout/

# Debian reads units below /usr/lib and /usr/local/lib, and configuration in /etc.
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)

.PHONY: install-files
install-files:
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/doc/scaleout $(DESTDIR)$(SYSCONFDIR)/logrotate.d
	sed 's|/usr/local/bin/|$(PREFIX)/bin/|' packaging/scaleout-worker.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/scaleout-worker.service
	install -m 644 packaging/scaleout-worker.logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/scaleout-worker
	install -m 644 docs/*.md docs/*.json packaging/worker.conf.sample $(DESTDIR)$(PREFIX)/share/doc/scaleout/

# ---- unit tests: one program per test file, linked with every library -------
# A test may replace a door of the library by a fake of its own (muldefs: the first one counts).

UNIT_TESTS = $(patsubst test/unit/%.c,$(BUILD)/unit/%,$(wildcard test/unit/test_*.c))
# Sources in test/unit that are not tests themselves (fake peers and the like).
UNIT_SUPPORT = $(filter-out test/unit/test_%,$(wildcard test/unit/*.c))

$(BUILD)/unit/%: $(BUILD)/test/unit/%.o $(call objects,$(UNIT_SUPPORT)) $(LIBRARIES)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_LDFLAGS) -Wl,-z,muldefs -o $@ $< $(call objects,$(UNIT_SUPPORT)) \
		-Wl,--start-group $(LIBRARIES) -Wl,--end-group -lcmocka \
		$(ENGINE_LIBS) $(GATEWAY_LIBS) $(AGENT_LIBS)

unit-build: $(UNIT_TESTS)

# Runs what is built in this BUILD; scripts/check builds it with SANITIZE=1.
unit: unit-build
	@for test in $(UNIT_TESTS); do \
		echo "# $$test"; CMOCKA_MESSAGE_OUTPUT=TAP $$test || failed=1; \
	done; test -z "$$failed"

clean: clean-programs
clean-programs:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- the extension, by PGXS -----------------------------------------------

EXTENSION = scaleout
MODULE_big = scaleout
# What of common/ the server side needs; compiled again with server flags.
SERVER_COMMON = common/clock.o common/error.o common/fault.o common/byte_buffer.o common/frame.o common/certificate.o \
	common/certificate_create.o common/thumbprint.o
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c) $(wildcard bgworker/*.c))) $(SERVER_COMMON)
DATA = $(wildcard sql/scaleout--*--*.sql)
DATA_built = scaleout--$(SCALEOUT_VERSION).sql
SQL_PARTS = $(sort $(wildcard sql/[0-9]*.sql))
# The server headers before 16 leave PGDLLEXPORT empty, which hidden visibility would hide.
PG_CPPFLAGS = -I$(CURDIR) -D'PGDLLEXPORT=__attribute__((visibility("default")))' -DSO_PROGRAM_DIRECTORY='"$(PROGRAM_DIRECTORY)"'
PG_CFLAGS = -std=gnu11 -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement -fvisibility=hidden $(FAULT_CFLAGS)
SHLIB_LINK = -lssl -lcrypto
# Bitcode for the JIT of functions that only call SPI is not worth the build time.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS knows no header dependencies: a struct that changed must rebuild all server objects.
$(OBJS): $(wildcard common/*.h common/errors/*.def extension/*.h bgworker/*.h)

scaleout--$(SCALEOUT_VERSION).sql: $(SQL_PARTS)
	cat $^ > $@
