#!/usr/bin/env bash
# SIPp 3.6.1 (Debian's sip-tester 1:3.6.1-1+b2) calls baresip 1.0.0 (Debian's baresip-core 1.0.0-4+b3) and presses 1 * # by
# `play_dtmf`. Offer and answer agree on telephone-event, first as payload type 101, then as 96.
#
# Guess: SIPp, which can play keys without a recording of them, sends them in the type of the descriptions.
# What happens: it sends them as 96, whatever was agreed, after 20 packets of type 97 that nobody agreed on and that only
# take time. With 101, which most phones and trunks offer, the call stands and baresip hears no key; with 96 it hears all
# three. A test of a voice menu with 101 looks as if the menu were deaf.
source "$(dirname "$0")/lib.sh"
debian_packages sip-tester=1:3.6.1-1+b2 libpcap0.8=1.10.3-1 libsctp1=1.0.19+dfsg-2 \
  baresip-core=1.0.0-4+b3 libre0=1.1.0-1+b2 librem0=0.6.0-4
export TERM=${TERM:-xterm}
read -r caller phone media < <(free_ports 3)

mkdir phone
cat >phone/config <<CONFIG
sip_listen 127.0.0.1:$phone
net_interface 127.0.0.1
rtp_ports $media-$((media + 1))
module_path $root/usr/lib/baresip/modules
module g711.so
module account.so
module menu.so
CONFIG
echo "<sip:phone@127.0.0.1:$phone>;regint=0;answermode=auto;audio_codecs=PCMU" >phone/accounts
touch phone/contacts
baresip -f phone -t 60 </dev/null >>phone.log 2>&1 & started+=($!)
until_true 15 grep -q 'baresip is ready' phone.log

call() {
  cat >caller.xml <<XML
<?xml version="1.0" encoding="UTF-8"?>
<scenario>
  <send><![CDATA[
$(sipp_request INVITE 1 phone@)
$(sipp_session '[media_ip]')
    m=audio [rtpstream_audio_port] RTP/AVP 0 $1
    a=rtpmap:$1 telephone-event/8000
    a=fmtp:$1 0-15
  ]]></send>
  <recv response="180" optional="true"/>
  <recv response="200">
    <action><ereg regexp="RTP/AVP 0 $1[^0-9]" search_in="body" check_it="true" assign_to="agreed"/></action>
  </recv>
  <Reference variables="agreed"/>
  <send><![CDATA[
$(sipp_request ACK 1 phone@ '[peer_tag_param]')
    Content-Length: 0

  ]]></send>
  <nop><action><exec play_dtmf="1*#"/></action></nop>
  <pause milliseconds="3500"/>
  <send retrans="500"><![CDATA[
$(sipp_request BYE 2 phone@ '[peer_tag_param]')
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
XML
  local before
  before=$(stat -c %s phone.log)
  sipp -sf caller.xml -i 127.0.0.1 -mi 127.0.0.1 -p "$caller" -m 1 -nostdin -timeout 20 "127.0.0.1:$phone" >caller.log 2>&1
  tail -c +$((before + 1)) phone.log >call.log
  echo "$(grep -ac 'Call established' call.log) call, keys $(grep -ao "received event: '.' (end=0)" call.log | cut -d"'" -f2 | tr -d '\n')"
}
expect 'agreed on 101' '1 call, keys ' "$(call 101)"
expect 'agreed on 96' '1 call, keys 1*#' "$(call 96)"
