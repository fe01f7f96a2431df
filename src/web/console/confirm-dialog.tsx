import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Asks before something that cannot be undone. Enter does it, Escape does not. */
export function ConfirmDialog(props: {
  opened: boolean;
  onClose: () => void;
  title: string;
  text: string;
  action: string;
  onConfirmed: () => void;
}) {
  const { t } = useTranslation();
  const { opened, onClose, title, text, action, onConfirmed } = props;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size="sm" transitionProps={{ duration: 0 }}>
      <Stack>
        <Text>{text}</Text>
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t('call.cancel')}
          </Button>
          <Button
            color="red"
            data-autofocus
            onClick={() => {
              onConfirmed();
              onClose();
            }}
          >
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
