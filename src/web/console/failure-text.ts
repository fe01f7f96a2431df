import { useTranslation } from 'react-i18next';
import { ApiFailure } from './api.ts';
import { ja } from './texts/ja.ts';

type Known = Exclude<keyof typeof ja.error, 'other'>;

/** What to tell people about a failure. */
export function useFailureText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiFailure)) return t('error.other', { code: 'BUG' });
    if (!isKnown(error.code)) return t('error.other', { code: error.code });
    return t(`error.${error.code}`, { minutes: Math.ceil((error.retryAfterSeconds ?? 60) / 60) });
  };
}

function isKnown(code: string): code is Known {
  return code in ja.error && code !== 'other';
}
