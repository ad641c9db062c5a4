# Thin: everything here is a call; scripts/ and t/ hold what is called.

CC       ?= cc
BUILD    ?= build
PREFIX   ?= /usr/local
NGINX_SRC ?= /usr/share/nginx/src
CFLAGS   ?= -O2 -g
WARN      = -std=gnu11 -Wall -Wextra -Werror

CONSUMER_SRC = $(wildcard consumer/*.c) meta/meta_redis.c
HIREDIS_INC = $(patsubst %/hiredis,%,$(shell pkg-config --cflags-only-I hiredis 2>/dev/null))
HIREDIS_LIB = $(shell pkg-config --libs-only-L hiredis 2>/dev/null)
CONSUMER_LIBS = $(HIREDIS_LIB) -Wl,-Bstatic -lhiredis -Wl,-Bdynamic \
                -luv -lcurl -lyaml -lyajl -lpcre2-8 -lcrypto

all: module consumer

module:
	scripts/build-module '$(NGINX_SRC)' '$(BUILD)'

consumer: $(BUILD)/meta-consumer

$(BUILD)/meta-consumer: $(CONSUMER_SRC) $(wildcard consumer/*.h consumer/*.lua meta/*.h)
	@mkdir -p $(BUILD)
	$(CC) $(WARN) $(CFLAGS) -I. $(HIREDIS_INC) $(CONSUMER_SRC) -o $@ $(LDFLAGS) $(CONSUMER_LIBS)

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

install: all
	install -D -m 644 $(BUILD)/ngx_http_meta_module.so '$(DESTDIR)$(PREFIX)/lib/nginx/modules/ngx_http_meta_module.so'
	install -D -m 755 $(BUILD)/meta-consumer '$(DESTDIR)$(PREFIX)/bin/meta-consumer'

clean:
	rm -rf $(BUILD)

.PHONY: all module consumer unit fuzz test asan check install clean
