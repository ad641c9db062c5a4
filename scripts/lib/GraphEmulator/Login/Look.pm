# How the dialogs look: plain, light and dark, and marked as what they are.
package GraphEmulator::Login::Look;
use Mojo::Base -strict, -signatures;

use Exporter 'import';
use Mojo::Util qw(xml_escape);

our @EXPORT_OK = qw(boxes choice form page);

my %NAME = (facebook => 'Facebook', instagram => 'Instagram',
    signup => 'Embedded Signup');

my $STYLE = <<'END';
:root { color-scheme: light dark }
* { box-sizing: border-box }
body { margin: 0; padding: 24px 16px; font: 16px/1.5 system-ui, sans-serif;
  background: #f0f2f5; color: #1c1e21 }
main { max-width: 440px; margin: 0 auto; padding: 24px; border-radius: 12px;
  background: #fff; box-shadow: 0 1px 4px #0003 }
header { max-width: 440px; margin: 0 auto 16px; font-weight: 700; color: #0866ff }
header small { font-weight: 400; color: #65676b }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 8px }
label { display: flex; gap: 10px; padding: 6px 0; overflow-wrap: anywhere }
label.pick { display: block }
select { display: block; width: 100%; padding: 8px; font: inherit }
fieldset { border: 1px solid #ccd0d5; border-radius: 8px; margin: 16px 0 }
button { display: block; width: 100%; padding: 12px; margin-top: 10px; border: 0;
  border-radius: 8px; font: inherit; font-weight: 600; cursor: pointer }
button.yes { background: #0866ff; color: #fff }
button.no { background: #e4e6eb; color: #1c1e21 }
.note { color: #65676b }
@media (prefers-color-scheme: dark) {
  body { background: #18191a; color: #e4e6eb }
  main { background: #242526 }
  header { color: #5aa7ff }
  header small, .note { color: #b0b3b8 }
  button.no { background: #3a3b3c; color: #e4e6eb }
}
END


# A page of the kind: facebook, instagram, signup; $inner is HTML.
sub page ($kind, $title, $text, $inner, $script = undef) {
    my ($name, $heading, $words) = map { xml_escape($_) } $NAME{$kind}, $title, $text;
    $inner .= "\n<script>$script</script>" if defined $script;
    return <<"END";
<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name (emulator): $heading</title>
<link rel="icon" href="data:,">
<style>$STYLE</style>
<header>$name <small>&middot; emulator, nothing to do with Meta</small></header>
<main><h1>$heading</h1>
<p>$words</p>
$inner
</main>
END
}


# What is asked stays in the form; the two buttons say what was done.
sub form ($params, $inner, $yes) {
    my $hidden = join '', map {
        my ($name, $value) = map { xml_escape($_) } $_, $params->{$_};
        qq{<input type="hidden" name="$name" value="$value">\n};
    } grep { !/\A(?:do|as|scope\..*|signup\..*)\z/ } sort keys %$params;
    $yes = xml_escape($yes);
    return <<"END";
<form method="post">
$hidden$inner
<button class="yes" id="continue" name="do" value="continue">$yes</button>
<button class="no" id="cancel" name="do" value="cancel">Cancel</button>
</form>
END
}


# One of several [value, text]; where there is one it is not asked.
sub choice ($name, $chosen, @options) {
    my $options = join '', map {
        my ($value, $text) = map { xml_escape($_) } @$_;
        my $is = $_->[0] eq $chosen ? ' selected' : '';
        qq{<option value="$value"$is>$text</option>};
    } @options;
    return sprintf '<input type="hidden" name="%s" value="%s">', $name,
        xml_escape($options[0][0]) if @options == 1;
    my %label = (as => 'Who you are', 'signup.event' => 'How it ends',
        'signup.waba' => 'WhatsApp account', 'signup.phone' => 'Number');
    return qq{<label class="pick">$label{$name}<select name="$name">$options</select>}
        . "</label>\n";
}


# A box for each scope; those that cannot be declined are only told.
sub boxes ($scopes, $may_decline) {
    my $boxes = join '', map {
        my $scope = xml_escape($_);
        $may_decline ? qq{<label><input type="checkbox" name="scope.$scope" value="1"}
            . qq{ checked><span>$scope</span></label>\n}
            : "<label><span>$scope</span></label>\n";
    } @$scopes;
    return "<fieldset><legend>Emulator will be able to</legend>\n$boxes</fieldset>\n";
}

1;
