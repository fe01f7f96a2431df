import { Loader, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { send } from './api.ts';
import { dateAndTime, duration, writtenNumber } from './time.ts';
import { useTitle } from './use-title.ts';

interface Message {
  recordingId: string;
  callId: string;
  accountName: string;
  callerNumber: string | null;
  atMs: number;
  durationMs: number;
  deliveries: number;
  incomplete: 'cut-short' | 'missing' | null;
}

const everyMs = 5_000;

/** What callers said when nobody answered, to be heard. `isOwn`: of the account that looks. */
export function MessagesPage({ isOwn }: { isOwn: boolean }) {
  const { t } = useTranslation();
  useTitle(t('messages.title'));
  const { data } = useQuery({
    queryKey: ['voicemails'],
    queryFn: () => send<{ voicemails: Message[] }>('GET', '/voicemails'),
    refetchInterval: everyMs,
  });
  return (
    <Stack className="panel" p="md" gap="xs" maw={1100} mx="auto" component="section" aria-label={t('messages.title')}>
      <Title order={2} size="h4">
        {t('messages.title')}
      </Title>
      {!data && <Loader size="sm" />}
      {data?.voicemails.length === 0 && <Text c="dimmed">{t('messages.none')}</Text>}
      {data && data.voicemails.length > 0 && <Messages messages={data.voicemails} isOwn={isOwn} />}
    </Stack>
  );
}

function Messages({ messages, isOwn }: { messages: Message[]; isOwn: boolean }) {
  const { t } = useTranslation();
  return (
    <Table verticalSpacing={5} className="digits rows">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('messages.at')}</Table.Th>
          {!isOwn && <Table.Th>{t('messages.account')}</Table.Th>}
          <Table.Th>{t('messages.caller')}</Table.Th>
          <Table.Th ta="right">{t('messages.length')}</Table.Th>
          <Table.Th>{t('messages.sent')}</Table.Th>
          <Table.Th>{t('messages.sound')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {messages.map((message) => (
          <Table.Tr key={message.recordingId}>
            <Table.Td className="whole" fw={600}>
              {dateAndTime(message.atMs)}
            </Table.Td>
            {!isOwn && <Table.Td lang="ja">{message.accountName}</Table.Td>}
            <Table.Td data-label={t('messages.caller')} className="whole">
              {message.callerNumber === null ? t('ring.withheld') : writtenNumber(message.callerNumber)}
            </Table.Td>
            <Table.Td data-label={t('messages.length')} ta="right">
              {duration(message.durationMs)}
            </Table.Td>
            <Table.Td data-label={t('messages.sent')} {...(message.deliveries === 0 ? { c: 'red' } : {})}>
              {message.deliveries === 0
                ? t('messages.sentNowhere')
                : t('messages.sentTo', { count: message.deliveries })}
            </Table.Td>
            <Table.Td>
              {message.incomplete && (
                <Text size="sm" c="red">
                  {t(message.incomplete === 'missing' ? 'messages.missing' : 'messages.cutShort')}
                </Text>
              )}
              {message.incomplete !== 'missing' && <Sound message={message} />}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Sound({ message: { callId, recordingId, atMs } }: { message: Message }) {
  const { t } = useTranslation();
  const path = `/api/v1/calls/${encodeURIComponent(callId)}/recordings/${encodeURIComponent(recordingId)}`;
  return (
    <audio controls preload="none" src={path} aria-label={t('messages.play', { at: dateAndTime(atMs) })}>
      <track kind="captions" />
    </audio>
  );
}
