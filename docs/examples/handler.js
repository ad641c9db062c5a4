#!/usr/bin/env node
// A handler for meta-consumer.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const secret = fs.readFileSync(process.env.SECRET_FILE, 'utf8').trim();

// Your answer: a list of actions.
async function decide(event) {
    if (event.kind === 'message' && (event.text || '').includes('deliver')) {
        return [{ reply: { text: 'Yes, daily.' } }, 'mark_read'];
    }
    return [];
}

function isGenuine(headers, body) {
    const stamp = headers['meta-timestamp'] || '';
    const want = Buffer.from('sha256=' + crypto.createHmac('sha256', secret)
        .update(stamp + '.').update(body).digest('hex'));
    const got = Buffer.from(headers['meta-signature'] || '');
    return got.length === want.length && crypto.timingSafeEqual(got, want)
        && Math.abs(Date.now() / 1000 - Number(stamp)) < 300;
}

async function answer(request, response) {
    const chunks = [];
    for await (const chunk of request) {
        chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    if (!isGenuine(request.headers, body)) {
        response.writeHead(401).end();
        return;
    }
    const text = JSON.stringify({ actions: await decide(JSON.parse(body)) });
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(text);
}

http.createServer((request, response) => {
    answer(request, response).catch((error) => {
        console.error(error);
        response.writeHead(500).end();
    });
}).listen(Number(process.env.PORT), '127.0.0.1');
