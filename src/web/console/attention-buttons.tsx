import { Button, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useTranslation } from 'react-i18next';
import type { Attention } from '../../desk/attention.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { useAttentionOrders } from './use-attention.ts';

/** What an operator decides of an account with many complaints. */
export function AttentionAccountButtons({ account }: { account: Attention['accounts'][number] }) {
  const { t } = useTranslation();
  const [asks, dialog] = useDisclosure(false);
  const { isBusy, setAnswering } = useAttentionOrders();
  const { accountId, name, answeringService } = account;
  const isSuspended = answeringService === 'suspended';
  const carryOn = isSuspended ? t('attention.resume') : t('attention.carryOn');
  return (
    <Group gap="xs" justify="end" wrap="nowrap">
      {!isSuspended && (
        <Button
          className="whole"
          size="compact-sm"
          variant="light"
          color="red"
          loading={isBusy}
          aria-label={`${t('attention.suspend')}: ${name}`}
          onClick={dialog.open}
        >
          {t('attention.suspend')}
        </Button>
      )}
      <Button
        className="whole"
        size="compact-sm"
        variant="default"
        loading={isBusy}
        title={t('attention.carryOnHint')}
        aria-label={`${carryOn}: ${name}`}
        onClick={() => setAnswering({ accountId, to: 'active' })}
      >
        {carryOn}
      </Button>
      <ConfirmDialog
        opened={asks}
        onClose={dialog.close}
        title={t('attention.suspendTitle', { account: name })}
        text={t('attention.suspendText')}
        action={t('attention.suspendNow')}
        onConfirmed={() => setAnswering({ accountId, to: 'suspended' })}
      />
    </Group>
  );
}

/** Sends what was given up once more. */
export function RetryButton({ name, outboxIds }: { name: string; outboxIds: readonly string[] }) {
  const { t } = useTranslation();
  const { isBusy, retry } = useAttentionOrders();
  return (
    <Button
      className="whole"
      size="compact-sm"
      variant="default"
      loading={isBusy}
      aria-label={`${t('attention.retry')}: ${name}`}
      onClick={() => retry(outboxIds, () => notifications.show({ message: t('attention.retried', { account: name }) }))}
    >
      {t('attention.retry')}
    </Button>
  );
}
