import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { send } from './api.ts';
import { type CallOrder, requestFor } from './call-orders.ts';
import { useFailureText } from './failure-text.ts';

/** Asks something of a call in progress; the live view shows what came of it, a notice why it could not be done. */
export function useCallOrders(callId: string) {
  const { t } = useTranslation();
  const failureText = useFailureText();
  const order = useMutation({
    mutationFn: (given: CallOrder) => {
      const { method, path, body } = requestFor(callId, given);
      return send(method, path, body);
    },
    onError: (error, { type }) =>
      notifications.show({
        ...{ color: 'red', title: t(`call.refused.${type}`), message: failureText(error) },
        autoClose: 10_000,
      }),
  });
  return {
    isBusy: order.isPending,
    give: (given: CallOrder, onDone?: () => void) => order.mutate(given, onDone ? { onSuccess: onDone } : {}),
  };
}
