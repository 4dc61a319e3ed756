# What each kind of certificate is worth at the gateway's door and to a worker that
# joins: one table.  Identity is the pinned thumbprint; authorities, dates and
# usages decide nothing by themselves, which the table shows, too.
use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Test::More;

use lib 'test/tap/lib';
use Scaleout::GatewayStub;

*run_quietly = \&Scaleout::GatewayStub::run_quietly;
$SIG{PIPE} = 'IGNORE';

my $folder = tempdir(CLEANUP => 1);
my $agent = '0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11';
my $lease = encode_json({ agent_id => $agent, instance_id => $agent, epoch => 7, capacity => 4, wait_ms => 25000, held => [] });
my $join = { agent_id => $agent, token => $agent, secret => 'secret', machine_name => 'm' };

# ---- certificates ---------------------------------------------------------------

sub spew { my ($path, $text) = @_; open(my $file, '>', $path) or die "$path: $!"; print $file $text; close $file; return; }
sub slurp { my ($path) = @_; open(my $file, '<', $path) or die "$path: $!"; local $/; return scalar <$file>; }

spew("$folder/ca.conf", <<"CONF");
[ca]
default_ca = here
[here]
database = $folder/index
new_certs_dir = $folder
serial = $folder/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
CONF
spew("$folder/index", '');
spew("$folder/serial", "1000\n");

# A certificate "$name"; by: who signs it (itself by default), from and to: its life.
sub certificate
{
	my ($name, %with) = @_;
	my $by = $with{by} // $name;
	run_quietly('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', "/CN=$name",
		'-addext', 'subjectAltName=' . ($with{names} // 'DNS:localhost,IP:127.0.0.1'),
		($with{usage} ? ('-addext', "extendedKeyUsage=$with{usage}") : ()), '-keyout', "$folder/$name.key", '-out', "$folder/$name.csr");
	run_quietly('openssl', 'ca', '-batch', '-config', "$folder/ca.conf", '-in', "$folder/$name.csr", '-keyfile', "$folder/$by.key",
		($by eq $name ? '-selfsign' : ('-cert', "$folder/$by.crt")), ($with{authority} ? ('-extensions', 'authority') : ()), '-notext',
		'-startdate', $with{from} // '20200101000000Z', '-enddate', $with{to} // '20990101000000Z', '-out', "$folder/$name.crt");
	chmod 0600, "$folder/$name.key";
	return Scaleout::GatewayStub::thumbprint("$folder/$name.crt");
}

my %pin;
$pin{$_} = certificate($_) for qw(master next joe eve elsewhere);
$pin{root} = certificate('root', authority => 1);
$pin{middle} = certificate('middle', by => 'root', authority => 1);
$pin{other_root} = certificate('other_root', authority => 1);
$pin{member} = certificate('member', by => 'middle');
$pin{neighbour} = certificate('neighbour', by => 'middle');
$pin{moved} = certificate('moved', by => 'other_root');
$pin{expired} = certificate('expired', to => '20210101000000Z');
$pin{early} = certificate('early', from => '20980101000000Z');
$pin{server_only} = certificate('server_only', usage => 'serverAuth');
$pin{other_name} = certificate('other_name', names => 'DNS:other.example');
$pin{exposed} = certificate('exposed');
chmod 0644, "$folder/exposed.key";
# With what is between it and the root behind it.
spew("$folder/chained.crt", slurp("$folder/member.crt") . slurp("$folder/middle.crt"));
spew("$folder/chained.key", slurp("$folder/member.key"));
spew("$folder/moved_chained.crt", slurp("$folder/moved.crt") . slurp("$folder/other_root.crt"));
spew("$folder/moved_chained.key", slurp("$folder/moved.key"));
chmod 0600, "$folder/$_.key" for 'chained', 'moved_chained';

# What stands behind the certificate "heir" in its file: statements that it succeeds another one, good and bad.
# A statement is a certificate that the old key has signed, with one name.
sub statement
{
	my ($name, $from, $to, %with) = @_;
	certificate($name, by => $with{by} // $from, from => $with{from}, to => $with{to},
		names => 'URI:urn:scaleout:succession:' . unpack('H*', $pin{$from}) . ':' . unpack('H*', $pin{$to}) . ($with{names} // ''));
	return slurp("$folder/$name.crt");
}
sub heir
{
	my ($name, @behind) = @_;
	spew("$folder/$name.crt", slurp("$folder/heir.crt") . join('', @behind));
	spew("$folder/$name.key", slurp("$folder/heir.key"));
	chmod 0600, "$folder/$name.key";
	return;
}
$pin{$_} = certificate($_) for qw(grandfather father heir stranger);
my %pem = map { $_ => slurp("$folder/$_.crt") } qw(grandfather father heir stranger root);
my $good = statement('says_good', 'father', 'heir');
heir('heir_good', $good, $pem{father});
heir('heir_two_steps', $good, $pem{father}, statement('says_first', 'grandfather', 'father'), $pem{grandfather});
heir('heir_any_order', $pem{grandfather}, slurp("$folder/says_first.crt"), $pem{father}, $good);
heir('heir_missing_step', $good, $pem{father}, $pem{grandfather});
heir('heir_without_old', $good);
heir('heir_without_statement', $pem{father});
heir('heir_ended', statement('says_ended', 'father', 'heir', to => '20210101000000Z'), $pem{father});
heir('heir_early', statement('says_early', 'father', 'heir', from => '20980101000000Z'), $pem{father});
heir('heir_forged', statement('says_forged', 'father', 'heir', by => 'stranger'), $pem{father});
heir('heir_for_another', statement('says_another', 'father', 'stranger'), $pem{father}, $pem{stranger});
heir('heir_more_names', statement('says_more', 'father', 'heir', names => ',DNS:localhost'), $pem{father});
heir('heir_of_authority', statement('says_authority', 'root', 'heir'), $pem{root});
heir('heir_issued', slurp("$folder/says_good.crt"), $pem{stranger});
certificate('heir_signed', by => 'father');
spew("$folder/heir_signed.crt", slurp("$folder/heir_signed.crt") . $pem{father});

# ---- what happens -----------------------------------------------------------------

sub files { my ($name) = @_; return (certificate => "$folder/$name.crt", key => "$folder/$name.key"); }

sub answer_of
{
	my ($client) = @_;
	my $answer = Scaleout::GatewayStub::read_answer($client) or return 'closed';
	my $json = eval { decode_json($answer->{body}) } // {};
	return "$answer->{status} " . ($json->{error} ? $json->{error}{code} : 'fine');
}

# A client with this certificate (or none) asks; the answer, "200 fine" when the master got it.
sub ask
{
	my ($gateway, $name, %with) = @_;
	my ($route, $body) = (delete $with{route} // 'lease', delete $with{body} // $lease);
	my $client = Scaleout::GatewayStub::client(port => $gateway->{port}, folder => $folder, name => $name, %with) or return 'no handshake';
	Scaleout::GatewayStub::write_all($client, Scaleout::GatewayStub::post($route, $body));
	# Log lines and reports of refused connections may come first.
	while (length $gateway->{input} || grep { $_ == $gateway->{socket} } IO::Select->new($gateway->{socket}, $client)->can_read($Scaleout::GatewayStub::timeout))
	{
		my $frame = $gateway->read_any(time() + $Scaleout::GatewayStub::timeout) // last;
		next if $frame->[0] != $Scaleout::GatewayStub::FRAME{REQUEST};
		$gateway->answer(unpack('Q>', $frame->[1]), 200, '{}');
		last;
	}
	return answer_of($client);
}

# scaleout-worker join against a gateway that serves this certificate, with a token that pins that one.
sub worker
{
	my ($serves, $pinned) = @_;
	my $gateway = Scaleout::GatewayStub->new;
	$gateway->start(files($serves));
	$gateway->send_frame($Scaleout::GatewayStub::FRAME{TRUST}, pack('N', 0));
	my $token = 'scaleout1.' . encode_base64url(encode_json({ endpoint => "https://localhost:$gateway->{port}",
				thumbprint => unpack('H*', $pin{$pinned}), token => $agent, secret => 'secret' }));
	my $program = $ENV{SCALEOUT_PREFIX} ? "$ENV{SCALEOUT_PREFIX}/bin/scaleout-worker" : 'build/bin/scaleout-worker';
	my ($out, $err);
	IPC::Run::run([ $program, 'join', $token, '--directory', "$folder/worker_$serves" ], '>', \$out, '2>', \$err);
	$gateway->stop;
	return $err =~ /(SO\d{3})/ ? $1 : 'joined';
}

sub served
{
	my ($gateway) = @_;
	my $client = Scaleout::GatewayStub::client(port => $gateway->{port}, folder => $folder, name => 'joe') or return 'no handshake';
	my $fingerprint = $client->get_fingerprint('sha256') =~ s/.*\$//r;
	return (grep { unpack('H*', $pin{$_}) eq $fingerprint } sort keys %pin)[0];
}

# Reload with this certificate, tell whether it was taken, which one is served, and whether an old connection goes on.
sub reload
{
	my ($gateway, $name) = @_;
	my $old = Scaleout::GatewayStub::client(port => $gateway->{port}, folder => $folder, name => 'joe');
	$gateway->configure(files($name), port => 0);
	my ($ok, undef, $code) = unpack('C N/a* N/a*', $gateway->expect('RELOADED'));
	Scaleout::GatewayStub::write_all($old, Scaleout::GatewayStub::post('lease', $lease));
	$gateway->answer($gateway->expect_request->{request}, 200, '{}');
	return ($ok ? 'taken' : $code) . ', serves ' . served($gateway) . ', old connection ' . answer_of($old);
}

sub refused_start
{
	my ($name) = @_;
	my $gateway = Scaleout::GatewayStub->new;
	$gateway->expect('HELLO');
	$gateway->configure(files($name));
	my ($code) = unpack('N/a*', $gateway->expect('FAILED'));
	$gateway->wait_exit;
	return $code;
}

sub plain
{
	my ($gateway) = @_;
	my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port});
	syswrite($client, "POST /ClusterManagement/v1/lease HTTP/1.1\r\nHost: x\r\n\r\n");
	return Scaleout::GatewayStub::closes($client) && $gateway->expect_log(qr/plain HTTP on the TLS port/) ? 'closed and logged' : 'open';
}

# The trust in joe ends while he has a connection open.
sub revoke
{
	my ($gateway) = @_;
	my $open = Scaleout::GatewayStub::client(port => $gateway->{port}, folder => $folder, name => 'joe');
	$gateway->trust($pin{eve});
	return (Scaleout::GatewayStub::closes($open) ? 'closed' : 'open') . ', then ' . ask($gateway, 'joe');
}

# The flag of TRUST: workers may join.
sub open_door { my ($gateway) = @_; my $payload = pack('N', 1) . $pin{joe};
	syswrite($gateway->{socket}, pack('NCCn', length $payload, $Scaleout::GatewayStub::FRAME{TRUST}, 1, 0) . $payload); return $gateway; }

# Somebody takes all places of his network and asks for nothing: joins from there and from elsewhere.
sub crowded
{
	my $gateway = open_door($_[0]);
	my @held = map { Scaleout::GatewayStub::client(port => $gateway->{port}, folder => $folder, name => 'eve') } 1 .. 8;
	my %wanted = (route => 'join', body => encode_json($join));
	my $elsewhere = ask($gateway, 'stranger', %wanted, LocalAddr => '127.0.0.2');
	my ($here, $deadline) = ('', time() + $Scaleout::GatewayStub::timeout);
	do { $here = ask($gateway, 'stranger', %wanted) } until $here ne '429 SO316' || time() > $deadline;
	my $closed = grep { Scaleout::GatewayStub::closes($_) } $held[0];
	return "elsewhere $elsewhere, here $here, " . ($closed ? 'the oldest is closed' : 'nobody is closed');
}

# ---- the table ----------------------------------------------------------------------

my @rows = (
	# what, trusted by the gateway, what is done, what must come of it
	[ 'a pinned certificate', ['joe'], sub { ask($_[0], 'joe') }, '200 fine' ],
	[ 'no certificate', ['joe'], sub { ask($_[0], undef) }, '403 SO301' ],
	[ 'a certificate that is not pinned', ['joe'], sub { ask($_[0], 'eve') }, '403 SO302' ],
	[ 'a pinned certificate of an authority, with its chain', ['member'], sub { ask($_[0], 'chained') }, '200 fine' ],
	[ 'the same, the intermediate missing', ['member'], sub { ask($_[0], 'member') }, '200 fine' ],
	[ 'another certificate of the same authority', ['member'], sub { ask($_[0], 'neighbour') }, '403 SO302' ],
	[ 'a certificate whose authority is pinned', [ 'root', 'middle' ], sub { ask($_[0], 'chained') }, '403 SO302' ],
	[ 'a certificate of another authority', ['member'], sub { ask($_[0], 'moved_chained') }, '403 SO302' ],
	[ 'an expired certificate, pinned', ['expired'], sub { ask($_[0], 'expired') }, '200 fine' ],
	[ 'a certificate that is not valid yet, pinned', ['early'], sub { ask($_[0], 'early') }, '200 fine' ],
	[ 'a certificate for servers only, pinned', ['server_only'], sub { ask($_[0], 'server_only') }, '200 fine' ],
	[ 'a certificate whose trust ends', [ 'joe', 'eve' ], \&revoke, 'closed, then 403 SO302' ],
	[ 'plain HTTP', ['joe'], \&plain, 'closed and logged' ],
	[ 'TLS 1.1', ['joe'], sub { ask($_[0], 'joe', SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0') }, 'no handshake' ],
	[ 'TLS 1.2', ['joe'], sub { ask($_[0], 'joe', SSL_version => 'TLSv1_2') }, '200 fine' ],
	[ 'joining while nobody may', ['joe'], sub { ask($_[0], 'eve', route => 'join', body => encode_json($join)) }, '403 SO302' ],
	[ 'joining while somebody may', ['joe'], sub { ask(open_door($_[0]), 'eve', route => 'join', body => encode_json($join)) }, '200 fine' ],
	[ 'anything else then', ['joe'], sub { ask(open_door($_[0]), 'eve') }, '403 SO302' ],
	[ 'joining without a certificate', ['joe'], sub { ask(open_door($_[0]), undef, route => 'join', body => encode_json($join)) }, '403 SO301' ],
	[ 'joining while somebody holds the places', ['joe'], sub { crowded($_[0]) }, 'elsewhere 200 fine, here 200 fine, the oldest is closed' ],
	[ 'joining with a large body', ['joe'], sub { ask(open_door($_[0]), 'eve', route => 'join', body => encode_json({ %$join, machine_name => 'm' x 20000 })) }, '413 SO335' ],
	[ 'a gateway whose key others can read', undef, sub { refused_start('exposed') }, 'SO307' ],
	[ 'reload: another certificate', ['joe'], sub { reload($_[0], 'next') }, 'taken, serves next, old connection 200 fine' ],
	[ 'reload: a key that others can read', ['joe'], sub { reload($_[0], 'exposed') }, 'SO307, serves master, old connection 200 fine' ],
	[ 'reload: no certificate there', ['joe'], sub { reload($_[0], 'nothing') }, 'SO007, serves master, old connection 200 fine' ],
	[ 'reload: a certificate of an authority', ['joe'], sub { reload($_[0], 'chained') }, 'taken, serves member, old connection 200 fine' ],
	[ 'reload: another authority', ['joe'], sub { reload($_[0], 'chained'); reload($_[0], 'moved_chained') }, 'taken, serves moved, old connection 200 fine' ],
	# A worker that joins gets as far as the refusal of a gateway that lets nobody in.
	[ 'a worker and the pinned master', undef, sub { worker('master', 'master') }, 'SO302' ],
	[ 'a worker and a master that is not the pinned one', undef, sub { worker('eve', 'elsewhere') }, 'SO314' ],
	[ 'a worker and a pinned master of another name', undef, sub { worker('other_name', 'other_name') }, 'SO313' ],
	[ 'a worker and a pinned master whose certificate expired', undef, sub { worker('expired', 'expired') }, 'SO302' ],
	[ 'a worker and a master whose authority is pinned', undef, sub { worker('chained', 'middle') }, 'SO314' ],
	[ 'a worker and a pinned master with its chain', undef, sub { worker('chained_member', 'member') }, 'SO302' ],
	# The certificate was replaced while the worker was away: it pins the old one.
	[ 'a successor that the pinned certificate has named', undef, sub { worker('heir_good', 'father') }, 'SO302' ],
	[ 'the successor of a successor', undef, sub { worker('heir_two_steps', 'grandfather') }, 'SO302' ],
	[ 'the same in another order', undef, sub { worker('heir_any_order', 'grandfather') }, 'SO302' ],
	[ 'the same with a step missing', undef, sub { worker('heir_missing_step', 'grandfather') }, 'SO314' ],
	[ 'a statement of a certificate that is not pinned', undef, sub { worker('heir_good', 'elsewhere') }, 'SO314' ],
	[ 'no statement, the old certificate alone', undef, sub { worker('heir_without_statement', 'father') }, 'SO314' ],
	[ 'a statement without the old certificate', undef, sub { worker('heir_without_old', 'father') }, 'SO314' ],
	[ 'a statement that has ended', undef, sub { worker('heir_ended', 'father') }, 'SO314' ],
	[ 'a statement that is not valid yet', undef, sub { worker('heir_early', 'father') }, 'SO314' ],
	[ 'a statement that another key has signed', undef, sub { worker('heir_forged', 'father') }, 'SO314' ],
	[ 'a statement for another certificate', undef, sub { worker('heir_for_another', 'father') }, 'SO314' ],
	[ 'a statement with further names', undef, sub { worker('heir_more_names', 'father') }, 'SO314' ],
	[ 'a statement of a pinned authority', undef, sub { worker('heir_of_authority', 'root') }, 'SO314' ],
	[ 'a good statement beside another certificate', undef, sub { worker('heir_issued', 'father') }, 'SO314' ],
	[ 'a certificate that the old key has signed', undef, sub { worker('heir_signed', 'father') }, 'SO314' ],
);
spew("$folder/chained_member.$_", slurp("$folder/chained.$_")) for 'crt', 'key';
chmod 0600, "$folder/chained_member.key";

for my $row (@rows)
{
	my ($what, $trusted, $done, $expected) = @$row;
	my $gateway;
	if ($trusted)
	{
		$gateway = Scaleout::GatewayStub->new;
		$gateway->start(files('master'));
		$gateway->trust(map { $pin{$_} } @$trusted);
	}
	is($done->($gateway), $expected, $what);
	$gateway->stop if $gateway;
}
cmp_ok(scalar @rows, '>=', 14, 'the table is long enough');
done_testing();
