import { useTranslation } from 'react-i18next';
import { ja } from './texts/ja.ts';

type Known = keyof typeof ja.reason;

/** Reasons of a break that agents choose from, in this order. */
export const breakReasons = ['lunch', 'rest', 'meeting', 'training', 'paperwork'] as const;

/** A reason in the language of the page; what somebody typed as it is. */
export function useReasonText(): (reason: string) => string {
  const { t } = useTranslation();
  return (reason) => (isKnown(reason) ? t(`reason.${reason}`) : reason);
}

function isKnown(reason: string): reason is Known {
  return Object.hasOwn(ja.reason, reason);
}
