(function () {
'use strict';

// a code lives 30 seconds
var CODE_MS = 25000, LOAD_MS = 20000, INFO_MS = 300;

var page = document.getElementById('page');
var config = JSON.parse(page.getAttribute('data-config'));
var state = page.getAttribute('data-key');
var flow = page.getAttribute('data-flow');

// of a signup that was on its way when its page was loaded anew; who begins again needs the link
var known = page.getAttribute('data-known');
var link = known ? '' : location.href.split('#')[0];
var start = at('start'), form = at('pin'), digits = at('digits');

// what Meta's window says of itself, beside the code; and where we are
var info = null, late = null, phase = 'loading', given = false;

function at(id) { return document.getElementById(id); }

function say(look, title, text, button) {
  page.className = look;
  at('title').textContent = document.title = title;
  at('text').textContent = text;
  at('plan').hidden = true;
  at('hint').hidden = true;
  at('go').hidden = !button;
  start.disabled = false;
  start.textContent = button || '';
}

// -- what Meta's window says

function trusted(origin) {
  if (config.origin) { return origin === config.origin; }
  var url;
  try { url = new URL(origin); } catch (e) { return false; }
  return url.protocol === 'https:' && url.port === ''
    && (url.hostname === 'facebook.com' || url.hostname.slice(-13) === '.facebook.com');
}

function digitsOf(value) {
  value = typeof value === 'number' ? String(value) : value;
  return typeof value === 'string' && /^[0-9]{1,32}$/.test(value) ? value : null;
}

function word(value, max) { return typeof value === 'string' ? value.slice(0, max) : ''; }

window.addEventListener('message', function (message) {
  if (!trusted(message.origin) || typeof message.data !== 'string'
      || message.data.length > 20000 || phase === 'loading' || phase === 'sent') { return; }
  var said;
  try { said = JSON.parse(message.data); } catch (e) { return; }
  if (!said || said.type !== 'WA_EMBEDDED_SIGNUP' || !/^[A-Z_]{1,64}$/.test(said.event)) { return; }
  var data = said.data || {};
  info = {
    event: said.event,
    waba: digitsOf(data.waba_id) || digitsOf(Array.isArray(data.waba_ids) ? data.waba_ids[0] : null),
    phone: digitsOf(data.phone_number_id), business: digitsOf(data.business_id),
    step: word(data.current_step, 64), message: word(data.error_message, 300),
    code: word(String(data.error_code || data.error_id || ''), 40),
    session: word(data.session_id, 80)
  };
  if (phase === 'ended') { ended(); }
  if (phase === 'asked') { late(); }
});

// -- Meta's SDK

function load() {
  var script = document.createElement('script');
  var timer = setTimeout(failed, LOAD_MS);
  function failed() {
    if (phase !== 'loading') { return; }
    say('bad', 'Facebook could not be loaded', 'A content blocker, or the network of this place, '
      + 'keeps Facebook away from this page. Please allow it, or try another browser.', 'Try again');
    phase = 'broken';
  }
  window.fbAsyncInit = function () {
    clearTimeout(timer);
    window.FB.init({appId: config.app, autoLogAppEvents: false, xfbml: false, version: config.graph});
    if (phase === 'broken') {
      say('start', 'Connect your WhatsApp account', 'Facebook opens in a window of its own.', ' ');
    } else if (phase !== 'loading') {
      return;
    }
    phase = 'ready';
    start.disabled = false;
    start.textContent = 'Continue with Facebook';
  };
  script.src = config.sdk;
  script.async = true;
  script.onerror = failed;
  document.head.appendChild(script);
}

// the browser opens a window only from inside of a click
start.addEventListener('click', function () {
  if (phase === 'broken' || phase === 'over') { location.replace(link); return; }
  info = null;
  phase = 'open';
  say('wait', 'Continue in Facebook’s window', 'When you are done there, this page goes on by itself.',
    'Open the window again');
  window.FB.login(answered, {config_id: config.config, response_type: 'code',
    override_default_response_type: true, extras: config.extras});
});

function answered(response) {
  var code = response && response.authResponse && response.authResponse.code;
  if (phase === 'sent' || phase === 'asked') { return; }
  if (!code) {
    phase = 'ended';
    ended();
    return;
  }
  var since = Date.now();
  say('wait', 'Connecting your account', 'Your permission has arrived.');
  if (info) { send(code, since); return; }

  // the ids come beside the code, and mostly before it; they never hold it up for long
  phase = 'asked';
  var timer = setTimeout(go, INFO_MS);
  function go() {
    clearTimeout(timer);
    if (phase === 'asked') { send(code, since); }
  }
  late = go;
}

// no code came: why, as far as Meta told
function ended() {
  var said = info || {};
  if (said.message) {
    say('bad', 'Facebook reported a problem', 'In Facebook’s words: ' + said.message, 'Try again');
    if (said.code || said.session) {
      at('hint').textContent = 'Whoever helps you may want to know: '
        + [said.code && 'code ' + said.code, said.session && 'session ' + said.session]
          .filter(Boolean).join(', ');
      at('hint').hidden = false;
    }
    return;
  }
  if (said.event === 'ERROR') {
    say('bad', 'Facebook reported a problem', 'Nothing was connected. Please try again in a few minutes.',
      'Try again');
    return;
  }
  if (/^FINISH/.test(said.event)) {
    say('bad', 'Nothing was connected', 'Facebook was done, but did not hand your permission over. '
      + 'Please try again.', 'Try again');
    return;
  }
  var step = said.step ? said.step.toLowerCase().replace(/_/g, ' ') : '';
  say('note', 'Nothing was connected', 'The window was closed before Facebook was done'
    + (step ? ', at the step “' + step + '”' : '')
    + '. You can go on whenever you like.', 'Continue with Facebook');
  if (!info) {
    at('hint').textContent = 'Did you see no window at all? Then this browser has to allow this page'
      + ' to open one.';
    at('hint').hidden = false;
  }
}

// -- to our own server

function post(body) {
  return fetch(location.pathname, {method: 'POST', cache: 'no-store', credentials: 'same-origin',
    headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)})
    .then(function (answer) {
      return answer.json().then(function (said) {
        return {status: answer.status, said: said};
      });
    });
}

// until it is taken: what was not taken was not used
function insist(body, until, done) {
  function again() {
    if (Date.now() < until) { setTimeout(function () { insist(body, until, done); }, 1000); return; }
    done({status: 0, said: {text: 'We could not reach our server in time. Please try again.'}});
  }
  post(body).then(function (answer) {
    if (answer.status === 503 || answer.status === 502 || answer.status === 504) { again(); return; }
    done(answer);
  }, again);
}

function send(code, since) {
  var said = info || {};
  phase = 'sent';
  insist({state: state, code: code, event: said.event || null, waba: said.waba || null,
    phone: said.phone || null, business: said.business || null}, since + CODE_MS, function (answer) {
    if (answer.status === 200 || answer.status === 409) {
      history.replaceState(null, '', '?flow=' + flow);
      state = answer.said.state || state;
      window.follow(answer.status === 200 ? answer.said
        : {flow: flow, step: 'received', text: answer.said.text, error: null, accounts: []});
      return;
    }
    phase = 'over';
    say('bad', 'Nothing was connected', answer.said.text || 'Please try again.', 'Try again');
  });
}

// -- the PIN of a number that has one, asked once

page.addEventListener('flow', function (event) {
  var step = event.detail.step, ask = step === 'pin' && !given;
  if (form.hidden === ask) {
    form.hidden = !ask;
    if (ask) { digits.focus(); }
  }
  if (step === 'pin') {
    at('hint').hidden = true;
    at('title').textContent = document.title = ask ? 'Your number has a PIN' : 'Connecting your account';
    if (ask) { page.className = 'lock'; }
    at('steps').hidden = ask;
  }
  var again = step === 'failed' || step === 'unknown' || (step !== 'pin' && event.detail.error === 'late');
  phase = again || step === 'connected' ? 'over' : 'sent';
  at('go').hidden = !again || !link;
  if (again && link) {
    at('hint').hidden = true;
    start.textContent = 'Try again';
  }
});

digits.addEventListener('input', function () { at('wrong').hidden = true; });

form.addEventListener('submit', function (event) {
  event.preventDefault();
  var pin = digits.value.replace(/\s/g, '');
  at('wrong').hidden = /^[0-9]{6}$/.test(pin);
  if (!at('wrong').hidden) {
    at('wrong').textContent = 'A PIN has exactly six digits.';
    digits.focus();
    return;
  }
  given = true;
  digits.value = '';
  form.hidden = true;
  insist({state: state, pin: pin}, Date.now() + CODE_MS, function (answer) {
    if (answer.status === 200 || answer.status === 409) { return; }
    given = false;
    at('wrong').textContent = answer.said.text || 'Please try again.';
    at('wrong').hidden = false;
  });
});

if (known) {
  at('plan').hidden = true;
  window.follow(JSON.parse(known));
} else {
  load();
}
})();
