#!/usr/bin/env node
// The consumer's work as a Node program does it, for scripts/bench: LMOVE to a
// list of its own, the answer by HTTP/2, LREM.
//
//     worker.js http2|undici REDIS_SOCKET LIST URL CA_FILE TOKEN_FILE IN_FLIGHT
//
// http2 is Node's own client with one session, by far the cheapest way to HTTP/2
// in Node; undici (npm) speaks HTTP/1.1 here, with as many connections.
//
// So many loops at once, each with one event; node-redis writes what they ask
// for in one turn as one pipeline.  It decodes the event and makes the reply of
// one fixed rule.  It has no order, no retries, no limits, no dedupe, no lease,
// and an event whose worker dies stays in the list of its own.

'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');
const { createClient } = require('redis');

const [client, socket, list, url, caFile, tokenFile, inFlight] = process.argv.slice(2);
const own = `${list}:node`;
const bearer = `Bearer ${fs.readFileSync(tokenFile, 'utf8').trim()}`;

const redis = createClient({ socket: { path: socket } });
redis.on('error', (e) => console.error(`redis: ${e.message}`));

const ca = fs.readFileSync(caFile);

function headers(body) {
  return {
    authorization: bearer,
    accept: 'application/json',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
}

function byHttp2() {
  const session = http2.connect(url, { ca });
  session.on('error', (e) => { console.error(`http2: ${e.message}`); process.exit(1); });
  return (path, body) => new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers(body) });
    let status;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (answer) => { status = answer[':status']; });
    stream.on('data', (chunk) => { text += chunk; });
    stream.on('end', () => resolve({ status, text }));
    stream.on('error', reject);
    stream.end(body);
  });
}

function byUndici() {
  const { Pool } = require('undici');
  const pool = new Pool(url, { connections: Number(inFlight), pipelining: 1, connect: { ca } });
  return async (path, body) => {
    const answer = await pool.request({ method: 'POST', path, headers: headers(body), body });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
}

const post = client === 'undici' ? byUndici() : byHttp2();

async function work(record) {
  const { value } = JSON.parse(record).event;
  const message = value?.messages?.[0];
  if (message?.type !== 'text') return;
  const { status, text } = await post(`/v24.0/${value.metadata.phone_number_id}/messages`,
    JSON.stringify({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: message.from,
      type: 'text',
      text: { body: 'Thanks, we are on it.' },
    }));
  const answer = JSON.parse(text);
  if (status !== 200 || answer.error || !answer.messages) throw new Error(`status ${status}`);
}

async function loop() {
  for (;;) {
    const record = await redis.lMove(list, own, 'LEFT', 'RIGHT');
    if (record === null) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    } else {
      await work(record);
      await redis.lRem(own, 1, record);
    }
  }
}

redis.connect().then(() => {
  for (let n = 0; n < Number(inFlight); n++) {
    loop().catch((e) => { console.error(e.message); process.exit(1); });
  }
});
