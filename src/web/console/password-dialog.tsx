import { Alert, Button, Group, Modal, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';
import { useFailureText } from './failure-text.ts';
import { useChangePassword } from './me.ts';

/** A new password of one's own. */
export function PasswordDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={t('shell.changePassword')}>
      <PasswordForm onClose={onClose} />
    </Modal>
  );
}

function PasswordForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const failureText = useFailureText();
  const change = useChangePassword();
  const form = useForm({
    initialValues: { oldPassword: '', newPassword: '', again: '' },
    validate: { again: (value, { newPassword }) => (value === newPassword ? null : t('password.differs')) },
  });
  const submit = form.onSubmit(({ oldPassword, newPassword }) =>
    change.mutate(
      { oldPassword, newPassword },
      {
        onSuccess: () => {
          notifications.show({ message: t('password.done') });
          onClose();
        },
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        {change.isError && (
          <Alert color="red" role="alert">
            {failureText(change.error)}
          </Alert>
        )}
        <PasswordInput
          label={t('password.old')}
          autoComplete="current-password"
          data-autofocus
          {...form.getInputProps('oldPassword')}
        />
        <PasswordInput label={t('password.new')} autoComplete="new-password" {...form.getInputProps('newPassword')} />
        <PasswordInput label={t('password.again')} autoComplete="new-password" {...form.getInputProps('again')} />
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t('password.cancel')}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {t('password.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
