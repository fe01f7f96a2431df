import { Modal } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { PasswordForm } from './password-form.tsx';

/** A new password of one's own, whenever one likes. */
export function PasswordDialog(props: { loginName: string; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { loginName, opened, onClose } = props;
  return (
    <Modal opened={opened} onClose={onClose} title={t('shell.changePassword')}>
      <PasswordForm loginName={loginName} old={undefined} onClose={onClose} />
    </Modal>
  );
}
