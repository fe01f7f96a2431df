import { execFileSync } from 'node:child_process';

/** Sends a UDP datagram on loopback from a port that no socket can be bound to (0), which takes a raw socket. */
export function sendFromPortZero(to: { port: number }, payload: Uint8Array): void {
  const script = `
    use Socket;
    my ($port, $hex) = @ARGV;
    my $payload = pack('H*', $hex);
    socket(my $raw, PF_INET, SOCK_RAW, 17) or die "raw socket: $!";
    my $packet = pack('nnnn', 0, $port, 8 + length $payload, 0) . $payload;
    send($raw, $packet, 0, sockaddr_in(0, inet_aton('127.0.0.1'))) or die "send: $!";`;
  const command = ['perl', '-e', script, String(to.port), Buffer.from(payload).toString('hex')];
  const [file = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command];
  execFileSync(file, args);
}
