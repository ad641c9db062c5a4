# Thin: everything here is a call; scripts/ and t/ hold what is called.

CC       ?= cc
BUILD    ?= build
PREFIX   ?= /usr/local
NGINX_SRC ?= /usr/share/nginx/src
CFLAGS   ?= -O2 -g
WARN      = -std=gnu11 -Wall -Wextra -Werror

# metactl's own files; both programs take what they need of the others
METACTL_SRC  = $(wildcard consumer/metactl*.c consumer/ctl_*.c)
CONSUMER_SRC = $(filter-out $(METACTL_SRC), $(wildcard consumer/*.c)) \
               meta/meta_base64.c meta/meta_link.c meta/meta_redis.c \
               meta/meta_seal.c meta/meta_signature.c meta/meta_state.c
SHARED_SRC   = $(filter-out consumer/main.c, $(CONSUMER_SRC)) \
               $(filter-out $(CONSUMER_SRC), $(wildcard meta/*.c))
HIREDIS_INC = $(patsubst %/hiredis,%,$(shell pkg-config --cflags-only-I hiredis 2>/dev/null))
HIREDIS_LIB = $(shell pkg-config --libs-only-L hiredis 2>/dev/null)
CONSUMER_LIBS = $(HIREDIS_LIB) -Wl,-Bstatic -lhiredis -Wl,-Bdynamic \
                -luv -lcurl -lyaml -lyajl -lpcre2-8 -lssl -lcrypto -lm

all: module consumer metactl

module:
	scripts/build-module '$(NGINX_SRC)' '$(BUILD)'

consumer: $(BUILD)/meta-consumer

# what both programs take is compiled once; metactl leaves out what it does not call
OBJ = $(BUILD)/obj
CONSUMER_OBJ = $(CONSUMER_SRC:%.c=$(OBJ)/%.o)
METACTL_OBJ  = $(METACTL_SRC:%.c=$(OBJ)/%.o) $(SHARED_SRC:%.c=$(OBJ)/%.o)

$(OBJ)/%.o: %.c $(wildcard consumer/*.h consumer/*.lua meta/*.h)
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -ffunction-sections -fdata-sections -I. $(HIREDIS_INC) -c $< -o $@

$(BUILD)/meta-consumer: $(CONSUMER_OBJ)
	$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) $(CONSUMER_LIBS)

metactl: $(BUILD)/metactl

$(BUILD)/metactl: $(METACTL_OBJ)
	$(CC) $(CFLAGS) $^ -o $@ $(LDFLAGS) -Wl,--gc-sections $(CONSUMER_LIBS) -lz

unit:
	$(MAKE) -s -C t/unit

fuzz:
	$(MAKE) -s -C t/fuzz

test:
	scripts/test

asan:
	scripts/asan

check:
	scripts/check-style
	scripts/check-floors
	scripts/check-docs
	scripts/errors-to-md --check
	scripts/events-to-md --check

install: all
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' UNITDIR='$(UNITDIR)' scripts/install '$(BUILD)'

clean:
	rm -rf $(BUILD)

.PHONY: all module consumer metactl unit fuzz test asan check install clean
