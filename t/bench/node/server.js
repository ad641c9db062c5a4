#!/usr/bin/env node
// The webhook as a Node program does it, for scripts/bench: the same checks,
// answers and records as the module's, one RPUSH, the 200 after Redis' reply.
//
//     server.js PORT REDIS_SOCKET SECRET_FILE LIST
//
// It knows WhatsApp's messages and statuses; ids of anything else are hashes.
// The event is encoded anew, so its bytes are not those that Meta signed.

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const { createClient } = require('redis');

const [port, socket, secretFile, list] = process.argv.slice(2);
const MAX_BODY = 4 * 1024 * 1024;
const KINDS = ['changes', 'messaging', 'standby'];

const secret = crypto.createSecretKey(fs.readFileSync(secretFile, 'utf8').trim(), 'utf8');
const redis = createClient({ socket: { path: socket } });
redis.on('error', (e) => console.error(`redis: ${e.message}`));

function answer(res, status, text, more) {
  res.writeHead(status, {
    'Cache-Control': 'no-store', 'Content-Type': 'text/plain', 'Content-Length': text.length, ...more,
  });
  res.end(text);
}

function signatureOf(req) {
  const header = req.headers['x-hub-signature-256'];
  return header && /^sha256=[0-9a-fA-F]{64}$/.test(header) ? Buffer.from(header.slice(7), 'hex') : null;
}

function hash(object, entry, time, event) {
  const h = crypto.createHash('sha256');
  for (const part of [object, entry, time, JSON.stringify(event)]) h.update(`${part}\0`);
  return `sha256:${h.digest('hex').slice(0, 32)}`;
}

function milliseconds(t) {
  const n = Number(t);
  return t === undefined || Number.isNaN(n) ? null : n < 1e12 ? n * 1000 : n;
}

// id, key and time of a change that holds exactly one message or status
function identify(change) {
  const value = change?.value;
  const phone = value?.metadata?.phone_number_id;
  if (phone === undefined) return null;
  const { messages, statuses } = value;
  if (messages?.length === 1 && !statuses) {
    const m = messages[0];
    const user = m.group_id ?? m.from_user_id ?? value.contacts?.[0]?.user_id ?? m.from;
    return { id: m.id, key: user ? `${phone}:${user}` : phone, time: milliseconds(m.timestamp) };
  }
  if (statuses?.length === 1 && !messages) {
    const s = statuses[0];
    return { id: `${s.id}:${s.status}`, key: `${phone}:${s.id}`, time: milliseconds(s.timestamp) };
  }
  return null;
}

// what a body holds, as [entry, event, field]
function collect(body) {
  if (!Array.isArray(body.entry) || body.entry.length === 0) return [[{}, body, body.field ?? '']];
  const found = [];
  for (const entry of body.entry) {
    const before = found.length;
    for (const kind of KINDS) {
      for (const event of Array.isArray(entry?.[kind]) ? entry[kind] : []) {
        found.push([entry, event, kind === 'changes' ? event?.field ?? '' : kind]);
      }
    }
    if (found.length === before) found.push([entry ?? {}, entry, '']);
  }
  return found;
}

function recordsOf(body, delivery) {
  const object = typeof body.object === 'string' ? body.object : '';
  const found = collect(body);
  const receivedAt = Date.now();
  return found.map(([entry, event, field], n) => {
    const account = typeof entry.id === 'string' ? entry.id : '';
    const known = identify(event);
    return JSON.stringify({
      v: 1,
      id: known?.id ?? hash(object, account, entry.time ?? '', event),
      app: '',
      object,
      entry: account,
      time: known?.time ?? milliseconds(entry.time),
      field,
      key: known?.key ?? account,
      delivery,
      n,
      of: found.length,
      received_at: receivedAt,
      event,
    });
  });
}

async function delivered(req, res, signature, bytes) {
  const mac = crypto.createHmac('sha256', secret).update(bytes).digest();
  if (!crypto.timingSafeEqual(mac, signature)) return answer(res, 401, '');

  let body;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    body = null;
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return answer(res, 400, '');

  const delivery = crypto.randomUUID().replaceAll('-', '');
  try {
    await redis.rPush(list, recordsOf(body, delivery));
  } catch {
    return answer(res, 503, '', { 'Retry-After': 5 });
  }
  return answer(res, 200, 'EVENT_RECEIVED');
}

function refuse(req, res, status, more) {
  req.resume();
  answer(res, status, '', more);
}

const server = http.createServer((req, res) => {
  if (Number(req.headers['content-length']) > MAX_BODY) {
    return refuse(req, res, 413, { Connection: 'close' });
  }
  if (req.method !== 'POST') return refuse(req, res, 405, { Allow: 'POST' });
  const signature = signatureOf(req);
  if (!signature) return refuse(req, res, 401);

  const chunks = [];
  let length = 0;
  req.on('data', (chunk) => {
    length += chunk.length;
    if (length <= MAX_BODY) chunks.push(chunk);
  });
  req.on('end', () => {
    if (length > MAX_BODY) return answer(res, 413, '', { Connection: 'close' });
    const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    return delivered(req, res, signature, bytes);
  });
  return undefined;
});

server.keepAliveTimeout = 600_000;
redis.connect().then(() => server.listen(Number(port), '127.0.0.1'));
