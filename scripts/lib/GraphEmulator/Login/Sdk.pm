# The JavaScript SDK that pages load: FB.init, FB.login, and what hands the code
# back from the popup.
#
# Source: reference meta-graph 3.1.  The message by which the popup tells the SDK
# is ours, as Meta's is her own: no JSON, so that no page mistakes it.
package GraphEmulator::Login::Sdk;
use Mojo::Base -strict, -signatures;

my $SCRIPT = <<'END';
/* graph-emulator's stand-in for Meta's JavaScript SDK */
(function () {
  'use strict';
  var own = new URL(document.currentScript.src);
  var base = own.hostname === 'connect.facebook.net'
    ? 'https://www.facebook.com' + (own.port ? ':' + own.port : '') : own.origin;
  var config = null, busy = null, count = 0;

  function end(now, answer) {
    if (!now || busy !== now) return;
    busy = null;
    clearInterval(now.watch);
    if (now.callback) now.callback(answer);
  }

  function none() { return { authResponse: null, status: 'unknown' }; }

  window.addEventListener('message', function (event) {
    if (!busy || event.origin !== base || event.source !== busy.popup) return;
    if (typeof event.data !== 'string' || event.data.indexOf('cb=') !== 0) return;
    var said = new URLSearchParams(event.data);
    if (said.get('cb') !== busy.id) return;
    var code = said.get('code');
    end(busy, code ? { authResponse: { code: code, userID: null, expiresIn: null },
      status: 'connected' } : none());
  });

  window.FB = {
    init: function (given) { config = given || {}; },
    login: function (callback, given) {
      var o = given || {}, query = new URLSearchParams();
      var here = location.hostname;
      if (typeof callback !== 'function') throw new TypeError('FB.login: a function');
      if (/^async/.test(Function.prototype.toString.call(callback)))
        throw new TypeError('Expression is of type asyncfunction, not function');
      if (!config || !config.appId || !config.version) {
        console.error('FB.login() called before FB.init().');
        return;
      }
      if (location.protocol !== 'https:' && here !== 'localhost' && here !== '127.0.0.1') {
        console.error('The method FB.login can no longer be called from http pages.');
        return;
      }
      busy = { id: 'f' + (++count) + Math.random().toString(36).slice(2),
        callback: callback };
      query.set('client_id', config.appId);
      query.set('display', 'popup');
      query.set('origin', location.origin);
      query.set('cb', busy.id);
      ['config_id', 'response_type', 'scope', 'auth_type'].forEach(function (name) {
        if (o[name]) query.set(name, o[name]);
      });
      if (o.override_default_response_type)
        query.set('override_default_response_type', 'true');
      if (o.extras) query.set('extras', JSON.stringify(o.extras));
      busy.popup = window.open(base + '/' + config.version + '/dialog/oauth?' + query,
        'fb_dialog', 'width=600,height=750');
      if (!busy.popup) { end(busy, none()); return; }
      var now = busy;
      now.watch = setInterval(function () {
        if (now.popup.closed) setTimeout(function () { end(now, none()); }, 200);
      }, 250);
    },
    getLoginStatus: function (callback) { if (callback) callback(none()); },
    AppEvents: { logEvent: function () {}, logPageView: function () {} }
  };
  if (typeof window.fbAsyncInit === 'function') window.fbAsyncInit();
})();
END


sub script ($class) {
    return { status => 200, type => 'application/javascript; charset=utf-8',
        body => $SCRIPT };
}

1;
