# What stands in the list: one element an event, in the order of the bytes.

use strict;
use warnings;

use Mojo::JSON qw(decode_json);
use Test::More;

use Test::Meta;

# KEY N: so many different values of a key are in meta:events
verb distinct => sub {
    my ($t, $arg) = @_;
    my ($key, $n) = split ' ', $arg;
    my %seen = map { decode_json($_)->{$key} => 1 }
        $t->{redis}->queue('meta:events');
    is scalar keys %seen, $n, "$n different values of $key";
};

# LIST: the exact bytes behind "event":, one a line
verb events_are => sub {
    my ($t, $list, $text) = @_;
    my @got = map { /"event":(.*)\}\z/s } $t->{redis}->queue($list);
    is join("\n", @got), $text =~ s/\n\z//r, "events of $list";
};

# post and events_are with <FF> for a byte that is never UTF-8
verb post_bytes => sub { $_[0]->run('post', $_[1], $_[2] =~ s/<FF>/\xff/gr) };
verb bytes_are => sub {
    $_[0]->run('events_are', $_[1], $_[2] =~ s/<FF>/\xff/gr);
};

run_blocks();

__DATA__

=== a WhatsApp text: every key, compact, in order, event last and as sent
--- post: /hook
{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp", "metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Sheena \ud83d\ude00"},"wa_id":"16505551234","user_id":"ZA.48210093377165520"}],"messages":[{"from":"16505551234","id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=","timestamp":"1749416383","type":"text","text":{"body":"Does it come in a\/nother colour?"}}]},"field":"messages"}]}]}
--- status: 200
--- queue: meta:events
{"v":1,"id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=","app":"1234567890","object":"whatsapp_business_account","entry":"102290129340398","time":1749416383000,"field":"messages","key":"106540352242922:ZA.48210093377165520","delivery":"ID","n":0,"of":1,"received_at":NOW,"event":{"value":{"messaging_product":"whatsapp", "metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Sheena \ud83d\ude00"},"wa_id":"16505551234","user_id":"ZA.48210093377165520"}],"messages":[{"from":"16505551234","id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=","timestamp":"1749416383","type":"text","text":{"body":"Does it come in a\/nother colour?"}}]},"field":"messages"}}

=== a Messenger text and its echo share one line
--- post: /hook
{"object":"page","entry":[{"id":"118734502290164","time":1763700000200,"messaging":[{"sender":{"id":"7290000000000001"},"recipient":{"id":"118734502290164"},"timestamp":1763700000123,"message":{"mid":"m_abc","text":"How much is it?"}}]},{"id":"118734502290164","time":1763700000300,"messaging":[{"sender":{"id":"118734502290164"},"recipient":{"id":"7290000000000001"},"timestamp":1763700000223,"message":{"is_echo":true,"mid":"m_def","text":"It is 49 EUR."}}]}]}
--- status: 200
--- queue: meta:events
{"v":1,"id":"m_abc","app":"1234567890","object":"page","entry":"118734502290164","time":1763700000123,"field":"messaging","key":"118734502290164:7290000000000001","delivery":"ID","n":0,"of":2,"received_at":NOW,"event":{"sender":{"id":"7290000000000001"},"recipient":{"id":"118734502290164"},"timestamp":1763700000123,"message":{"mid":"m_abc","text":"How much is it?"}}}
{"v":1,"id":"m_def","app":"1234567890","object":"page","entry":"118734502290164","time":1763700000223,"field":"messaging","key":"118734502290164:7290000000000001","delivery":"ID","n":1,"of":2,"received_at":NOW,"event":{"sender":{"id":"118734502290164"},"recipient":{"id":"7290000000000001"},"timestamp":1763700000223,"message":{"is_echo":true,"mid":"m_def","text":"It is 49 EUR."}}}
--- calls: rpush 1

=== changes, messaging and standby of one entry, in the order of the bytes
--- post: /hook
{"entry":[{"standby":[{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000001,"message":{"mid":"m_1","text":"standby text"}}],"time":1763700000,"changes":[{"field":"leadgen","value":{"leadgen_id":44}}],"messaging":[{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000002,"read":{"watermark":1}}],"id":"1"}],"object":"page"}
--- status: 200
--- queue: meta:events
{"v":1,"id":"m_1:standby","app":"1234567890","object":"page","entry":"1","time":1763700000001,"field":"standby","key":"1:7","delivery":"ID","n":0,"of":3,"received_at":NOW,"event":{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000001,"message":{"mid":"m_1","text":"standby text"}}}
{"v":1,"id":"44:lead","app":"1234567890","object":"page","entry":"1","time":1763700000000,"field":"leadgen","key":"1:44","delivery":"ID","n":1,"of":3,"received_at":NOW,"event":{"field":"leadgen","value":{"leadgen_id":44}}}
{"v":1,"id":"sha256:1ba04faba88fae83030914c3dd7b40c0","app":"1234567890","object":"page","entry":"1","time":1763700000002,"field":"messaging","key":"1:7","delivery":"ID","n":2,"of":3,"received_at":NOW,"event":{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000002,"read":{"watermark":1}}}

=== 20 events: one RPUSH, order, n, of, one delivery id
--- post: /hook
@whatsapp 20
--- status: 200
--- records: meta:events
--- calls: rpush 1
--- meta_log: ^200 ok object=whatsapp_business_account app=1234567890 events=20 queued=redis time=\d+\.\d+ delivery=[0-9a-f]{32}$

=== 400 events: one RPUSH
--- post: /hook
@whatsapp 400
--- status: 200
--- records: meta:events
--- calls: rpush 1
--- meta_log: ^200 ok object=whatsapp_business_account app=1234567890 events=400 queued=redis

=== 400 Messenger events: one RPUSH
--- post: /hook
@page 400
--- status: 200
--- records: meta:events
--- calls: rpush 1

=== 10,000 events are 10,000 records; one more, and the whole body is one
--- location
meta_webhook;
client_max_body_size 8m;
--- post: /hook
@page 10000
--- status: 200
--- llen: meta:events 10000
--- records: meta:events
--- calls: rpush 1
--- redis_do: FLUSHALL
--- post: /hook
@page 10001
--- status: 200
--- llen: meta:events 1
--- meta_log: ^200 ok object=page app=1234567890 events=1 queued=redis

=== two deliveries have two ids, the same event keeps its own
--- post: /hook
{"object":"page","entry":[{"id":"1","time":1,"messaging":[{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000002,"message":{"mid":"m_1"}}]}]}
--- status: 200
--- post: /hook
{"object":"page","entry":[{"id":"1","time":2,"messaging":[{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1763700000002,"message":{"mid":"m_1"}}]}]}
--- status: 200
--- distinct: delivery 2
--- distinct: id 1

=== unknown objects, fields and shapes are never refused
--- post: /hook
{"object":"not_yet_known","entry":[{"id":"5","surprise":[1,2]},{"id":"6","changes":[]},17,{"changes":[null,"x"]}]}
--- status: 200
--- llen: meta:events 5
--- meta_log: ^200 ok object=not_yet_known app=1234567890 events=5
--- post: /hook
{}
--- status: 200
--- llen: meta:events 6
--- post: /hook
{"object":17,"entry":{}}
--- status: 200
--- llen: meta:events 7

=== white space around the body is cut from the event, that inside stays
--- post: /hook
 	{ "object" : "page", "entry" : [ ] }	 
--- status: 200
--- events_are: meta:events
{ "object" : "page", "entry" : [ ] }

=== raw UTF-8, invalid UTF-8 and a zero's escape come through as sent
--- post_bytes: /hook
{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":{"message":"äöå \u0000 <FF>"}}]}]}
--- status: 200
--- bytes_are: meta:events
{"field":"feed","value":{"message":"äöå \u0000 <FF>"}}

=== received_at and delivery are this request's
--- post: /hook
@whatsapp 2
--- status: 200
--- records: meta:events
--- distinct: delivery 1
--- distinct: received_at 1
