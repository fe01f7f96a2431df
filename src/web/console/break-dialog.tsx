import { Button, Kbd, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog, useFocus } from './dialog.tsx';
import { breakReasons, useReasonText } from './reason-text.ts';

/** Asks why: a number key, or a text of one's own. */
export function BreakDialog(props: { opened: boolean; onClose: () => void; onChosen: (reason: string) => void }) {
  const { t } = useTranslation();
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title={t('own.chooseReason')} size="sm">
      <Reasons {...props} />
    </Dialog>
  );
}

function Reasons({ onClose, onChosen }: { onClose: () => void; onChosen: (reason: string) => void }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  const [other, setOther] = useState('');
  const first = useFocus<HTMLButtonElement>();
  const choose = (reason: string) => {
    onChosen(reason);
    onClose();
  };
  const byNumber = (key: string) => {
    const reason = breakReasons[Number(key) - 1];
    if (reason) choose(reason);
  };
  return (
    <Stack
      gap="xs"
      onKeyDown={(event) => {
        if (!(event.target instanceof HTMLInputElement)) byNumber(event.key);
      }}
    >
      {breakReasons.map((reason, index) => (
        <Button
          key={reason}
          variant="default"
          justify="space-between"
          rightSection={<Kbd>{index + 1}</Kbd>}
          onClick={() => choose(reason)}
          {...(index === 0 ? { 'data-autofocus': true, ref: first } : {})}
        >
          {reasonText(reason)}
        </Button>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          choose(other.trim() || 'other');
        }}
      >
        <TextInput
          label={t('own.otherReason')}
          maxLength={100}
          value={other}
          onChange={(event) => setOther(event.currentTarget.value)}
        />
      </form>
      <Text size="xs" c="dimmed">
        {t('own.reasonHint')}
      </Text>
    </Stack>
  );
}
