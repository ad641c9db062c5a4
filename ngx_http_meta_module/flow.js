(function () {
'use strict';

// what a flow goes through, in words; those of a signup come only with one
var STEPS = [
  ['received', 'Permission received'],
  ['exchanging', 'Confirming with Meta'],
  ['checking', 'Checking the permission'],
  ['accounts', 'Finding your accounts'],
  ['subscribing', 'Switching on messages'],
  ['registering', 'Preparing your number'],
  ['connected', 'Connected']
];
var SIGNUP = ['registering', 'pin'];
var KINDS = {
  page: 'Facebook Page', instagram: 'Instagram', whatsapp: 'WhatsApp number',
  waba: 'WhatsApp account', business: 'Business', user: 'Profile', ad_account: 'Ad account'
};
var TITLES = {connected: 'You are connected', failed: 'Nothing was connected',
  late: 'This takes too long', unknown: 'There is nothing to see here'};

var page = document.getElementById('page');
var signup = page.hasAttribute('data-signup');
var changed = Date.now(), last = '', timer = 0;

function at(id) { return document.getElementById(id); }

function place(step) {
  for (var i = 0; i < STEPS.length; i++) {
    if (STEPS[i][0] === (step === 'pin' ? 'registering' : step)) { return i; }
  }
  return 0;
}

function item(parent, parts) {
  var li = document.createElement('li');
  parts.forEach(function (part) {
    var e = document.createElement(part[0]);
    e.textContent = part[1];
    li.appendChild(e);
  });
  parent.appendChild(li);
  return li;
}

function showSteps(step) {
  var list = at('steps'), here = place(step);
  list.textContent = '';
  list.hidden = !!TITLES[step];
  STEPS.forEach(function (s, i) {
    if (!signup && SIGNUP.indexOf(s[0]) >= 0) { return; }
    var done = i < here || i === 0;
    var li = item(list, done ? [['span', s[1]], ['i', '']] : [['span', s[1]]]);
    li.className = done ? 'done' : i === here || (here === 0 && i === 1) ? 'now' : '';
    if (li.className === 'now') { li.setAttribute('aria-current', 'step'); }
  });
}

function showAccounts(accounts) {
  var list = at('accounts');
  list.textContent = '';
  accounts.forEach(function (a) {
    var kind = KINDS[a.kind] || '';
    if (a.number && a.number !== a.name) { kind += ' ' + a.number; }
    item(list, [['b', a.name || a.account || ''], ['span', kind]]);
  });
  list.hidden = !accounts.length;
}

// also for whoever started the flow from a page of its own
function show(state) {
  if (SIGNUP.indexOf(state.step) >= 0) { signup = true; }
  if (state.step + state.text !== last) { changed = Date.now(); }
  last = state.step + state.text;

  var end = !TITLES[state.step] && state.error === 'late' ? 'late' : state.step;
  page.className = end === 'connected' ? 'good'
    : state.error === 'denied' || end === 'unknown' ? 'note'
    : end === 'failed' ? 'bad' : end === 'late' ? 'late' : 'wait';
  at('title').textContent = document.title = TITLES[end] || 'Connecting your accounts';
  var text = state.text.replace(/ \u2029/g, '\n\n');      // its paragraphs
  if (at('text').innerText !== text) { at('text').innerText = text; }
  showSteps(end);
  showAccounts(end === 'connected' ? state.accounts : []);
  hint(end === 'connected' || state.error === 'taken' ? ''
    : end === 'failed' || end === 'late' ? 'To try again, open the link you received once more.'
    : Date.now() - changed > 45000
      ? 'This takes longer than usual. You can leave this page open, or come back to it later.' : '');
  page.dispatchEvent(new CustomEvent('flow', {detail: state}));
  return end === 'late' || !TITLES[end];    // what is late may go on after all
}

function hint(text) {
  at('hint').textContent = text;
  at('hint').hidden = !text;
}

function later(flow, ms) {
  clearTimeout(timer);
  timer = setTimeout(function () { ask(flow); }, ms);
}

function ask(flow) {
  fetch('?flow=' + flow + '&format=json', {cache: 'no-store', credentials: 'same-origin'})
    .then(function (answer) {
      if (answer.status !== 200 && answer.status !== 404) { throw answer.status; }
      return answer.json();
    })
    .then(function (state) {
      if (show(state)) { later(flow, Date.now() - changed > 30000 ? 3000 : 700); }
    })
    .catch(function (why) {
      hint(why === 401 || why === 403 ? 'Please reload this page: you may have to log in again.'
        : 'We cannot reach the server just now. This page tries again by itself.');
      later(flow, 3000);
    });
}

window.follow = function (state) { if (show(state)) { later(state.flow, 400); } };

var state = page.getAttribute('data-state');
if (state) {
  window.follow(JSON.parse(state));
} else if (page.className === 'wait') {
  // Meta ends the address with "#_=_", and then the header Refresh does not ask again
  setTimeout(function () { location.reload(); }, 3000);
}
})();
