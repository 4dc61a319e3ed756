# scaleout: the extension by PGXS, the programs by the rules below.
#
#   make                      everything
#   make install              extension into PG_CONFIG's server, programs and manual pages under PREFIX
#   make uninstall            removes what this version has installed
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
AGENT_PACKAGES = libevent libcurl jansson talloc openssl libsystemd

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

.PHONY: FORCE programs install-programs unit unit-build clean-programs lint
.SECONDARY:

all: programs

programs: $(PROGRAMS)

# Objects with and without sanitizers do not fit together.  The folder of the programs is compared apart: only
# few objects name it, and "make; make install PREFIX=/elsewhere" builds them again.
without_folder = $(filter-out -DSO_PROGRAM_DIRECTORY=%,$(1))
$(BUILD)/flags: export SO_FLAGS = $(call without_folder,$(PROGRAM_CC) $(PROGRAM_CFLAGS) $(PROGRAM_LDFLAGS))
$(BUILD)/flags: FORCE
	$(record_flags)
$(BUILD)/program-directory: export SO_FLAGS = $(PROGRAM_DIRECTORY)
$(BUILD)/program-directory: FORCE
	$(record_flags)
FORCE:

define record_flags
@mkdir -p $(@D)
@printf '%s\n' "$$SO_FLAGS" | cmp -s - $@ || printf '%s\n' "$$SO_FLAGS" >$@
endef

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(quiet)$(PROGRAM_CC) $(PROGRAM_CFLAGS) $(PROGRAM_INCLUDES) -MMD -MP -c -o $@ $<

$(call objects,worker_agent/settings.c worker_agent/doctor.c): $(BUILD)/program-directory

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

# Everything below goes where Debian looks for it; the extension itself is installed by PGXS (at the end).
BINDIR = $(DESTDIR)$(PREFIX)/bin
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/scaleout
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1
COMPLETIONDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
# systemd reads these below /usr/lib and /usr/local/lib, configuration is in /etc.
SYSTEMDDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(DESTDIR)$(PREFIX)/lib/sysusers.d
TMPFILESDIR = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
LOGROTATEDIR = $(DESTDIR)$(SYSCONFDIR)/logrotate.d

USER_PROGRAMS = scaleout scaleout-worker
HELPER_PROGRAMS = scaleout-gateway scaleout-runner scaleout-loader
DOC_FILES = $(wildcard docs/*.md docs/*.json) README.md CHANGELOG.md packaging/worker.conf.sample packaging/scaleout.conf.sample
EXAMPLE_FILES = $(shell cd examples && find . -type f -printf '%P\n' | sort)

# A file is put under another name and renamed: a running server or worker never finds half of it, or none.
define put
	@install -d $(dir $(2))
	$(quiet)install -m $(3) $(1) $(2).new~ && mv -f $(2).new~ $(2) && echo "  INSTALL $(2)"

endef
# The same for a text that names programs.
define put_text
	@install -d $(dir $(2))
	$(quiet)sed -e 's|/usr/local/bin/|$(PREFIX)/bin/|g' $(3) $(1) >$(2).new~ && chmod 644 $(2).new~ && mv -f $(2).new~ $(2) && echo "  INSTALL $(2)"

endef

install-programs: programs
	$(foreach name,$(USER_PROGRAMS),$(call put,$(BUILD)/bin/$(name),$(BINDIR)/$(name),755))
	$(foreach name,$(HELPER_PROGRAMS),$(call put,$(BUILD)/bin/$(name),$(DESTDIR)$(PROGRAM_DIRECTORY)/$(name),755))

# A worker of its own below /var/lib/scaleout for every instance of the template.
TEMPLATE_UNIT = -e 's|--directory /var/lib/scaleout|&/%i|; s|^StateDirectory=scaleout|&/%i|; s|^Description=.*|& %i|'

.PHONY: install-files install-man uninstall-files
install-files: install-man
	$(call put_text,packaging/scaleout-worker.service,$(SYSTEMDDIR)/scaleout-worker.service)
	$(call put_text,packaging/scaleout-worker.service,$(SYSTEMDDIR)/scaleout-worker@.service,$(TEMPLATE_UNIT))
	$(call put,packaging/scaleout.sysusers,$(SYSUSERSDIR)/scaleout.conf,644)
	$(call put,packaging/scaleout.tmpfiles,$(TMPFILESDIR)/scaleout.conf,644)
	$(call put_text,packaging/scaleout-worker.logrotate,$(LOGROTATEDIR)/scaleout-worker)
	$(call put,packaging/scaleout.bash-completion,$(COMPLETIONDIR)/scaleout,644)
	@ln -sf scaleout $(COMPLETIONDIR)/scaleout-worker
	$(foreach file,$(DOC_FILES),$(call put,$(file),$(DOCDIR)/$(notdir $(file)),644))
	$(foreach file,$(EXAMPLE_FILES),$(call put,examples/$(file),$(DOCDIR)/examples/$(file),$(if $(shell test -x examples/$(file) && echo x),755,644)))

# The pages come from the programs' own --help.
$(BUILD)/man/made: $(PROGRAMS) scripts/man-pages
	@echo "  MAN $(BUILD)/man"
	$(quiet)scripts/man-pages $(BUILD)/bin $(BUILD)/man
	@touch $@

all: $(BUILD)/man/made

install-man: $(BUILD)/man/made
	@install -d $(MANDIR)
	$(quiet)for page in $$(find $(BUILD)/man -name "*.1"); do \
		install -m 644 $$page $(MANDIR)/$${page##*/} && echo "  INSTALL $(MANDIR)/$${page##*/}" || exit 1; done

uninstall: uninstall-files

# What is configuration or data stays: /var/lib/scaleout, /var/log/scaleout, drop-ins, the account.
uninstall-files:
	rm -f $(USER_PROGRAMS:%=$(BINDIR)/%) $(SYSTEMDDIR)/scaleout-worker.service $(SYSTEMDDIR)/scaleout-worker@.service \
		$(SYSUSERSDIR)/scaleout.conf $(TMPFILESDIR)/scaleout.conf $(LOGROTATEDIR)/scaleout-worker \
		$(USER_PROGRAMS:%=$(COMPLETIONDIR)/%) $(MANDIR)/scaleout.1 $(MANDIR)/scaleout-*.1
	rm -rf $(DESTDIR)$(PROGRAM_DIRECTORY) $(DOCDIR)
	-rmdir --ignore-fail-on-non-empty $(dir $(DESTDIR)$(PROGRAM_DIRECTORY))

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
	common/certificate_create.o common/certificate_facts.o common/certificate_form.o common/certificate_host.o common/pem.o common/pem_file.o \
	common/openssl_error.o common/refusal_list.o common/succession.o common/thumbprint.o common/log.o common/log_file.o common/utf8.o
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c) $(wildcard bgworker/*.c))) $(SERVER_COMMON)
DATA = $(wildcard sql/scaleout--*--*.sql)
DATA_built = scaleout--$(SCALEOUT_VERSION).sql
SQL_PARTS = $(sort $(wildcard sql/[0-9]*.sql))
# The server headers before 16 leave PGDLLEXPORT empty, which hidden visibility would hide.
PG_CPPFLAGS = -I$(CURDIR) -I$(libpq_srcdir) -D'PGDLLEXPORT=__attribute__((visibility("default")))' -DSO_PROGRAM_DIRECTORY='"$(PROGRAM_DIRECTORY)"'
PG_CFLAGS = -std=gnu11 -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement -fvisibility=hidden $(FAULT_CFLAGS)
SHLIB_LINK = -lssl -lcrypto $(libpq)
# Bitcode for the JIT of functions that only call SPI is not worth the build time.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS knows no header dependencies: a struct that changed must rebuild all server objects.
$(OBJS): $(wildcard common/*.h common/errors/*.def extension/*.h bgworker/*.h) $(BUILD)/server-flags
scaleout.so: Makefile
extension/settings.o extension/diagnose.o: $(BUILD)/program-directory

# The same for objects of another server version.
$(BUILD)/server-flags: export SO_FLAGS = $(PGXS) $(VERSION) $(CC) $(call without_folder,$(CPPFLAGS)) $(CFLAGS) $(SHLIB_LINK)
$(BUILD)/server-flags: FORCE
	$(record_flags)

scaleout--$(SCALEOUT_VERSION).sql: $(SQL_PARTS)
	cat $^ > $@
