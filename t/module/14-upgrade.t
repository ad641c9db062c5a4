# USR2: another binary takes over, and finds the secrets of the environment.

use strict;
use warnings;

use Test::Meta;
use Test::Meta::Daemon;

run_blocks();

__DATA__

=== secrets, tokens and passwords of the environment survive
--- daemon
--- redis
requirepass redis-password-01
--- env
META_T_APP_SECRET=environment-secret-01
META_T_VERIFY=environment-token-01
META_T_PASSWORD=redis-password-01
--- http
meta_app_secret_file env:META_T_APP_SECRET;
meta_verify_token_file env:META_T_VERIFY;
meta_redis $REDIS password_file=env:META_T_PASSWORD;
--- start_daemon
--- until: 200 3 sign=key:environment-secret-01
--- upgrade
--- until: 200 3 sign=key:environment-secret-01
--- clients: 1
--- get: /hook?hub.mode=subscribe&hub.challenge=yes&hub.verify_token=environment-token-01
--- status: 200
--- upgrade
--- until: 200 3 sign=key:environment-secret-01
--- quit_daemon

=== an upgrade while Redis is asked: the old binary answers
--- daemon
--- start_daemon
--- until: 200 3
--- redis_do: FLUSHALL
--- redis_do: pause
--- post: /hook as=a
@whatsapp
--- wait_requests: 1
--- upgrade_begins
--- redis_do: cont
--- recv: a
--- status: 200
--- upgrade_ends
--- llen: meta:events 1
--- until: 200 3
--- quit_daemon
