#!/usr/bin/env bash
# SIPp 3.6.1 (Debian's sip-tester 1:3.6.1-1+b2) plays, by `rtp_stream`, a µ-law WAV file of half a second that SoX
# 14.4.2+git20190427-3.5 wrote. The file holds a header of 58 bytes and 4,000 samples; SIPp's manual shows a .wav there.
#
# Guess: it reads the header and sends 25 packets of sound.
# What happens: it sends the file as it lies there. The call begins with "RIFF…WAVEfmt " played as sound, 7 ms of noise,
# the sound comes 58 samples late, and it takes 26 packets: what the last one lacks is filled from the beginning of the
# file, so the header is heard again at the end. Who measures delay, silence or levels with it measures that too.
source "$(dirname "$0")/lib.sh"
debian_packages sip-tester=1:3.6.1-1+b2 libpcap0.8=1.10.3-1 libsctp1=1.0.19+dfsg-2 \
  sox=14.4.2+git20190427-3.5 libsox3=14.4.2+git20190427-3.5 libsox-fmt-base=14.4.2+git20190427-3.5
export TERM=${TERM:-xterm}
read -r caller callee media < <(free_ports 3)

sox -V1 -R -n -r 8000 -c 1 -e u-law -b 8 tone.wav synth 0.5 sine 440 vol 0.3
sox -V1 tone.wav -t ul tone.samples
expect 'bytes of the file, of its sound' '4058 4000' "$(stat -c %s tone.wav tone.samples | xargs)"

# Whoever is called: answers, and has the sound sent to a socket that keeps it.
cat >callee.xml <<XML
<?xml version="1.0" encoding="UTF-8"?>
<scenario>
  <recv request="INVITE"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
$(sipp_session '[local_ip]')
    m=audio $media RTP/AVP 0
  ]]></send>
  <recv request="ACK"/>
</scenario>
XML
cat >caller.xml <<XML
<?xml version="1.0" encoding="UTF-8"?>
<scenario>
  <send><![CDATA[
$(sipp_request INVITE 1)
$(sipp_session '[media_ip]')
    m=audio [rtpstream_audio_port] RTP/AVP 0
  ]]></send>
  <recv response="200"/>
  <send><![CDATA[
$(sipp_request ACK 1 '' '[peer_tag_param]')
    Content-Length: 0

  ]]></send>
  <nop><action><exec rtp_stream="tone.wav,1,0"/></action></nop>
  <pause milliseconds="1500"/>
</scenario>
XML
cat >keep.py <<'PY'
import socket, sys
sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sound.bind(('127.0.0.1', int(sys.argv[1])))
open('ready', 'w').close()
payload, packets = b'', 0
sound.settimeout(10)
try:
    while True:
        payload += sound.recv(2048)[12:]
        packets += 1
        sound.settimeout(1)
except socket.timeout:
    pass
file, samples = open('tone.wav', 'rb').read(), open('tone.samples', 'rb').read()
print(packets, payload[:4].decode('latin1'), payload.find(samples), payload == (file + file)[:len(payload)])
PY
python3 keep.py "$media" >kept & keeper=$!
sipp -sf callee.xml -i 127.0.0.1 -p "$callee" -m 1 -nostdin -timeout 20 >callee.log 2>&1 & started+=($!)
until_true 5 test -e ready
sipp -sf caller.xml -i 127.0.0.1 -mi 127.0.0.1 -p "$caller" -m 1 -nostdin -timeout 20 "127.0.0.1:$callee" >caller.log 2>&1
wait "$keeper"
expect 'packets, first bytes, where the sound begins, file after file' '26 RIFF 58 True' "$(cat kept)"
